// Phase output: a logit a cycle, two cycles after its issue; held while the output port waits (C7).
module eideploy_readout (
    input  logic                             clk,
    input  logic                             reset,
    input  logic                             enter,
    input  logic                             run,
    // the stage
    input  logic [eideploy_pkg::ADDRESS-1:0] n_e,
    input  logic [eideploy_pkg::ADDRESS-1:0] base,
    // the accumulator memory
    output logic                             row_read,
    output logic [eideploy_pkg::ADDRESS-1:0] row_address,
    input  logic [eideploy_pkg::LANES*eideploy_pkg::ACCUMULATOR_BITS-1:0] num,
    // the output port
    output logic                             out_valid,
    input  logic                             out_ready,
    output logic [eideploy_pkg::ADDRESS-1:0] out_class,
    output logic [eideploy_pkg::ACCUMULATOR_BITS-1:0] out_logit,
    output logic                             hold,
    output logic                             done
);
  localparam integer A = eideploy_pkg::ADDRESS;
  localparam integer P = eideploy_pkg::LANES;
  localparam integer N = eideploy_pkg::ACCUMULATOR_BITS;
  localparam integer LANE = $clog2(P);

  logic [A-1:0] neuron, class1;
  logic [LANE-1:0] lane1;
  logic [A-1:0] row;
  logic valid1;
  logic [N-1:0] logit1;

  eideploy_select #(
      .WIDTH(N),
      .COUNT(P)
  ) logit_of_lane (
      .words (num),
      .number(lane1),
      .q     (logit1)
  );

  assign hold = out_valid && !out_ready;

  wire issue = run && !hold;
  wire [LANE-1:0] lane = neuron[LANE-1:0];

  assign row_read = issue && lane == '0;
  assign row_address = base + row;
  assign done = issue && neuron == n_e - A'(1);

  always_ff @(posedge clk) begin
    if (enter) {neuron, row} <= '0;
    else if (issue) begin
      neuron <= neuron + A'(1);
      if (lane == LANE'(P - 1)) row <= row + A'(1);
    end
    if (reset) {valid1, out_valid} <= '0;
    else if (!hold) {valid1, out_valid} <= {issue, valid1};
    if (!hold) begin
      {class1, lane1} <= {neuron, lane};
      out_class <= class1;
      out_logit <= logit1;
    end
  end
endmodule
