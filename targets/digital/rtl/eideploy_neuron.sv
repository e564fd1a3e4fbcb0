// One neuron at a time: divide, integrate, fire, reset (A6..A10). In cycle DEPTH the new membrane and
// the spike are there.
//
//     1  the memories' words are there; a zero divisor is replaced      2 ..  the divider
//     DEPTH - 1  saturate, sign, bias, leak      DEPTH  membrane, spike, reset
//
// Pipelined, the words come in cycle 2, and the membrane takes two cycles.
module eideploy_neuron (
    input  logic                                    clk,
    input  logic                                    valid,  // cycle 1
    // the stage and the step
    input  logic                                    is_first,
    input  logic                                    divisible,
    input  logic                                    has_floor,
    input  logic                                    to_zero,
    input  logic [eideploy_pkg::GENERAL_BITS-1:0]   general,
    input  logic [eideploy_pkg::ALIGNED_BITS-1:0]   least,
    input  logic [eideploy_pkg::LEAK_BITS-1:0]      leak,
    input  logic [eideploy_pkg::SPIKE_BITS-1:0]     most,  // spikes of a step
    input  logic [eideploy_pkg::CURRENT_BITS-2:0]   current_top,
    input  logic [eideploy_pkg::MEMBRANE_BITS-2:0]  membrane_top,
    // the neuron, cycle 1
    input  logic [eideploy_pkg::ACCUMULATOR_BITS-1:0] num,
    input  logic [eideploy_pkg::DIVISOR_BITS-1:0]   den,
    input  logic [eideploy_pkg::ALIGN_BITS-1:0]     align,
    input  logic [eideploy_pkg::THRESHOLD_BITS-1:0] threshold,
    input  logic [eideploy_pkg::BIAS_BITS-1:0]      bias,
    input  logic [eideploy_pkg::FRACTION_BITS-1:0]  fraction,
    input  logic [eideploy_pkg::DIVISOR_BITS-1:0]   floor_divisor,
    input  logic [eideploy_pkg::OWN_BITS-1:0]       own,
    input  logic [eideploy_pkg::MEMBRANE_BITS-1:0]  membrane,
    input  logic [eideploy_pkg::MEMBRANE_BITS-1:0]  synapse,
    // the table
    output logic [eideploy_pkg::ADDRESS-1:0]        table_address,
    input  logic [eideploy_pkg::ENTRY_BITS-1:0]     entry,
    // cycle DEPTH
    output logic [eideploy_pkg::MEMBRANE_BITS-1:0]  next_membrane,
    output logic [eideploy_pkg::MEMBRANE_BITS-1:0]  next_synapse,
    output logic [eideploy_pkg::SPIKE_BITS-1:0]     spikes
);
  localparam integer N = eideploy_pkg::ACCUMULATOR_BITS;
  localparam integer M = eideploy_pkg::ALIGNED_BITS;
  localparam integer C = eideploy_pkg::CURRENT_BITS;
  localparam integer V = eideploy_pkg::MEMBRANE_BITS;
  localparam integer T = eideploy_pkg::THRESHOLD_BITS;
  localparam integer B = eideploy_pkg::BIAS_BITS;
  localparam integer Q = eideploy_pkg::POWER_BITS;
  localparam integer DEPTH = eideploy_pkg::UPDATE_DEPTH;
  localparam integer MORE = eideploy_pkg::PIPELINED;
  localparam integer I = (B > C ? B : C) + 1;  // the current with its bias
  localparam integer U = (I > V ? I : V) + 2;  // the membrane before it saturates

  // Of a core that does not divide, every divisor is 1.
  localparam logic DIVIDES = eideploy_pkg::DIVIDER != eideploy_pkg::DIVIDER_NONE;

  // 1: without any positive divisor 0 / 1 stands for the current.
  wire is_negative = num[N-1];
  wire is_zero = den == '0;
  wire [N-1:0] absolute = is_negative ? -num : num;  // of -2^(N-1), too

  logic [N-1:0] num2;
  logic [M-1:0] den2;
  logic signed [Q-1:0] fraction2;
  logic valid2;

  always_ff @(posedge clk) begin
    valid2 <= valid;
    num2   <= divisible || !DIVIDES ? absolute : '0;
    if (!divisible || !DIVIDES) den2 <= M'(1);
    else if (!is_zero) den2 <= M'(den);
    else den2 <= has_floor ? M'(floor_divisor) : least;
    fraction2 <= Q'($signed(fraction)) + $signed(is_zero && !has_floor && DIVIDES ? Q'(align) : Q'(0));
  end

  logic [C:0] magnitude;

  if (eideploy_pkg::DIVIDER == eideploy_pkg::DIVIDER_EXACT) begin : g_exact
    eideploy_divider_iterative divider (
        .clk      (clk),
        .start    (valid2),
        .num      (num2),
        .den      (den2),
        .fraction (fraction2),
        .magnitude(magnitude)
    );
    assign table_address = '0;
    wire unused = &{1'b0, entry};
  end else if (eideploy_pkg::DIVIDER == eideploy_pkg::DIVIDER_LUT) begin : g_table
    eideploy_divider_table divider (
        .clk          (clk),
        .num          (num2),
        .den          (den2),
        .fraction     (fraction2),
        .table_address(table_address),
        .entry        (entry),
        .magnitude    (magnitude)
    );
    wire unused = &{1'b0, valid2};
  end else begin : g_shift
    eideploy_divider_shift divider (
        .clk      (clk),
        .num      (num2),
        .den      (den2),
        .fraction (fraction2),
        .magnitude(magnitude)
    );
    assign table_address = '0;
    wire unused = &{1'b0, valid2, entry};
  end

  if (eideploy_pkg::GENERAL != 0) begin : g_general
    eideploy_general_neuron integrate (
        .clk          (clk),
        .is_first     (is_first),
        .to_zero      (to_zero),
        .general      (general),
        .leak         (leak),
        .most         (most),
        .current_top  (current_top),
        .membrane_top (membrane_top),
        .is_negative  (is_negative),
        .threshold    (threshold),
        .bias         (bias),
        .own          (own),
        .membrane     (membrane),
        .synapse      (synapse),
        .magnitude    (magnitude),
        .next_membrane(next_membrane),
        .next_synapse (next_synapse),
        .spikes       (spikes)
    );
  end else begin : g_lif
    // DEPTH - 1: the current saturates and gets its sign and bias; the membrane leaks.
    logic negative_late;
    logic [B-1:0] bias_late;
    logic [V-1:0] membrane_late;
    logic signed [I-1:0] current;
    logic signed [V:0] leaked;

    eideploy_carry #(
        .WIDTH (1 + B + V),
        .CYCLES(DEPTH - 2 - 2 * MORE)
    ) past_divider (
        .clk(clk),
        .d  ({is_negative, bias, membrane}),
        .q  ({negative_late, bias_late, membrane_late})
    );

    wire [C-1:0] limited = magnitude > {2'b00, current_top} ? {1'b0, current_top} : magnitude[C-1:0];
    wire signed [I-1:0] unsigned_current = $signed(I'(limited));
    wire signed [I-1:0] signed_current = negative_late ? -unsigned_current : unsigned_current;
    wire signed [V-1:0] held = is_first ? '0 : $signed(membrane_late);
    wire signed [V-1:0] leak_of_held = held >>> leak;

    always_ff @(posedge clk) begin
      current <= signed_current + I'($signed(bias_late));
      leaked  <= (V + 1)'(held) - (V + 1)'(leak_of_held);
    end

    // DEPTH
    logic [T-1:0] threshold_late;
    logic [U-1:0] held_u;

    eideploy_carry #(
        .WIDTH (T),
        .CYCLES(DEPTH - 1 - MORE)
    ) to_membrane (
        .clk(clk),
        .d  (threshold),
        .q  (threshold_late)
    );

    wire signed [U-1:0] raw = U'(leaked) + U'(current);
    wire signed [U-1:0] highest = $signed(U'(membrane_top));
    wire signed [U-1:0] lowest = ~highest;
    wire signed [U-1:0] limit = $signed(U'(threshold_late));
    wire signed [U-1:0] saturated = raw > highest ? highest : raw < lowest ? lowest : raw;
    wire signed [U-1:0] u = $signed(held_u);

    eideploy_delay #(
        .WIDTH (U),
        .CYCLES(MORE)
    ) to_threshold (
        .clk(clk),
        .d  (saturated),
        .q  (held_u)
    );

    assign spikes = u >= limit;
    assign next_membrane = V'(!spikes ? u : to_zero ? U'(0) : u - limit);

    assign next_synapse = '0;
    wire unused = &{1'b0, threshold_late, general, own, synapse, most};  // no threshold is above the membranes
  end
endmodule
