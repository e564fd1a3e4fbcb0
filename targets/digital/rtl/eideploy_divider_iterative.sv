// The exact divider, a quotient bit a cycle (restoring): round(2^fraction num / den) (A8).
//
// With C = CURRENT_BITS: q = floor(2^(fraction + 1) num / den) of C bits, then (q + 1) >> 1. The first
// remainder is 2^(fraction + 1) num / 2^C; if it is no smaller than den the current saturates.
//
//     1  shift num      2  compare the first remainder      3 .. C + 2  a bit each
module eideploy_divider_iterative (
    input  logic                                  clk,
    input  logic                                  start,  // cycle 1
    input  logic [eideploy_pkg::ACCUMULATOR_BITS-1:0] num,
    input  logic [eideploy_pkg::ALIGNED_BITS-1:0] den,
    input  logic signed [eideploy_pkg::POWER_BITS-1:0] fraction,
    output logic [eideploy_pkg::CURRENT_BITS:0]   magnitude  // from cycle C + 3 on
);
  localparam integer M = eideploy_pkg::ALIGNED_BITS;
  localparam integer N = eideploy_pkg::ACCUMULATOR_BITS;
  localparam integer C = eideploy_pkg::CURRENT_BITS;
  localparam integer B = eideploy_pkg::POWER_BITS + 1;
  localparam integer S = $clog2(M + C + N + 1);
  localparam integer T = $clog2(C + 3);

  // {first remainder, C bits to come} = floor(num 2^(fraction + 1)), by a shift to the right.
  wire signed [B-1:0] amount = B'(M + C - 1) - B'(fraction);
  wire beyond = amount < 0;
  wire vanishes = amount > B'(M + C + N);
  wire [S-1:0] limited = beyond ? '0 : vanishes ? S'(M + C + N) : S'(amount);
  wire [M+C+N-1:0] shifted = {num, {(M + C) {1'b0}}} >> limited;

  logic [T-1:0] left;
  logic [M-1:0] remainder, divisor;
  logic [C-1:0] pending, quotient;
  logic overflow;

  wire comparing = left == T'(C + 1);
  wire [M:0] doubled = comparing ? {1'b0, remainder} : {remainder, pending[C-1]};
  wire bit_is_set = doubled >= {1'b0, divisor};

  always_ff @(posedge clk) begin
    if (start) begin
      left <= T'(C + 1);
      {remainder, pending} <= shifted[M+C-1:0];
      overflow <= shifted[M+C+N-1:M+C] != '0;
      divisor <= den;
      quotient <= '0;
    end else if (left != '0) begin
      left <= left - T'(1);
      if (comparing) overflow <= overflow || bit_is_set;
      else begin
        remainder <= bit_is_set ? M'(doubled - {1'b0, divisor}) : doubled[M-1:0];
        pending   <= pending << 1;
        quotient  <= {quotient[C-2:0], bit_is_set};
      end
    end
  end

  assign magnitude = overflow ? {1'b1, {C{1'b0}}} : ({1'b0, quotient} + (C + 1)'(1)) >> 1;
endmodule
