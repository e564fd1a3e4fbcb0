// Phase minimum: the least positive DEN << align of a stage (docs/digital_core.md, C5).
//
//     1  a row of DEN and its aligns are there; shift        2..  a tree over the lanes, in parts
//     2 + PARTS  compare with the register
//
// Pipelined, everything is a cycle later, and no part has more than one comparison.
module eideploy_minimum (
    input  logic                           clk,
    input  logic                           reset,
    input  logic                           clear,
    input  logic                           valid,  // a row is read in this cycle
    input  logic [eideploy_pkg::LANES*eideploy_pkg::DIVISOR_BITS-1:0] den,
    input  logic [eideploy_pkg::LANES*eideploy_pkg::LANE_BITS-1:0] lane_row,
    output logic [eideploy_pkg::ALIGNED_BITS-1:0] least
);
  localparam integer P = eideploy_pkg::LANES;
  localparam integer D = eideploy_pkg::DIVISOR_BITS;
  localparam integer M = eideploy_pkg::ALIGNED_BITS;
  localparam integer L = eideploy_pkg::LANE_BITS;
  localparam integer K = eideploy_pkg::SHIFT_BITS;
  localparam integer LEVELS = $clog2(P);
  localparam integer MORE = eideploy_pkg::PIPELINED;
  localparam integer PARTS = eideploy_pkg::MINIMUM_PARTS;
  localparam integer LAST = 2 + PARTS + MORE;

  logic [LAST:1] valids;
  logic [P*D-1:0] den2;
  logic [P*L-1:0] lane_row2;

  always_ff @(posedge clk) valids <= reset ? '0 : {valids[LAST-1:1], valid};

  eideploy_delay #(
      .WIDTH (P * (D + L)),
      .CYCLES(MORE)
  ) rows (
      .clk(clk),
      .d  ({den, lane_row}),
      .q  ({den2, lane_row2})
  );

  // All ones stand for no divisor: M is wide enough that no aligned divisor reaches them.
  for (genvar level = 0; level <= LEVELS; level++) begin : g_level
    localparam integer NODES = P >> level;
    localparam integer DELAY = level == 0 ? 1
        : (level * PARTS) / LEVELS - ((level - 1) * PARTS) / LEVELS;
    logic [NODES*M-1:0] found, value;

    if (level == 0) begin : g_shift
      always_comb begin
        for (int i = 0; i < P; i++) begin
          found[i*M+:M] = den2[i*D+:D] == '0 ? '1
              : M'(den2[i*D+:D]) << lane_row2[i*L+K+:eideploy_pkg::ALIGN_BITS];
        end
      end
    end else begin : g_compare
      for (genvar i = 0; i < NODES; i++) begin : g_node
        wire [M-1:0] one = g_level[level-1].value[(2*i)*M+:M];
        wire [M-1:0] other = g_level[level-1].value[(2*i+1)*M+:M];
        assign found[i*M+:M] = one < other ? one : other;
      end
    end
    eideploy_delay #(
        .WIDTH (NODES * M),
        .CYCLES(DELAY)
    ) part (
        .clk(clk),
        .d  (found),
        .q  (value)
    );
  end

  always_ff @(posedge clk) begin
    if (clear) least <= '1;
    else if (valids[LAST] && g_level[LEVELS].value < least) least <= g_level[LEVELS].value;
  end
endmodule
