// round(x 2^power), ties up; above 2^CURRENT_BITS - 1 it is some value that saturates.
//
// q = floor(x 2^(power + 1)) by one shift to the right, then (q + 1) >> 1: in one cycle, and the power
// comes with x; or, pipelined, in two, and it comes a cycle before.
module eideploy_scale #(
    parameter integer WIDTH = 8
) (
    input  logic                                   clk,
    input  logic signed [eideploy_pkg::POWER_BITS-1:0] power,
    input  logic [WIDTH-1:0]                       x,
    output logic [eideploy_pkg::CURRENT_BITS:0]    magnitude
);
  localparam integer C = eideploy_pkg::CURRENT_BITS;
  localparam integer B = eideploy_pkg::POWER_BITS + 1;
  localparam integer S = $clog2(WIDTH + C + 1);

  // The shift to the right of x 2^C.
  wire signed [B-1:0] amount = B'(C - 1) - B'(power);
  wire beyond = amount < 0;
  wire vanishes = amount > B'(WIDTH + C);

  logic beyond1, beyond2, any2;
  logic [S-1:0] amount1;
  logic [WIDTH+C-1:0] shifted2;
  wire [S-1:0] limited = vanishes ? S'(WIDTH + C) : S'(amount);
  wire [WIDTH+C-1:0] shifted = {x, {C{1'b0}}} >> amount1;

  eideploy_delay #(
      .WIDTH (1 + S),
      .CYCLES(eideploy_pkg::PIPELINED)
  ) power_line (
      .clk(clk),
      .d  ({beyond, limited}),
      .q  ({beyond1, amount1})
  );
  eideploy_delay #(
      .WIDTH (2 + WIDTH + C),
      .CYCLES(eideploy_pkg::PIPELINED)
  ) shifted_line (
      .clk(clk),
      .d  ({beyond1, x != '0, shifted}),
      .q  ({beyond2, any2, shifted2})
  );

  wire overflow = beyond2 ? any2 : shifted2[WIDTH+C-1:C] != '0;

  always_ff @(posedge clk) begin
    if (overflow) magnitude <= {1'b1, {C{1'b0}}};
    else if (beyond2) magnitude <= '0;
    else magnitude <= ({1'b0, shifted2[C-1:0]} + (C + 1)'(1)) >> 1;
  end
endmodule
