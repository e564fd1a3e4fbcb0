// Stages 1 and 2 of the lanes' pipeline: which row of weights, and which row of sums.
//
//     weight row  base + channel pitch + offset
//     sum row     base + position groups + group, one of NUM and DEN, one of s_I
module eideploy_address_generator (
    input  logic                             clk,
    input  logic                             reset,
    // the stage
    input  logic                             is_folded,
    input  logic [eideploy_pkg::ADDRESS-1:0] groups_i,
    input  logic [eideploy_pkg::ADDRESS-1:0] groups_e,
    input  logic [eideploy_pkg::ADDRESS-1:0] weight_base,
    input  logic [eideploy_pkg::ADDRESS-1:0] inhibitory_base,
    input  logic [eideploy_pkg::ADDRESS-1:0] accumulator_base,
    input  logic [eideploy_pkg::ADDRESS-1:0] inhibition_base,
    input  logic [eideploy_pkg::ADDRESS-1:0] lane_base,
    input  logic [eideploy_pkg::ADDRESS-1:0] gain_base,
    // phase accumulate
    input  logic                             event_valid,
    input  logic                             event_excites,
    input  logic                             event_inhibits,
    input  logic [eideploy_pkg::ADDRESS-1:0] event_channel,
    input  logic [eideploy_pkg::ADDRESS-1:0] event_pitch,
    input  logic [eideploy_pkg::ADDRESS-1:0] event_offset,
    input  logic [eideploy_pkg::ADDRESS-1:0] event_position,
    input  logic [eideploy_pkg::ADDRESS-1:0] event_group,
    input  logic [eideploy_pkg::EVENT_BITS-1:0] event_value,
    // phase inhibit
    input  logic                             unit_valid,
    input  logic [eideploy_pkg::ADDRESS-1:0] unit,
    input  logic [eideploy_pkg::ADDRESS-1:0] unit_position,
    input  logic [eideploy_pkg::ADDRESS-1:0] unit_group,
    input  logic [eideploy_pkg::INHIBITION_BITS-1:0] unit_sum,
    // to the memories and the lanes, a cycle later
    output logic [eideploy_pkg::ADDRESS-1:0] gain_address,  // at once
    output logic                             valid,         // NUM or DEN is added to
    output logic                             valid_i,       // s_I is added to
    output logic [1:0]                       kind,
    output logic [eideploy_pkg::ADDRESS-1:0] weight_address,
    output logic [eideploy_pkg::ADDRESS-1:0] lane_address,
    output logic [eideploy_pkg::ADDRESS-1:0] sum_address,
    output logic [eideploy_pkg::ADDRESS-1:0] sum_address_i,
    output logic [eideploy_pkg::VALUE_BITS-1:0] value
);
  localparam integer A = eideploy_pkg::ADDRESS;
  localparam integer V = eideploy_pkg::VALUE_BITS;

  wire [A-1:0] channel = unit_valid ? unit : event_channel;
  wire [A-1:0] pitch = unit_valid ? groups_e : event_pitch;
  wire [A-1:0] offset = unit_valid ? unit_group : event_offset;
  wire [A-1:0] position = unit_valid ? unit_position : event_position;
  wire [A-1:0] group = unit_valid ? unit_group : event_group;
  wire divides = event_inhibits && is_folded;
  localparam logic BESIDE = eideploy_pkg::HAS_INHIBITORY_LANES != 0;
  wire to_inhibition = !BESIDE && !unit_valid && event_inhibits && !is_folded;

  assign gain_address = gain_base + unit;

  always_ff @(posedge clk) begin
    valid <= !reset && ((event_valid && (event_excites || divides)) || unit_valid);
    valid_i <= !reset && event_valid && event_inhibits && !is_folded;
    kind <= unit_valid ? eideploy_pkg::KIND_EI : divides ? eideploy_pkg::KIND_DEN
        : to_inhibition ? eideploy_pkg::KIND_IE : eideploy_pkg::KIND_EE;
    weight_address <= (unit_valid ? inhibitory_base : weight_base) + channel * pitch + offset;
    lane_address <= lane_base + group;
    sum_address <= (to_inhibition ? inhibition_base : accumulator_base)
        + position * (to_inhibition ? groups_i : groups_e) + group;
    value <= unit_valid ? V'(unit_sum) : V'(event_value);
  end

  if (BESIDE) begin : g_beside
    always_ff @(posedge clk) begin
      sum_address_i <= inhibition_base + event_position * groups_i + event_group;
    end
  end else begin : g_in_turn
    assign sum_address_i = sum_address;
  end
endmodule
