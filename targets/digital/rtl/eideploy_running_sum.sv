// A lane's sum of the row at hand: the one that the memory gives, or one that is not yet written.
// Pipelined, a register stands between reading and adding, and two sums are on their way at once.
module eideploy_running_sum #(
    parameter integer WIDTH = 8
) (
    input  logic             clk,
    input  logic             again,       // the operation before this one is on the same row
    input  logic             again_late,  // the one before that is, pipelined
    input  logic [WIDTH-1:0] stored,
    // the operation on it; pipelined, a cycle later
    input  logic             subtracts,
    input  logic [WIDTH-1:0] change,
    output logic [WIDTH-1:0] next
);
  logic [WIDTH-1:0] last, old;

  always_ff @(posedge clk) last <= next;

  if (eideploy_pkg::PIPELINED != 0) begin : g_register
    always_ff @(posedge clk) old <= again ? next : again_late ? last : stored;
  end else begin : g_none
    assign old = again ? last : stored;
    wire unused = &{1'b0, again_late};
  end

  assign next = subtracts ? old - change : old + change;
endmodule
