// Phase update: gives the dividers R neurons every INTERVAL cycles, position by position (C6).
// Phase minimum uses the same row counters, a row a cycle (C5).
module eideploy_neuron_scanner (
    input  logic                             clk,
    input  logic                             enter,        // phase update or minimum begins
    input  logic                             run_minimum,
    input  logic                             run_update,
    // the stage
    input  logic [eideploy_pkg::ADDRESS-1:0] positions,
    input  logic [eideploy_pkg::ADDRESS-1:0] n_e,
    input  logic [eideploy_pkg::ADDRESS-1:0] groups_e,
    input  logic [eideploy_pkg::ADDRESS-1:0] accumulator_base,
    input  logic [eideploy_pkg::ADDRESS-1:0] membrane_base,
    input  logic [eideploy_pkg::ADDRESS-1:0] parameter_base,
    input  logic [eideploy_pkg::ADDRESS-1:0] spike_base,
    input  logic [eideploy_pkg::ADDRESS-1:0] spike_bank,   // what is added to it in odd steps
    input  logic                             is_odd,
    input  logic [eideploy_pkg::ADDRESS-1:0] lane_base,
    // memories
    output logic                             row_read,
    output logic [eideploy_pkg::ADDRESS-1:0] row_address,
    output logic [eideploy_pkg::ADDRESS-1:0] lane_address,
    output logic [eideploy_pkg::ADDRESS-1:0] membrane_address,
    output logic [eideploy_pkg::ADDRESS-1:0] parameter_address,
    // what is issued in this cycle
    output logic                             issue,
    output logic [eideploy_pkg::ADDRESS-1:0] issue_spike_address,
    output logic [eideploy_pkg::PART_BITS-1:0] issue_part,  // which R lanes of the row
    output logic                             issue_ends_row,
    output logic [eideploy_pkg::UPDATE_LANES-1:0] issue_exists,
    output logic                             done_minimum,
    output logic                             done_update
);
  localparam integer A = eideploy_pkg::ADDRESS;
  localparam integer R = eideploy_pkg::UPDATE_LANES;
  localparam integer PARTS = eideploy_pkg::LANES / R;
  localparam integer WAIT = eideploy_pkg::INTERVAL > 1 ? $clog2(eideploy_pkg::INTERVAL) : 1;

  logic [A-1:0] row, group, position, neuron, word, parameters;
  logic [eideploy_pkg::PART_BITS-1:0] part;
  logic [WAIT-1:0] left;

  wire last_group = group == groups_e - A'(1);
  wire last_position = position == positions - A'(1);
  wire ends_position = neuron + A'(R) >= n_e;
  wire ends_row = ends_position || part == eideploy_pkg::PART_BITS'(PARTS - 1);

  assign issue = run_update && left == '0;
  assign row_read = run_minimum || (issue && part == '0);
  assign row_address = accumulator_base + row;
  assign lane_address = lane_base + group;
  assign membrane_address = membrane_base + word;
  assign parameter_address = parameter_base + parameters;
  assign issue_spike_address = spike_base + (is_odd ? spike_bank : '0) + row;
  assign issue_part = part;
  assign issue_ends_row = ends_row;
  assign done_minimum = run_minimum && last_group && last_position;
  assign done_update = issue && ends_position && last_position;

  always_comb for (int i = 0; i < R; i++) issue_exists[i] = neuron + A'(i) < n_e;

  wire next_row = run_minimum || (issue && ends_row);

  always_ff @(posedge clk) begin
    if (enter) begin
      {row, group, position, neuron, word, parameters} <= '0;
      part <= '0;
      left <= '0;
    end else begin
      if (run_update) left <= left == '0 ? WAIT'(eideploy_pkg::INTERVAL - 1) : left - WAIT'(1);
      if (issue) begin
        neuron     <= ends_position ? '0 : neuron + A'(R);
        parameters <= ends_position ? '0 : parameters + A'(1);
        part       <= ends_row ? '0 : part + eideploy_pkg::PART_BITS'(1);
        word       <= word + A'(1);
      end
      if (next_row) begin
        row   <= row + A'(1);
        group <= last_group ? '0 : group + A'(1);
        if (last_group) position <= position + A'(1);
      end
    end
  end
endmodule
