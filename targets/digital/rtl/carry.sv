// A value that belongs to a neuron, on its way past the divider: a delay line, or, where the divider
// takes one neuron at a time, a wire, as what feeds it holds until the next neuron.
module carry #(
    parameter integer WIDTH  = 1,
    parameter integer CYCLES = 1
) (
    input  logic             clk,
    input  logic [WIDTH-1:0] d,
    output logic [WIDTH-1:0] q
);
  delay #(
      .WIDTH (WIDTH),
      .CYCLES(core_pkg::DIVIDER == core_pkg::DIVIDER_EXACT ? 0 : CYCLES)
  ) line (
      .clk(clk),
      .d  (d),
      .q  (q)
  );
endmodule
