// Stages 2 to 6 of the lanes' pipeline: P weights times a value, added to a row of sums; and, of a core
// with inhibitory lanes, Q weights beside them, added to a row of s_I.
//
//     2  weight and lane rows are read; a gain is multiplied with s_I
//     3  the row of weights is registered
//     4  products
//     5  the product of W_EE is shifted; the row of sums is read
//     6  the row is added to and written; a row that was written a cycle ago is forwarded
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
    // stage 5: sums are read, stage 6: they come and are written
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

  logic [6:3] valids, valids_i;
  logic [1:0] kinds[3:6];
  logic [A-1:0] rows[3:6], rows_i[3:6];
  logic [V-1:0] value3, value4;
  logic [G-1:0] gained3, gained4;

  always_ff @(posedge clk) begin
    valids <= reset ? '0 : {valids[5:3], valid};
    valids_i <= reset ? '0 : {valids_i[5:3], valid_i};
    kinds[3] <= kind;
    rows[3] <= sum_address;
    rows_i[3] <= sum_address_i;
    for (int i = 4; i <= 6; i++) begin
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

  // A sum that is written in this cycle, for an operation on the same row in the next one. Rows of
  // s_I are not hit twice in a row where rows of NUM stand between.
  logic again, again_i;
  wire subtracts = kinds[6] == eideploy_pkg::KIND_EI;
  wire is_divisor = kinds[6] == eideploy_pkg::KIND_DEN;

  always_ff @(posedge clk) begin
    again <= valids[6] && rows[5] == rows[6];
    again_i <= BESIDE && valids_i[6] && rows_i[5] == rows_i[6];
  end

  assign write_address    = rows[6];
  assign write_address_i  = rows_i[6];
  assign inhibition_write = valids_i[6];
  assign num_write        = valids[6] && !is_divisor;
  assign den_write        = valids[6] && (subtracts || is_divisor) && !is_readout;

  wire is_signed4 = is_folded && kinds[4] == eideploy_pkg::KIND_EE;
  wire is_divisor5 = kinds[5] == eideploy_pkg::KIND_DEN;
  wire divides5 = kinds[5] == eideploy_pkg::KIND_EI || is_divisor5;
  wire signed [V:0] factor4 = {1'b0, value4};
  logic [P-1:0] positive;

  for (genvar i = 0; i < P; i++) begin : g_lane
    logic [M-1:0] product5, product6;
    logic [N-1:0] last_num;
    logic [D-1:0] gained_product5, gained_product6, last_den;

    wire [W-1:0] weight = weights4[i*W+:W];
    wire signed [W:0] signed_weight = {is_signed4 && weight[W-1], weight};
    wire signed [W+V+1:0] product4 = signed_weight * factor4;
    wire [N-1:0] old_num = again ? last_num : num[i*N+:N];
    wire [D-1:0] old_den = again ? last_den : den[i*D+:D];

    always_ff @(posedge clk) begin
      product5        <= M'(product4);
      gained_product5 <= D'(weight) * D'(gained4);
      product6        <= kinds[5] == eideploy_pkg::KIND_EE ? product5 << shifts5[i*K+:K]
          : is_divisor5 ? '0 : product5;
      gained_product6 <= divides5 ? gained_product5 : '0;
      last_num        <= next_num[i*N+:N];
      last_den        <= next_den[i*D+:D];
    end

    assign next_num[i*N+:N] = subtracts ? old_num - N'(product6) : old_num + N'(product6);
    assign next_den[i*D+:D] = old_den + gained_product6;
    assign positive[i] = gained_product6 != '0;

    // A sum that is narrower than a product takes the product's lower bits.
    wire unused = &{1'b0, product4, product6};
  end

  for (genvar i = 0; i < O; i++) begin : g_inhibitory_lane
    logic [S-1:0] product6;
    logic [S-1:0] last;

    if (BESIDE) begin : g_beside
      logic [S-1:0] product5;
      wire [W-1:0] weight = weights_i4[i*W+:W];
      wire [W+I-1:0] product4 = (W + I)'(weight) * (W + I)'(value4[I-1:0]);

      always_ff @(posedge clk) begin
        product5 <= S'(product4);
        product6 <= product5;
        last     <= next_inhibition[i*S+:S];
      end

      wire unused = &{1'b0, product4};
    end else begin : g_in_turn
      assign product6 = S'(g_lane[i].product6);
      assign last = '0;
    end

    assign next_inhibition[i*S+:S] = (again_i ? last : inhibition[i*S+:S]) + product6;
  end

  always_ff @(posedge clk) begin
    if (clear_divisible) divisible <= 1'b0;
    else if (den_write && positive != '0) divisible <= 1'b1;
  end

  wire unused = &{1'b0, gained4, weights_i4};
endmodule
