// Dividers without a table or a multiplier: 1 / den is the nearest power of two, or the nearest sum or
// difference of two (A7). Which, is decided on the SHIFT_INDEX bits below den's leading one. Where
// nothing is divided, den is 1.
//
//     1  leading one of den      2  normalise, compare with the thresholds
//     [3  one shift, or two and an addition]      then  shift, round, pipelined in two cycles
module eideploy_divider_shift (
    input  logic                                  clk,
    input  logic [eideploy_pkg::ACCUMULATOR_BITS-1:0] num,
    input  logic [eideploy_pkg::ALIGNED_BITS-1:0] den,
    input  logic signed [eideploy_pkg::POWER_BITS-1:0] fraction,  // less the entries' fraction bits
    output logic [eideploy_pkg::CURRENT_BITS:0]   magnitude  // in cycle 4, of two shifts in 5; pipelined, one later
);
  localparam integer M = eideploy_pkg::ALIGNED_BITS;
  localparam integer N = eideploy_pkg::ACCUMULATOR_BITS;
  localparam integer X = N + 5;  // an entry is at most 16
  localparam integer E = $clog2(M);
  localparam integer I = eideploy_pkg::SHIFT_INDEX;
  localparam integer STEPS = eideploy_pkg::SHIFT_STEPS;

  logic [E-1:0] exponent, exponent2;
  logic [M-1:0] den2, normal;
  logic [N-1:0] num2, num3;
  logic signed [eideploy_pkg::POWER_BITS-1:0] power2, power3;
  logic [4:0] entry2, entry3;

  eideploy_leading_one #(
      .WIDTH(M)
  ) leading (
      .bits (den),
      .index(exponent)
  );

  assign normal = den2 << (E'(M - 1) - exponent2);
  wire [I-1:0] below = normal[M-2-:I];

  // SHIFT_FROM holds, step by step, the first index at which the entry changes; SHIFT_ENTRY what it
  // becomes (eideploy_pkg.sv, from the tables of numeric/division).
  always_comb begin
    entry2 = eideploy_pkg::SHIFT_ENTRY[4:0];
    for (int i = 1; i < STEPS; i++) begin
      if (below >= eideploy_pkg::SHIFT_FROM[i*I+:I]) entry2 = eideploy_pkg::SHIFT_ENTRY[i*5+:5];
    end
  end

  always_ff @(posedge clk) begin
    exponent2 <= exponent;
    den2      <= den;
    num2      <= num;
    power2    <= fraction - eideploy_pkg::POWER_BITS'(exponent);
    num3      <= num2;
    power3    <= power2;
    entry3    <= entry2;
  end

  if (eideploy_pkg::DIVIDER == eideploy_pkg::DIVIDER_SHIFT
      || eideploy_pkg::DIVIDER == eideploy_pkg::DIVIDER_NONE)
  begin : g_one
    wire doubled = eideploy_pkg::DIVIDER == eideploy_pkg::DIVIDER_SHIFT && entry3[1];
    eideploy_scale #(
        .WIDTH(X)
    ) scaled (
        .clk      (clk),
        .power    (eideploy_pkg::PIPELINED != 0 ? power2 : power3),
        .x        (doubled ? X'(num3) << 1 : X'(num3)),
        .magnitude(magnitude)
    );
  end else if (eideploy_pkg::DIVIDER == eideploy_pkg::DIVIDER_SHIFT2) begin : g_two
    logic [X-1:0] product4;
    logic signed [eideploy_pkg::POWER_BITS-1:0] power4;
    wire [X-1:0] x = X'(num3);

    always_ff @(posedge clk) begin
      power4 <= power3;
      case (entry3)
        5'd16: product4 <= x << 4;
        5'd15: product4 <= (x << 4) - x;
        5'd14: product4 <= (x << 4) - (x << 1);
        5'd12: product4 <= (x << 3) + (x << 2);
        5'd10: product4 <= (x << 3) + (x << 1);
        5'd9: product4 <= (x << 3) + x;
        default: product4 <= x << 3;
      endcase
    end
    eideploy_scale #(
        .WIDTH(X)
    ) scaled (
        .clk      (clk),
        .power    (eideploy_pkg::PIPELINED != 0 ? power3 : power4),
        .x        (product4),
        .magnitude(magnitude)
    );
  end

  wire unused = &{1'b0, normal, entry3, power3};
endmodule
