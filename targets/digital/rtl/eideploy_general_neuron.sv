// What follows the divider in neurons of any leak, filter and reset (A33..A36); of each that no
// network of this core has, nothing is built. Cycles are those of `neuron`.
//
//     1  spikes of the step before, times the leaks      2  leaks subtracted
//     DEPTH - 1  saturate, sign, bias, filter            DEPTH  membrane, spike, reset
module eideploy_general_neuron (
    input  logic                                    clk,
    // the stage and the step
    input  logic                                    is_first,
    input  logic                                    to_zero,
    input  logic [eideploy_pkg::GENERAL_BITS-1:0]   general,
    input  logic [eideploy_pkg::LEAK_BITS-1:0]      leak,
    input  logic [eideploy_pkg::SPIKE_BITS-1:0]     most,  // spikes of a step
    input  logic [eideploy_pkg::CURRENT_BITS-2:0]   current_top,
    input  logic [eideploy_pkg::MEMBRANE_BITS-2:0]  membrane_top,
    // the neuron, cycle 1
    input  logic                                    is_negative,
    input  logic [eideploy_pkg::THRESHOLD_BITS-1:0] threshold,
    input  logic [eideploy_pkg::BIAS_BITS-1:0]      bias,
    input  logic [eideploy_pkg::OWN_BITS-1:0]       own,
    input  logic [eideploy_pkg::MEMBRANE_BITS-1:0]  membrane,
    input  logic [eideploy_pkg::MEMBRANE_BITS-1:0]  synapse,
    // cycle DEPTH - 1
    input  logic [eideploy_pkg::CURRENT_BITS:0]     magnitude,
    // cycle DEPTH
    output logic [eideploy_pkg::MEMBRANE_BITS-1:0]  next_membrane,
    output logic [eideploy_pkg::MEMBRANE_BITS-1:0]  next_synapse,
    output logic [eideploy_pkg::SPIKE_BITS-1:0]     spikes  // where there are several, SPIKE_BITS cycles
                                                         // later, as all that is put out
);
  localparam integer C = eideploy_pkg::CURRENT_BITS;
  localparam integer V = eideploy_pkg::MEMBRANE_BITS;
  localparam integer T = eideploy_pkg::THRESHOLD_BITS;
  localparam integer B = eideploy_pkg::BIAS_BITS;
  localparam integer F = eideploy_pkg::FACTOR_BITS;
  localparam integer G = eideploy_pkg::SYNAPSE_FACTOR_BITS;
  localparam integer K = eideploy_pkg::LEAK_BITS;
  localparam integer DEPTH = eideploy_pkg::UPDATE_DEPTH;
  localparam integer MORE = eideploy_pkg::PIPELINED;
  localparam integer L = (T > V ? T + 1 : V) + 2;  // what is left of a membrane, less a threshold
  localparam integer J = (B > C ? B : C) + 1;  // the current with its bias
  localparam integer I = (J > V + 1 ? J : V + 1) + 1;  // and with what is left of the filter
  localparam integer U = (I > L ? I : L) + 2;  // the membrane before it saturates
  localparam logic SYNAPSE = eideploy_pkg::HAS_SYNAPSE != 0;
  localparam logic LATE = eideploy_pkg::HAS_LATE != 0;
  localparam logic ABOVE = eideploy_pkg::HAS_ABOVE != 0;
  localparam logic KEEPS = eideploy_pkg::HAS_KEEPS != 0;
  localparam logic REST = eideploy_pkg::HAS_REST != 0;
  localparam logic LOWEST = eideploy_pkg::HAS_LOWEST != 0;

  // What is not there is not read: its place in the word is that of something else.
  wire [eideploy_pkg::OWN_BITS+V-1:0] padded = {V'(0), own};

  wire has_synapse = SYNAPSE && general[eideploy_pkg::GENERAL_HAS_SYNAPSE];
  wire is_late = LATE && general[eideploy_pkg::GENERAL_IS_LATE];
  wire spikes_late = LATE && general[eideploy_pkg::GENERAL_SPIKES_LATE];
  wire is_above = ABOVE && general[eideploy_pkg::GENERAL_IS_ABOVE];
  wire keeps = KEEPS && general[eideploy_pkg::GENERAL_KEEPS];
  wire [K-1:0] synapse_leak = general[eideploy_pkg::GENERAL_SYNAPSE_LEAK+:K];

  // 1: leaks are factors in units of 2^-leak.
  wire signed [V-1:0] held = is_first ? '0 : $signed(membrane);
  wire signed [V-1:0] filtered = is_first || !has_synapse ? '0 : $signed(synapse);
  wire signed [F:0] factor = {1'b0, own[eideploy_pkg::OWN_LEAK+:F]};
  wire signed [G:0] synapse_factor = {1'b0, own[eideploy_pkg::OWN_SYNAPSE_LEAK+:G]};
  wire signed [L-1:0] limit1 = $signed(L'(threshold));
  wire late1 = is_late && (is_above ? L'(held) > limit1 : L'(held) >= limit1);

  logic signed [V+F:0] product2;
  logic signed [V+G:0] synapse_product2;
  logic signed [V-1:0] held2, filtered2;
  logic signed [L-1:0] reset2;
  logic signed [L-1:0] left3;
  logic signed [V:0] synapse_left3;

  wire signed [V+F:0] leak2 = product2 >>> leak;
  wire signed [V+G:0] synapse_leak2 = synapse_product2 >>> synapse_leak;

  always_ff @(posedge clk) begin
    product2 <= (V + F + 1)'(held) * (V + F + 1)'(factor);
    synapse_product2 <= (V + G + 1)'(filtered) * (V + G + 1)'(synapse_factor);
    held2 <= held;
    filtered2 <= filtered;
    reset2 <= late1 && !keeps ? limit1 : '0;  // of no effect where the reset is to zero
    left3 <= L'(held2) - L'(leak2) - reset2;
    synapse_left3 <= (V + 1)'(filtered2) - (V + 1)'(synapse_leak2);
  end

  // DEPTH - 1: the current saturates and gets its sign, its bias, and what the filter kept.
  logic negative_late;
  logic [B-1:0] bias_late;
  logic signed [V:0] synapse_left_late;
  logic signed [I-1:0] current;

  eideploy_carry #(
      .WIDTH (1 + B),
      .CYCLES(DEPTH - 2 - 2 * MORE)
  ) past_divider (
      .clk(clk),
      .d  ({is_negative, bias}),
      .q  ({negative_late, bias_late})
  );
  eideploy_carry #(
      .WIDTH (V + 1),
      .CYCLES(DEPTH - 4 - 2 * MORE)
  ) past_filter (
      .clk(clk),
      .d  (synapse_left3),
      .q  (synapse_left_late)
  );

  wire [C-1:0] limited = magnitude > {2'b00, current_top} ? {1'b0, current_top} : magnitude[C-1:0];
  wire signed [I-1:0] unsigned_current = $signed(I'(limited));
  wire signed [I-1:0] signed_current = negative_late ? -unsigned_current : unsigned_current;

  always_ff @(posedge clk) begin
    current <= signed_current + I'($signed(bias_late)) + I'(synapse_left_late);
  end

  // DEPTH
  logic late;
  logic [T-1:0] threshold_late;
  logic [V-1:0] rest_late, lowest_late;
  logic signed [L-1:0] left;

  eideploy_carry #(
      .WIDTH (1 + T + V + V),
      .CYCLES(DEPTH - 1 - 2 * MORE)
  ) to_membrane (
      .clk(clk),
      .d  ({
        late1,
        threshold,
        REST ? padded[eideploy_pkg::OWN_V_RESET+:V] : V'(0),
        LOWEST ? padded[eideploy_pkg::OWN_V_MIN+:V] : V'(0)
      }),
      .q  ({late, threshold_late, rest_late, lowest_late})
  );
  eideploy_carry #(
      .WIDTH (L),
      .CYCLES(DEPTH - 3 - 2 * MORE)
  ) left_line (
      .clk(clk),
      .d  (left3),
      .q  (left)
  );

  wire signed [U-1:0] highest = $signed(U'(membrane_top));
  wire signed [U-1:0] lowest = ~highest;
  wire signed [U-1:0] rest = U'($signed(rest_late));
  wire signed [U-1:0] bottom = LOWEST ? U'($signed(lowest_late)) : lowest;
  wire signed [U-1:0] whole = U'(current);
  wire signed [U-1:0] clipped = whole > highest ? highest : whole < lowest ? lowest : whole;
  wire signed [U-1:0] input_now = has_synapse ? clipped : whole;
  wire signed [U-1:0] raw = late && to_zero ? rest : U'(left) + input_now;
  wire signed [U-1:0] saturated = raw > highest ? highest : raw < bottom ? bottom : raw;

  logic late_last;
  logic signed [U-1:0] u;
  logic [T-1:0] threshold_last;
  logic [V-1:0] rest_last, synapse_last;

  eideploy_delay #(
      .WIDTH (1 + U + T + 2 * V),
      .CYCLES(MORE)
  ) to_threshold (
      .clk(clk),
      .d  ({late, saturated, threshold_late, rest_late, V'(clipped)}),
      .q  ({late_last, u, threshold_last, rest_last, synapse_last})
  );

  wire signed [U-1:0] limit = $signed(U'(threshold_last));
  wire fires = is_above ? u > limit : u >= limit;

  if (eideploy_pkg::SPIKE_BITS == 1) begin : g_one
    assign spikes = spikes_late ? late_last : fires;
    assign next_synapse = synapse_last;
    assign next_membrane = V'(!fires || keeps || is_late ? u : to_zero ? U'($signed(rest_last)) : u - limit);
  end else begin : g_several
    localparam integer Z = eideploy_pkg::SPIKE_BITS;
    logic late_before;
    logic [Z-1:0] count;

    eideploy_spike_counter counter (
        .clk          (clk),
        .is_above     (is_above),
        .stays        (keeps || is_late),
        .to_zero      (to_zero),
        .most         (most),
        .membrane     (V'(u)),
        .rest         (rest_last),
        .threshold    (threshold_last),
        .next_membrane(next_membrane),
        .count        (count)
    );
    eideploy_delay #(
        .WIDTH (V + 1),
        .CYCLES(Z)
    ) beside (
        .clk(clk),
        .d  ({late_last, synapse_last}),
        .q  ({late_before, next_synapse})
    );
    assign spikes = spikes_late ? Z'(late_before) : count;
    wire unused = fires;
  end

  wire unused = &{1'b0, general, padded, synapse, leak2, synapse_leak2, most};
endmodule
