// A divider with a table of reciprocals: round(2^fraction num / den) with 1 / den from the table (A7, A8).
//
//     1  leading one of den      2  normalise: the bits below it are the table's address
//     [3  entry]      3  entry times num           shift, round, in one cycle
//
// Pipelined, the table's address, its entry and what is shifted have a register more.
module eideploy_divider_table (
    input  logic                                  clk,
    input  logic [eideploy_pkg::ACCUMULATOR_BITS-1:0] num,
    input  logic [eideploy_pkg::ALIGNED_BITS-1:0] den,
    input  logic signed [eideploy_pkg::POWER_BITS-1:0] fraction,  // less the table's fraction bits
    output logic [eideploy_pkg::ADDRESS-1:0]      table_address,  // in cycle 2; pipelined, 3
    input  logic [eideploy_pkg::ENTRY_BITS-1:0]   entry,          // a cycle later
    output logic [eideploy_pkg::CURRENT_BITS:0]   magnitude       // in cycle 5; pipelined, 8
);
  localparam integer M = eideploy_pkg::ALIGNED_BITS;
  localparam integer X = eideploy_pkg::ACCUMULATOR_BITS + eideploy_pkg::ENTRY_BITS;
  localparam integer E = $clog2(M);
  localparam integer T = eideploy_pkg::TABLE_BITS;

  logic [E-1:0] exponent, exponent2;
  logic [M-1:0] den2, normal;
  logic [T-1:0] address;
  logic [eideploy_pkg::ACCUMULATOR_BITS-1:0] num2, num_late, num3, num4;
  logic [eideploy_pkg::ENTRY_BITS-1:0] entry4;
  logic signed [eideploy_pkg::POWER_BITS-1:0] power2, power_late, power3, power4;
  logic [X-1:0] product;

  eideploy_leading_one #(
      .WIDTH(M)
  ) leading (
      .bits (den),
      .index(exponent)
  );

  assign normal = den2 << (E'(M - 1) - exponent2);
  assign table_address = eideploy_pkg::ADDRESS'(address);

  eideploy_delay #(
      .WIDTH (T + eideploy_pkg::ACCUMULATOR_BITS + eideploy_pkg::POWER_BITS),
      .CYCLES(eideploy_pkg::PIPELINED)
  ) normalised (
      .clk(clk),
      .d  ({normal[M-2-:T], num2, power2}),
      .q  ({address, num_late, power_late})
  );

  always_ff @(posedge clk) begin
    exponent2 <= exponent;
    den2      <= den;
    num2      <= num;
    power2    <= fraction - eideploy_pkg::POWER_BITS'(exponent);
    num3      <= num_late;
    power3    <= power_late;
    power4    <= power3;
    product   <= X'(num4) * X'(entry4);
  end

  eideploy_delay #(
      .WIDTH (eideploy_pkg::ACCUMULATOR_BITS + eideploy_pkg::ENTRY_BITS),
      .CYCLES(eideploy_pkg::PIPELINED)
  ) factors (
      .clk(clk),
      .d  ({num3, entry}),
      .q  ({num4, entry4})
  );

  eideploy_scale #(
      .WIDTH(X)
  ) scaled (
      .clk      (clk),
      .power    (power4),
      .x        (product),
      .magnitude(magnitude)
  );

  wire unused = &{1'b0, normal};
endmodule
