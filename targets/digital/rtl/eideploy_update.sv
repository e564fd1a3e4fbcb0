// Phase update after the issue: R neurons, their membranes, and rows of spikes.
module eideploy_update (
    input  logic                               clk,
    input  logic                               reset,
    // the stage and the step
    input  logic                               is_first,
    input  logic                               divisible,
    input  logic                               has_floor,
    input  logic                               to_zero,
    input  logic [eideploy_pkg::GENERAL_BITS-1:0] general,
    input  logic [eideploy_pkg::ALIGNED_BITS-1:0] least,
    input  logic [eideploy_pkg::LEAK_BITS-1:0] leak,
    input  logic [eideploy_pkg::SPIKE_BITS-1:0] most,
    input  logic [eideploy_pkg::CURRENT_BITS-2:0] current_top,
    input  logic [eideploy_pkg::MEMBRANE_BITS-2:0] membrane_top,
    // issue
    input  logic                               issue,
    input  logic [eideploy_pkg::ADDRESS-1:0]   issue_spike_address,
    input  logic [eideploy_pkg::ADDRESS-1:0]   issue_membrane_address,
    input  logic [eideploy_pkg::PART_BITS-1:0] issue_part,
    input  logic                               issue_ends_row,
    input  logic [eideploy_pkg::UPDATE_LANES-1:0] issue_exists,
    // a cycle later: the memories' rows
    input  logic [eideploy_pkg::LANES*eideploy_pkg::ACCUMULATOR_BITS-1:0] num,
    input  logic [eideploy_pkg::LANES*eideploy_pkg::DIVISOR_BITS-1:0] den,
    input  logic [eideploy_pkg::LANES*eideploy_pkg::LANE_BITS-1:0] lane_row,
    input  logic [eideploy_pkg::UPDATE_LANES*eideploy_pkg::PARAMETER_BITS-1:0] parameters,
    input  logic [eideploy_pkg::UPDATE_LANES*eideploy_pkg::MEMBRANE_BITS-1:0] membranes,
    input  logic [eideploy_pkg::UPDATE_LANES*eideploy_pkg::MEMBRANE_BITS-1:0] synapses,
    // the tables, one for each of the R dividers
    output logic [eideploy_pkg::UPDATE_LANES*eideploy_pkg::ADDRESS-1:0] table_address,
    input  logic [eideploy_pkg::UPDATE_LANES*eideploy_pkg::ENTRY_BITS-1:0] entries,
    // UPDATE_DEPTH + COUNT_CYCLES cycles after the issue
    output logic                               membrane_write,
    output logic [eideploy_pkg::ADDRESS-1:0]   membrane_address,
    output logic [eideploy_pkg::UPDATE_LANES*eideploy_pkg::MEMBRANE_BITS-1:0] next_membranes,
    output logic [eideploy_pkg::UPDATE_LANES*eideploy_pkg::MEMBRANE_BITS-1:0] next_synapses,
    output logic                               spike_write,
    output logic [eideploy_pkg::ADDRESS-1:0]   spike_address,
    output logic [eideploy_pkg::LANES*eideploy_pkg::SPIKE_BITS-1:0] spikes
);
  localparam integer A = eideploy_pkg::ADDRESS;
  localparam integer P = eideploy_pkg::LANES;
  localparam integer R = eideploy_pkg::UPDATE_LANES;
  localparam integer N = eideploy_pkg::ACCUMULATOR_BITS;
  localparam integer D = eideploy_pkg::DIVISOR_BITS;
  localparam integer L = eideploy_pkg::LANE_BITS;
  localparam integer PART = eideploy_pkg::PART_BITS;
  localparam integer X = eideploy_pkg::PARAMETER_BITS;
  localparam integer V = eideploy_pkg::MEMBRANE_BITS;
  localparam integer E = eideploy_pkg::ENTRY_BITS;
  localparam integer NOTE = 2 * A + PART + 1 + R;
  localparam integer Z = eideploy_pkg::SPIKE_BITS;
  localparam integer COUNT = eideploy_pkg::COUNT_CYCLES;
  localparam integer DEPTH = eideploy_pkg::UPDATE_DEPTH + COUNT;

  logic [DEPTH:1] valids;
  logic [NOTE-1:0] note1, note_divided, note_late;
  wire [PART-1:0] part1 = note1[1+R+:PART];

  always_ff @(posedge clk) begin
    valids <= reset ? '0 : {valids[DEPTH-1:1], issue};
    if (issue) begin
      note1 <= {
        issue_spike_address, issue_membrane_address, issue_part, issue_ends_row, issue_exists
      };
    end
  end

  eideploy_carry #(
      .WIDTH (NOTE),
      .CYCLES(eideploy_pkg::UPDATE_DEPTH - 1)
  ) note_line (
      .clk(clk),
      .d  (note1),
      .q  (note_divided)
  );
  eideploy_delay #(
      .WIDTH (NOTE),
      .CYCLES(COUNT)
  ) past_count (
      .clk(clk),
      .d  (note_divided),
      .q  (note_late)
  );

  logic [R*N-1:0] num_part;
  logic [R*D-1:0] den_part;
  logic [R*L-1:0] lane_part;

  eideploy_select #(
      .WIDTH(R * N),
      .COUNT(P / R)
  ) num_of_part (
      .words (num),
      .number(part1),
      .q     (num_part)
  );
  eideploy_select #(
      .WIDTH(R * D),
      .COUNT(P / R)
  ) den_of_part (
      .words (den),
      .number(part1),
      .q     (den_part)
  );
  eideploy_select #(
      .WIDTH(R * L),
      .COUNT(P / R)
  ) lane_of_part (
      .words (lane_row),
      .number(part1),
      .q     (lane_part)
  );

  // What the memories gave, and of it the part; pipelined, a cycle later.
  localparam integer MORE = eideploy_pkg::PIPELINED;
  logic [R*N-1:0] num2;
  logic [R*D-1:0] den2;
  logic [R*L-1:0] lanes2;
  logic [R*X-1:0] parameters2;
  logic [R*V-1:0] membranes2, synapses2;

  eideploy_delay #(
      .WIDTH (R * (N + D + L + X + V + V)),
      .CYCLES(MORE)
  ) words (
      .clk(clk),
      .d  ({num_part, den_part, lane_part, parameters, membranes, synapses}),
      .q  ({num2, den2, lanes2, parameters2, membranes2, synapses2})
  );

  logic [R*Z-1:0] fires;

  for (genvar i = 0; i < R; i++) begin : g_neuron
    eideploy_neuron one (
        .clk          (clk),
        .valid        (valids[1+MORE]),
        .is_first     (is_first),
        .divisible    (divisible),
        .has_floor    (has_floor),
        .to_zero      (to_zero),
        .general      (general),
        .least        (least),
        .leak         (leak),
        .most         (most),
        .current_top  (current_top),
        .membrane_top (membrane_top),
        .num          (num2[i*N+:N]),
        .den          (den2[i*D+:D]),
        .align        (lanes2[i*L+eideploy_pkg::SHIFT_BITS+:eideploy_pkg::ALIGN_BITS]),
        .threshold    (
            parameters2[i*X+eideploy_pkg::PARAMETER_THRESHOLD+:eideploy_pkg::THRESHOLD_BITS]),
        .bias         (parameters2[i*X+eideploy_pkg::PARAMETER_BIAS+:eideploy_pkg::BIAS_BITS]),
        .fraction     (
            parameters2[i*X+eideploy_pkg::PARAMETER_FRACTION+:eideploy_pkg::FRACTION_BITS]),
        .floor_divisor(parameters2[i*X+eideploy_pkg::PARAMETER_FLOOR+:eideploy_pkg::DIVISOR_BITS]),
        .own          (parameters2[i*X+eideploy_pkg::PARAMETER_OWN+:eideploy_pkg::OWN_BITS]),
        .membrane     (membranes2[i*V+:V]),
        .synapse      (synapses2[i*V+:V]),
        .table_address(table_address[i*A+:A]),
        .entry        (entries[i*E+:E]),
        .next_membrane(next_membranes[i*V+:V]),
        .next_synapse (next_synapses[i*V+:V]),
        .spikes       (fires[i*Z+:Z])
    );
  end

  // A row of spikes is gathered part by part and written with its last one.
  logic [P*Z-1:0] gathered;
  wire ends_row = note_late[R];
  wire [R-1:0] exists = note_late[R-1:0];
  wire [PART-1:0] part = note_late[1+R+:PART];
  logic [R*Z-1:0] firing;

  always_comb for (int i = 0; i < R; i++) firing[i*Z+:Z] = exists[i] ? fires[i*Z+:Z] : '0;

  assign membrane_write = valids[DEPTH];
  assign membrane_address = note_late[1+R+PART+:A];
  assign spike_write = valids[DEPTH] && ends_row;
  assign spike_address = note_late[1+R+PART+A+:A];
  assign spikes = gathered | ((P * Z)'(firing) << (part * R * Z));

  always_ff @(posedge clk) begin
    if (reset) gathered <= '0;
    else if (valids[DEPTH]) gathered <= ends_row ? '0 : spikes;
  end

  wire unused = &{1'b0, lanes2};
endmodule
