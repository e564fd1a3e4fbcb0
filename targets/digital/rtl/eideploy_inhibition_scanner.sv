// Phase inhibit: scans the rows of s_I, clears them, and gives the lanes an operation per group of
// every active unit (docs/digital_core.md, C4). Rows pass the places of event_scanner.sv.
module eideploy_inhibition_scanner (
    input  logic                             clk,
    input  logic                             reset,
    input  logic                             enter,
    input  logic                             enable,
    input  logic                             run,
    // the stage
    input  logic [eideploy_pkg::ADDRESS-1:0] base,
    input  logic [eideploy_pkg::ADDRESS-1:0] rows,
    input  logic [eideploy_pkg::ADDRESS-1:0] groups_i,
    input  logic [eideploy_pkg::ADDRESS-1:0] groups_e,
    // the inhibition memory
    output logic                             fetch,
    output logic [eideploy_pkg::ADDRESS-1:0] address,
    input  logic [eideploy_pkg::INHIBITORY_LANES*eideploy_pkg::INHIBITION_BITS-1:0] sums,
    output logic                             clear,
    output logic [eideploy_pkg::ADDRESS-1:0] clear_address,
    // to the lanes
    output logic                             op_valid,
    output logic [eideploy_pkg::ADDRESS-1:0] op_unit,
    output logic [eideploy_pkg::ADDRESS-1:0] op_position,
    output logic [eideploy_pkg::ADDRESS-1:0] op_group,
    output logic [eideploy_pkg::INHIBITION_BITS-1:0] op_sum,
    output logic                             done
);
  localparam integer A = eideploy_pkg::ADDRESS;
  localparam integer P = eideploy_pkg::INHIBITORY_LANES;
  localparam integer S = eideploy_pkg::INHIBITION_BITS;
  localparam integer LANE = P > 1 ? $clog2(P) : 1;

  logic [A-1:0] at, group_i, first, position;
  logic fetched_all, ahead_valid, row_valid, take, consume;

  wire last_group = group_i == groups_i - A'(1);

  assign fetch = enable && !fetched_all && (!ahead_valid || take);
  assign address = base + at;

  always_ff @(posedge clk) begin
    if (enter) begin
      {at, group_i, first, position} <= '0;
      fetched_all <= 1'b0;
    end else if (fetch) begin
      at <= at + A'(1);
      fetched_all <= at == rows - A'(1);
      group_i <= last_group ? '0 : group_i + A'(1);
      first <= last_group ? '0 : first + A'(P);
      if (last_group) position <= position + A'(1);
    end
    clear <= fetch && !reset;
    clear_address <= address;
  end

  logic [A-1:0] ahead_first, ahead_position;

  assign take = ahead_valid && (!row_valid || consume);

  always_ff @(posedge clk) begin
    if (reset || enter) ahead_valid <= 1'b0;
    else ahead_valid <= fetch || (ahead_valid && !take);
    if (fetch) {ahead_first, ahead_position} <= {first, position};
  end

  logic [P*S-1:0] row_sums;
  logic [P-1:0] row_units, rest, active;
  logic [A-1:0] row_first, row_position, row_group;
  logic [LANE-1:0] lane;

  eideploy_first_set #(
      .WIDTH(P),
      .BITS (LANE)
  ) next_unit (
      .bits (row_units),
      .index(lane),
      .rest (rest)
  );

  logic [S-1:0] sum;

  eideploy_select #(
      .WIDTH(S),
      .COUNT(P)
  ) sum_of_unit (
      .words (row_sums),
      .number(lane),
      .q     (sum)
  );

  always_comb for (int i = 0; i < P; i++) active[i] = sums[i*S+:S] != '0;

  wire has_unit = row_units != '0;
  wire ends_unit = row_group == groups_e - A'(1);
  wire working = run && row_valid;

  assign consume = working && (!has_unit || (ends_unit && rest == '0));
  assign done = consume && !ahead_valid && fetched_all;

  always_ff @(posedge clk) begin
    if (reset || enter) row_valid <= 1'b0;
    else row_valid <= take || (row_valid && !consume);
    if (take) begin
      row_sums     <= sums;
      row_units    <= active;
      row_first    <= ahead_first;
      row_position <= ahead_position;
      row_group    <= '0;
    end else if (working) begin
      row_group <= ends_unit ? '0 : row_group + A'(1);
      if (ends_unit) row_units <= rest;
    end
  end

  always_ff @(posedge clk) begin
    op_valid <= !reset && working && has_unit;
    op_unit <= row_first + (A)'(lane);
    op_position <= row_position;
    op_group <= row_group;
    op_sum <= sum;
  end
endmodule
