// A value that belongs to a neuron, on its way past the divider: a delay line, or, where the divider
// takes one neuron at a time, a wire, as what feeds it holds until the next neuron.
module eideploy_carry #(
    parameter integer WIDTH  = 1,
    parameter integer CYCLES = 1
) (
    input  logic             clk,
    input  logic [WIDTH-1:0] d,
    output logic [WIDTH-1:0] q
);
  eideploy_delay #(
      .WIDTH (WIDTH),
      .CYCLES(eideploy_pkg::DIVIDER == eideploy_pkg::DIVIDER_EXACT ? 0 : CYCLES)
  ) line (
      .clk(clk),
      .d  (d),
      .q  (q)
  );
endmodule
