// round(x 2^power), ties up, a cycle later; above 2^CURRENT_BITS - 1 it is some value that saturates.
//
// q = floor(x 2^(power + 1)) by one shift to the right, then (q + 1) >> 1.
module scale #(
    parameter integer WIDTH = 8
) (
    input  logic                                   clk,
    input  logic [WIDTH-1:0]                       x,
    input  logic signed [core_pkg::POWER_BITS-1:0] power,
    output logic [core_pkg::CURRENT_BITS:0]        magnitude
);
  localparam integer C = core_pkg::CURRENT_BITS;
  localparam integer B = core_pkg::POWER_BITS + 1;
  localparam integer S = $clog2(WIDTH + C + 1);

  // The shift to the right of x 2^C.
  wire signed [B-1:0] amount = B'(C - 1) - B'(power);
  wire beyond = amount < 0;
  wire vanishes = amount > B'(WIDTH + C);
  wire [S-1:0] limited = vanishes ? S'(WIDTH + C) : S'(amount);
  wire [WIDTH+C-1:0] shifted = {x, {C{1'b0}}} >> limited;
  wire overflow = beyond ? x != '0 : shifted[WIDTH+C-1:C] != '0;

  always_ff @(posedge clk) begin
    if (overflow) magnitude <= {1'b1, {C{1'b0}}};
    else if (beyond) magnitude <= '0;
    else magnitude <= ({1'b0, shifted[C-1:0]} + (C + 1)'(1)) >> 1;
  end
endmodule
