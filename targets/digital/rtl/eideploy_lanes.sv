// Stages 2 to 6, pipelined 7, of the lanes: P weights times a value, added to a row of sums; and, of a core
// with inhibitory lanes, Q weights beside them, added to a row of s_I.
//
//     2  weight and lane rows are read; a gain is multiplied with s_I
//     3  the row of weights is registered
//     4  products
//     5  the product of W_EE is shifted; the row of sums is read
//     6  the row is added to and written; a row that was written a cycle ago is forwarded
//
// Pipelined, the row is registered in 6, and added to and written in 7.
//
// Of a folded stage the weights of NUM are signed, and those of DEN are multiplied with the value itself.
module eideploy_lanes (
    input  logic                             clk,
    input  logic                             reset,
    input  logic                             is_readout,
    input  logic                             is_folded,
    input  logic                             clear_divisible,
    output logic                             divisible,
    // stage 2
    input  logic                             valid,
    input  logic                             valid_i,
    input  logic [1:0]                       kind,
    input  logic [eideploy_pkg::ADDRESS-1:0] sum_address,
    input  logic [eideploy_pkg::ADDRESS-1:0] sum_address_i,
    input  logic [eideploy_pkg::VALUE_BITS-1:0] value,
    input  logic [eideploy_pkg::GAIN_BITS-1:0] gain,
    // stage 3: the rows that were read
    input  logic [eideploy_pkg::LANES*eideploy_pkg::WEIGHT_BITS-1:0] weights,
    input  logic [eideploy_pkg::INHIBITORY_LANES*eideploy_pkg::WEIGHT_BITS-1:0] weights_i,
    input  logic [eideploy_pkg::LANES*eideploy_pkg::LANE_BITS-1:0] lane_row,
    // stage 5: sums are read, stage 6: they come, and are written in the last one
    output logic                             inhibition_read,
    output logic                             accumulator_read,
    output logic [eideploy_pkg::ADDRESS-1:0] read_address,
    output logic [eideploy_pkg::ADDRESS-1:0] read_address_i,
    input  logic [eideploy_pkg::INHIBITORY_LANES*eideploy_pkg::INHIBITION_BITS-1:0] inhibition,
    input  logic [eideploy_pkg::LANES*eideploy_pkg::ACCUMULATOR_BITS-1:0] num,
    input  logic [eideploy_pkg::LANES*eideploy_pkg::DIVISOR_BITS-1:0] den,
    output logic                             inhibition_write,
    output logic                             num_write,
    output logic                             den_write,
    output logic [eideploy_pkg::ADDRESS-1:0] write_address,
    output logic [eideploy_pkg::ADDRESS-1:0] write_address_i,
    output logic [eideploy_pkg::INHIBITORY_LANES*eideploy_pkg::INHIBITION_BITS-1:0] next_inhibition,
    output logic [eideploy_pkg::LANES*eideploy_pkg::ACCUMULATOR_BITS-1:0] next_num,
    output logic [eideploy_pkg::LANES*eideploy_pkg::DIVISOR_BITS-1:0] next_den
);
  localparam integer A = eideploy_pkg::ADDRESS;
  localparam integer P = eideploy_pkg::LANES;
  localparam integer O = eideploy_pkg::INHIBITORY_LANES;
  localparam logic BESIDE = eideploy_pkg::HAS_INHIBITORY_LANES != 0;
  localparam integer W = eideploy_pkg::WEIGHT_BITS;
  localparam integer N = eideploy_pkg::ACCUMULATOR_BITS;
  localparam integer D = eideploy_pkg::DIVISOR_BITS;
  localparam integer S = eideploy_pkg::INHIBITION_BITS;
  localparam integer V = eideploy_pkg::VALUE_BITS;
  localparam integer G = eideploy_pkg::GAINED_BITS;
  localparam integer K = eideploy_pkg::SHIFT_BITS;
  localparam integer L = eideploy_pkg::LANE_BITS;
  localparam integer I = eideploy_pkg::EVENT_BITS;
  localparam integer M = BESIDE || N > S ? N : S;  // a product for either sum

  localparam integer MORE = eideploy_pkg::PIPELINED;
  localparam integer LAST = 6 + MORE;

  logic [LAST:3] valids, valids_i;
  logic [1:0] kinds[3:LAST];
  logic [A-1:0] rows[3:LAST], rows_i[3:LAST];
  logic [V-1:0] value3, value4;
  logic [G-1:0] gained3, gained4;

  always_ff @(posedge clk) begin
    valids <= reset ? '0 : {valids[LAST-1:3], valid};
    valids_i <= reset ? '0 : {valids_i[LAST-1:3], valid_i};
    kinds[3] <= kind;
    rows[3] <= sum_address;
    rows_i[3] <= sum_address_i;
    for (int i = 4; i <= LAST; i++) begin
      kinds[i] <= kinds[i-1];
      rows[i]  <= rows[i-1];
      rows_i[i] <= rows_i[i-1];
    end
    value3  <= value;
    value4  <= value3;
    gained3 <= kind == eideploy_pkg::KIND_DEN ? G'(value) : G'(value) * G'(gain);
    gained4 <= gained3;
  end

  logic [P*W-1:0] weights4;
  logic [O*W-1:0] weights_i4;
  logic [P*K-1:0] shifts4, shifts5;

  always_ff @(posedge clk) begin
    weights4 <= weights;
    weights_i4 <= weights_i;
    for (int i = 0; i < P; i++) shifts4[i*K+:K] <= lane_row[i*L+:K];
    shifts5 <= shifts4;
  end

  assign read_address     = rows[5];
  assign read_address_i   = rows_i[5];
  assign inhibition_read  = valids_i[5];
  assign accumulator_read = valids[5];

  // Operations on the same row, one or two cycles apart: the later one takes the sum that is not yet
  // written. Rows of s_I are not hit twice in a row where rows of NUM stand between.
  wire same = valids[6] && rows[5] == rows[6];
  wire same_i = BESIDE && valids_i[6] && rows_i[5] == rows_i[6];
  wire same_late = MORE != 0 && valids[LAST] && rows[5] == rows[LAST];
  wire same_late_i = MORE != 0 && valids_i[LAST] && rows_i[5] == rows_i[LAST];
  wire subtracts = kinds[LAST] == eideploy_pkg::KIND_EI;
  wire is_divisor = kinds[LAST] == eideploy_pkg::KIND_DEN;

  assign write_address    = rows[LAST];
  assign write_address_i  = rows_i[LAST];
  assign inhibition_write = valids_i[LAST];
  assign num_write        = valids[LAST] && !is_divisor;
  assign den_write        = valids[LAST] && (subtracts || is_divisor) && !is_readout;

  wire is_signed4 = is_folded && kinds[4] == eideploy_pkg::KIND_EE;
  wire is_divisor5 = kinds[5] == eideploy_pkg::KIND_DEN;
  wire divides5 = kinds[5] == eideploy_pkg::KIND_EI || is_divisor5;
  wire signed [V:0] factor4 = {1'b0, value4};
  logic [P-1:0] positive;

  for (genvar i = 0; i < P; i++) begin : g_lane
    logic [M-1:0] product5, product6, product;
    logic [D-1:0] gained_product5, gained_product6, gained_product;
    (* keep *) logic again, again_late, subtracts_here;  // flags of its own, which lie near it

    wire [W-1:0] weight = weights4[i*W+:W];
    wire signed [W:0] signed_weight = {is_signed4 && weight[W-1], weight};
    wire signed [W+V+1:0] product4 = signed_weight * factor4;

    always_ff @(posedge clk) begin
      again           <= same;
      again_late      <= same_late;
      subtracts_here  <= kinds[LAST-1] == eideploy_pkg::KIND_EI;
      product5        <= M'(product4);
      gained_product5 <= D'(weight) * D'(gained4);
      product6        <= kinds[5] == eideploy_pkg::KIND_EE ? product5 << shifts5[i*K+:K]
          : is_divisor5 ? '0 : product5;
      gained_product6 <= divides5 ? gained_product5 : '0;
    end

    eideploy_delay #(
        .WIDTH (M + D),
        .CYCLES(MORE)
    ) products (
        .clk(clk),
        .d  ({product6, gained_product6}),
        .q  ({product, gained_product})
    );
    eideploy_running_sum #(
        .WIDTH(N)
    ) numerator (
        .clk       (clk),
        .again     (again),
        .again_late(again_late),
        .stored    (num[i*N+:N]),
        .subtracts (subtracts_here),
        .change    (N'(product)),
        .next      (next_num[i*N+:N])
    );
    eideploy_running_sum #(
        .WIDTH(D)
    ) divisor (
        .clk       (clk),
        .again     (again),
        .again_late(again_late),
        .stored    (den[i*D+:D]),
        .subtracts (1'b0),
        .change    (gained_product),
        .next      (next_den[i*D+:D])
    );
    assign positive[i] = gained_product != '0;

    // A sum that is narrower than a product takes the product's lower bits.
    wire unused = &{1'b0, product4, product};
  end

  for (genvar i = 0; i < O; i++) begin : g_inhibitory_lane
    logic [S-1:0] product;
    logic again, again_late;

    if (BESIDE) begin : g_beside
      logic [S-1:0] product5, product6;
      wire [W-1:0] weight = weights_i4[i*W+:W];
      wire [W+I-1:0] product4 = (W + I)'(weight) * (W + I)'(value4[I-1:0]);

      always_ff @(posedge clk) begin
        product5 <= S'(product4);
        product6 <= product5;
      end

      eideploy_delay #(
          .WIDTH (S),
          .CYCLES(MORE)
      ) products (
          .clk(clk),
          .d  (product6),
          .q  (product)
      );
      wire unused = &{1'b0, product4};
    end else begin : g_in_turn
      assign product = S'(g_lane[i].product);
    end

    always_ff @(posedge clk) begin
      again      <= same_i;
      again_late <= same_late_i;
    end

    eideploy_running_sum #(
        .WIDTH(S)
    ) inhibitory (
        .clk       (clk),
        .again     (again),
        .again_late(again_late),
        .stored    (inhibition[i*S+:S]),
        .subtracts (1'b0),
        .change    (product),
        .next      (next_inhibition[i*S+:S])
    );
  end

  always_ff @(posedge clk) begin
    if (clear_divisible) divisible <= 1'b0;
    else if (den_write && positive != '0) divisible <= 1'b1;
  end

  wire unused = &{1'b0, gained4, weights_i4};
endmodule
