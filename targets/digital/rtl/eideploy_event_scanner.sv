// Phase accumulate: scans the rows of a stage's sources, or the words of the input port, and gives the
// lanes an operation per tap and group of every event (docs/digital_core.md, Events; C1..C3).
//
// A row passes three places: it is fetched (its address is presented), lies ahead (on the
// memories' outputs), and is worked on (`row_...`). A word of the port takes the same way. Rows of a
// pooling window, of a core that adds them up, are gathered; the last one comes with their sum (C14).
module eideploy_event_scanner (
    input  logic                             clk,
    input  logic                             reset,
    input  logic                             restart,   // of an inference: the first route is next
    input  logic                             enter,     // a stage begins
    input  logic                             enable,    // rows are fetched
    input  logic                             run,       // events are worked on
    input  logic                             is_first,  // step of an inference: before it, nothing spiked
    input  logic                             is_odd,    // step
    // the stage
    input  logic                             is_folded,
    input  logic [eideploy_pkg::ADDRESS-1:0] groups_i,
    input  logic [eideploy_pkg::ADDRESS-1:0] groups_e,
    input  logic [eideploy_pkg::ADDRESS-1:0] rows,      // of weights, of an event's tap
    input  logic [eideploy_pkg::ADDRESS-1:0] width,
    input  logic [eideploy_pkg::ADDRESS-1:0] step_y,
    input  logic [eideploy_pkg::ADDRESS-1:0] step_x,
    // the input port
    input  logic                             in_valid,
    output logic                             in_ready,
    input  logic                             in_last,
    input  logic [eideploy_pkg::ADDRESS-1:0] in_y,
    input  logic [eideploy_pkg::ADDRESS-1:0] in_x,
    input  logic [eideploy_pkg::ADDRESS-1:0] in_channel,
    input  logic [eideploy_pkg::INPUT_BITS-1:0] in_value,
    // memories
    output logic                             route_read,
    output logic [eideploy_pkg::ADDRESS-1:0] route_address,
    input  logic [eideploy_pkg::ROUTE_BITS-1:0] route,
    output logic                             fetch,
    output logic [eideploy_pkg::ADDRESS-1:0] spike_address,
    input  logic [eideploy_pkg::LANES*eideploy_pkg::SPIKE_BITS-1:0] spikes,
    output logic [eideploy_pkg::ADDRESS-1:0] axis_y_address,
    output logic [eideploy_pkg::ADDRESS-1:0] axis_x_address,
    input  logic [eideploy_pkg::AXIS_BITS-1:0] axis_y,
    input  logic [eideploy_pkg::AXIS_BITS-1:0] axis_x,
    // to the lanes
    output logic                             op_valid,
    output logic                             op_excites,   // adds to NUM
    output logic                             op_inhibits,  // adds to s_I, or to DEN of a folded stage
    output logic [eideploy_pkg::ADDRESS-1:0] op_channel,
    output logic [eideploy_pkg::ADDRESS-1:0] op_pitch,
    output logic [eideploy_pkg::ADDRESS-1:0] op_offset,
    output logic [eideploy_pkg::ADDRESS-1:0] op_position,
    output logic [eideploy_pkg::ADDRESS-1:0] op_group,
    output logic [eideploy_pkg::EVENT_BITS-1:0] op_value,
    output logic                             done,
    output logic                             starved
);
  localparam integer A = eideploy_pkg::ADDRESS;
  localparam integer P = eideploy_pkg::LANES;
  localparam integer LANE = $clog2(P);
  localparam integer Z = eideploy_pkg::SPIKE_BITS;

  // The route that is fetched from.
  wire         is_port = route[eideploy_pkg::ROUTE_IS_PORT];
  wire         is_last = route[eideploy_pkg::ROUTE_IS_LAST];
  wire [A-1:0] base = route[eideploy_pkg::ROUTE_BASE+:A];
  wire [A-1:0] groups = route[eideploy_pkg::ROUTE_GROUPS+:A];
  wire [A-1:0] axis = route[eideploy_pkg::ROUTE_AXIS+:A];
  wire [A-1:0] pitch = route[eideploy_pkg::ROUTE_PITCH+:A];
  wire [A-1:0] following = route[eideploy_pkg::ROUTE_FOLLOWING+:A];
  localparam logic WINDOWS = eideploy_pkg::HAS_POOLED_EVENTS != 0;
  wire [A-1:0] window = WINDOWS ? route[eideploy_pkg::ROUTE_WINDOW+:A] : A'(1);

  // Spikes of the step before, where some are read: those of a stage behind this one, or of its own,
  // still stand where they were written, others in the bank of the other step.
  wire is_late = eideploy_pkg::HAS_LATE_EVENTS != 0 && route[eideploy_pkg::ROUTE_IS_LATE];
  wire is_blank = is_late && is_first;
  wire other_bank = eideploy_pkg::HAS_BANKS != 0 && (is_odd ^ is_late);
  wire [A-1:0] bank = other_bank ? route[eideploy_pkg::ROUTE_BANK+:A] : '0;

  // Fetch: which row comes next.
  logic [A-1:0] at, y, x, group, first;
  logic fetched_all, ahead_valid, row_valid, take, gather, consume, ends_window;
  logic [A-1:0] step;

  wire last_group = group == groups - A'(1);
  wire last_x = x == route[eideploy_pkg::ROUTE_LAST_X+:A];
  wire last_y = y == route[eideploy_pkg::ROUTE_LAST_Y+:A];
  wire room = enable && !fetched_all && (!ahead_valid || take || gather);
  wire source_ends = is_port ? in_last : ends_window && last_group && last_x && last_y;

  if (WINDOWS) begin : g_step
    logic [A-1:0] line, column;
    wire last_column = column == window - A'(1);
    wire last_line = line == window - A'(1);

    assign ends_window = is_port || (last_column && last_line);
    assign step = !last_column ? groups : !last_line ? route[eideploy_pkg::ROUTE_STEP_LINE+:A]
        : !last_group ? route[eideploy_pkg::ROUTE_STEP_GROUP+:A]
        : !last_x ? route[eideploy_pkg::ROUTE_STEP_WINDOW+:A] : route[eideploy_pkg::ROUTE_STEP_BAND+:A];

    always_ff @(posedge clk) begin
      if (enter || (fetch && source_ends)) {line, column} <= '0;
      else if (fetch && !is_port) begin
        column <= last_column ? '0 : column + A'(1);
        if (last_column) line <= last_line ? '0 : line + A'(1);
      end
    end
  end else begin : g_next
    assign ends_window = 1'b1;
    assign step = A'(1);
  end

  assign in_ready = room && is_port;
  assign fetch = room && (!is_port || in_valid);
  assign spike_address = base + bank + at;
  assign axis_y_address = axis + (is_port ? in_y : y);
  assign axis_x_address = axis + (is_port ? in_x : x);
  assign route_read = restart || (fetch && source_ends);
  assign route_address = restart ? '0 : following;

  always_ff @(posedge clk) begin
    if (enter) begin
      {at, y, x, group, first} <= '0;
      fetched_all <= 1'b0;
    end else if (fetch) begin
      fetched_all <= source_ends && is_last;
      if (source_ends) {at, y, x, group, first} <= '0;
      else if (!is_port) begin
        at <= at + step;
        if (ends_window) begin
          group <= last_group ? '0 : group + A'(1);
          first <= last_group ? '0 : first + A'(P);
          if (last_group) x <= last_x ? '0 : x + window;
          if (last_group && last_x) y <= y + window;
        end
      end
    end
  end

  // Ahead: what belongs to the row on the memories' outputs.
  logic ahead_is_word, ahead_is_end, ahead_is_port, ahead_is_part;
  logic [A-1:0] ahead_channel, ahead_pitch;
  logic [eideploy_pkg::INPUT_BITS-1:0] ahead_value;

  assign take = ahead_valid && !ahead_is_part && (!row_valid || consume);
  assign gather = ahead_valid && ahead_is_part;

  always_ff @(posedge clk) begin
    if (reset || enter) ahead_valid <= 1'b0;
    else ahead_valid <= fetch || (ahead_valid && !take && !gather);
    if (fetch) begin
      ahead_is_part <= !ends_window;
      ahead_is_port <= is_port;
      ahead_is_word <= is_port || is_blank;
      ahead_is_end  <= in_last || is_blank;
      ahead_channel <= is_port ? in_channel : first;
      ahead_value   <= is_port ? in_value : eideploy_pkg::INPUT_BITS'(1);
      ahead_pitch   <= pitch;
    end
  end

  // The row that is worked on: its events left, and the taps of the event at hand.
  logic [P-1:0] row_events, rest;
  logic [A-1:0] row_channel, row_pitch;
  logic [eideploy_pkg::INPUT_BITS-1:0] row_value;
  logic [eideploy_pkg::AXIS_BITS-1:0] row_y, row_x;
  logic [A-1:0] tap_y, tap_x, weight_y, weight_x, position_y, position_x, row_group;
  logic [LANE-1:0] lane;

  eideploy_first_set #(
      .WIDTH(P)
  ) next_event (
      .bits (row_events),
      .index(lane),
      .rest (rest)
  );

  wire [A-1:0] count_y = axis_y[eideploy_pkg::AXIS_COUNT+:A];
  wire [A-1:0] count_x = axis_x[eideploy_pkg::AXIS_COUNT+:A];
  logic [A-1:0] last_row, last_tap_y, last_tap_x;
  logic has_taps;

  always_ff @(posedge clk) begin
    last_row <= rows - A'(1);
    if (take) begin
      has_taps   <= count_y != '0 && count_x != '0;
      last_tap_y <= count_y - A'(1);
      last_tap_x <= count_x - A'(1);
    end
  end

  // Whether the row has an event, and whether the one at hand is the last: known a cycle before.
  logic has_event, last_event, new_one, new_two, new_three, old_one, old_two, old_three;
  wire ends_group = row_group == last_row;
  wire ends_x = tap_x == last_tap_x;
  wire ends_y = tap_y == last_tap_y;
  wire ends_event = !has_taps || (ends_group && ends_x && ends_y);
  wire working = run && row_valid;
  wire inhibits = row_group < groups_i;
  wire in_turn = eideploy_pkg::HAS_INHIBITORY_LANES == 0 || is_folded;

  // An event of a row of spikes is one, or as many as the lane's count says.
  logic [P-1:0] spiking;
  logic [eideploy_pkg::EVENT_BITS-1:0] value;

  if (Z == 1 && !WINDOWS) begin : g_ones
    assign spiking = spikes;
    assign value = eideploy_pkg::EVENT_BITS'(row_value);
  end else begin : g_counts
    localparam integer B = eideploy_pkg::WINDOW_BITS;
    logic [P*B-1:0] counts, row_counts;
    logic row_is_word;

    if (WINDOWS) begin : g_windows
      logic [P*B-1:0] gathered;

      always_comb for (int i = 0; i < P; i++) begin
        counts[i*B+:B] = gathered[i*B+:B] + B'(spikes[i*Z+:Z]);
        spiking[i] = gathered[i*B+:B] != '0 || spikes[i*Z+:Z] != '0;
      end
      always_ff @(posedge clk) begin
        if (enter || take) gathered <= '0;
        else if (gather && !ahead_is_word) gathered <= counts;
      end
    end else begin : g_rows
      assign counts = spikes;
      always_comb for (int i = 0; i < P; i++) spiking[i] = spikes[i*Z+:Z] != '0;
    end

    always_ff @(posedge clk) begin
      if (take) begin
        row_counts  <= counts;
        row_is_word <= ahead_is_word;
      end
    end
    assign value = row_is_word ? eideploy_pkg::EVENT_BITS'(row_value)
        : eideploy_pkg::EVENT_BITS'(row_counts[lane*B+:B]);
  end

  eideploy_few_set #(
      .WIDTH(P)
  ) of_new_row (
      .bits (spiking),
      .one  (new_one),
      .two  (new_two),
      .three(new_three)
  );
  eideploy_few_set #(
      .WIDTH(P)
  ) of_row (
      .bits (row_events),
      .one  (old_one),
      .two  (old_two),
      .three(old_three)
  );

  always_ff @(posedge clk) begin
    if (take) begin
      has_event  <= ahead_is_word ? !ahead_is_end : new_one;
      last_event <= ahead_is_word || !new_two;
    end else if (working && ends_event) last_event <= !old_three;
  end

  wire unused = &{1'b0, new_three, old_one, old_two, row_y, row_x};

  assign consume = working && (!has_event || (ends_event && last_event));
  assign done = consume && !ahead_valid && fetched_all;
  assign starved = run && !row_valid && (ahead_valid ? ahead_is_port : is_port);

  always_ff @(posedge clk) begin
    if (reset || enter) row_valid <= 1'b0;
    else row_valid <= take || (row_valid && !consume);
    if (take) begin
      row_events  <= !ahead_is_word ? spiking : ahead_is_end ? '0 : P'(1);
      row_channel <= ahead_channel;
      row_value   <= ahead_value;
      row_pitch   <= ahead_pitch;
      row_y       <= axis_y;
      row_x       <= axis_x;
    end else if (working && ends_event) row_events <= rest;
  end

  // Taps go along x, then along y; the next window along an axis holds the entry `stride` earlier.
  wire next_event_or_row = take || ends_event;
  wire [A-1:0] first_weight_y = take ? axis_y[eideploy_pkg::AXIS_WEIGHT+:A]
      : row_y[eideploy_pkg::AXIS_WEIGHT+:A];
  wire [A-1:0] first_position_y = take ? axis_y[eideploy_pkg::AXIS_POSITION+:A]
      : row_y[eideploy_pkg::AXIS_POSITION+:A];
  wire [A-1:0] first_weight_x = take ? axis_x[eideploy_pkg::AXIS_WEIGHT+:A]
      : row_x[eideploy_pkg::AXIS_WEIGHT+:A];
  wire [A-1:0] first_position_x = take ? axis_x[eideploy_pkg::AXIS_POSITION+:A]
      : row_x[eideploy_pkg::AXIS_POSITION+:A];
  wire restart_y = next_event_or_row;
  wire restart_x = next_event_or_row || ends_x;

  always_ff @(posedge clk) begin
    if (take || working) begin
      row_group <= next_event_or_row || ends_group ? '0 : row_group + A'(1);
      if (next_event_or_row || ends_group) begin
        tap_x      <= restart_x ? '0 : tap_x + A'(1);
        weight_x   <= restart_x ? first_weight_x : weight_x - step_x;
        position_x <= restart_x ? first_position_x : position_x + A'(1);
        if (restart_x) begin
          tap_y      <= restart_y ? '0 : tap_y + A'(1);
          weight_y   <= restart_y ? first_weight_y : weight_y - step_y;
          position_y <= restart_y ? first_position_y : position_y + width;
        end
      end
    end
  end

  always_ff @(posedge clk) begin
    op_valid <= !reset && working && has_event && has_taps;
    op_excites <= in_turn ? !inhibits : row_group < groups_e;
    op_inhibits <= inhibits;
    op_channel <= row_channel + (A)'(lane);
    op_pitch <= row_pitch;
    op_offset <= weight_y + weight_x + row_group;
    op_position <= position_y + position_x;
    op_group <= in_turn && !inhibits ? row_group - groups_i : row_group;
    op_value <= value;
  end
endmodule
