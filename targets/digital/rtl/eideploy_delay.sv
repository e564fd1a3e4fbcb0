// A value some cycles later; zero cycles are a wire.
module eideploy_delay #(
    parameter integer WIDTH  = 1,
    parameter integer CYCLES = 1
) (
    input  logic             clk,
    input  logic [WIDTH-1:0] d,
    output logic [WIDTH-1:0] q
);
  if (CYCLES == 0) begin : g_wire
    assign q = d;
    wire unused = clk;
  end else begin : g_registers
    logic [CYCLES*WIDTH-1:0] held;
    always_ff @(posedge clk) held <= (CYCLES * WIDTH)'({held, d});
    assign q = held[CYCLES*WIDTH-1-:WIDTH];
  end
endmodule
