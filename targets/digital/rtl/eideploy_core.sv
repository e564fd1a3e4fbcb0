// The digital E-I core: memories, phases and ports (docs/digital_core.md).
module eideploy_core #(
    parameter integer IMAGES = 0,  // 1: memories hold images/*.hex from the start, cfg_... takes nothing
    parameter integer STEPS = 1    // then, of an inference
) (
    input  logic                                clk,
    input  logic                                reset,
    // configuration, while idle
    input  logic                                cfg_valid,
    output logic                                cfg_ready,
    input  logic                                cfg_commit,
    input  logic [3:0]                          cfg_memory,
    input  logic [eideploy_pkg::ADDRESS-1:0]    cfg_address,
    input  logic [31:0]                         cfg_data,
    // inferences
    input  logic                                start,  // taken while idle
    output logic                                idle,
    // input events
    input  logic                                in_valid,
    output logic                                in_ready,
    input  logic                                in_last,  // no event: the time step's end
    input  logic [eideploy_pkg::ADDRESS-1:0]    in_y,
    input  logic [eideploy_pkg::ADDRESS-1:0]    in_x,
    input  logic [eideploy_pkg::ADDRESS-1:0]    in_channel,
    input  logic [eideploy_pkg::INPUT_BITS-1:0] in_value,
    // output events
    output logic                                out_valid,
    input  logic                                out_ready,
    output logic [eideploy_pkg::ADDRESS-1:0]    out_class,
    output logic [eideploy_pkg::ACCUMULATOR_BITS-1:0] out_logit,
    // what happens, for whoever watches
    output logic [2:0]                          watch_phase,
    output logic [eideploy_pkg::ADDRESS-1:0]    watch_stage,
    output logic [eideploy_pkg::STEP_BITS-1:0]  watch_step,
    output logic                                watch_waits,  // for the input or the output port
    output logic                                watch_done,
    output logic                                watch_spike_write,
    output logic [eideploy_pkg::ADDRESS-1:0]    watch_spike_address,
    output logic [eideploy_pkg::LANES*eideploy_pkg::SPIKE_BITS-1:0] watch_spikes,
    output logic                                watch_membrane_write,
    output logic [eideploy_pkg::ADDRESS-1:0]    watch_membrane_address,
    output logic [eideploy_pkg::UPDATE_LANES*eideploy_pkg::MEMBRANE_BITS-1:0] watch_membranes
);
  localparam integer A = eideploy_pkg::ADDRESS;
  localparam integer P = eideploy_pkg::LANES;
  localparam integer O = eideploy_pkg::INHIBITORY_LANES;
  localparam integer R = eideploy_pkg::UPDATE_LANES;
  localparam integer N = eideploy_pkg::ACCUMULATOR_BITS;
  localparam integer D = eideploy_pkg::DIVISOR_BITS;
  localparam integer S = eideploy_pkg::INHIBITION_BITS;
  localparam integer V = eideploy_pkg::MEMBRANE_BITS;
  localparam integer W = eideploy_pkg::WEIGHT_BITS;
  localparam integer L = eideploy_pkg::LANE_BITS;
  localparam integer X = eideploy_pkg::PARAMETER_BITS;
  localparam integer E = eideploy_pkg::ENTRY_BITS;
  localparam integer G = eideploy_pkg::GAIN_BITS;
  localparam integer Z = eideploy_pkg::SPIKE_BITS;

  // Configuration.
  logic [eideploy_pkg::CONFIG_MEMORIES-1:0] cfg_write;
  logic [eideploy_pkg::CONFIG_BITS-1:0] cfg_row;
  logic [A-1:0] cfg_at;
  logic [eideploy_pkg::STEP_BITS-1:0] steps;

  if (IMAGES != 0) begin : g_images
    assign cfg_ready = 1'b0;
    assign {cfg_write, cfg_row, cfg_at} = '0;
    assign steps = eideploy_pkg::STEP_BITS'(STEPS);
    wire unused = &{1'b0, cfg_valid, cfg_commit, cfg_memory, cfg_address, cfg_data};
  end else begin : g_config
    eideploy_config_port config_words (
        .clk        (clk),
        .idle       (idle),
        .cfg_valid  (cfg_valid),
        .cfg_ready  (cfg_ready),
        .cfg_commit (cfg_commit),
        .cfg_memory (cfg_memory),
        .cfg_address(cfg_address),
        .cfg_data   (cfg_data),
        .write      (cfg_write),
        .address    (cfg_at),
        .row        (cfg_row)
    );

    always_ff @(posedge clk) begin
      if (cfg_write[eideploy_pkg::CONFIG_STEPS]) steps <= cfg_row[eideploy_pkg::STEP_BITS-1:0];
    end
  end

  wire unused_row = &{1'b0, cfg_row, cfg_write};  // no memory has rows of all its bits

  // The program entry of the stage.
  logic program_read;
  logic [A-1:0] program_address;
  logic [eideploy_pkg::STAGE_BITS-1:0] entry;

  eideploy_memory #(
      .WIDTH(eideploy_pkg::STAGE_BITS),
      .DEPTH(eideploy_pkg::PROGRAM_ENTRIES),
      .IMAGE(IMAGES),
      .FILE("images/program.hex")
  ) program_memory (
      .clk          (clk),
      .read         (program_read),
      .read_address (program_address),
      .q            (entry),
      .write        (cfg_write[eideploy_pkg::CONFIG_PROGRAM]),
      .write_address(cfg_at),
      .d            (cfg_row[eideploy_pkg::STAGE_BITS-1:0])
  );

  wire is_readout = entry[eideploy_pkg::STAGE_IS_READOUT];
  // A core that is cut to its network has no parts for what no stage of it asks for.
  localparam logic FACTORED = eideploy_pkg::HAS_FACTORED != 0;
  localparam logic FOLDED = eideploy_pkg::HAS_FOLDED != 0;
  localparam logic MINIMUM = eideploy_pkg::HAS_MINIMUM != 0;
  wire is_folded = FOLDED && (!FACTORED || entry[eideploy_pkg::STAGE_IS_FOLDED]);
  wire is_static = eideploy_pkg::HAS_STATIC_INPUT != 0 && entry[eideploy_pkg::STAGE_IS_STATIC];
  wire has_floor = !MINIMUM || entry[eideploy_pkg::STAGE_HAS_FLOOR];
  wire to_zero = entry[eideploy_pkg::STAGE_TO_ZERO];
  wire is_last_stage = entry[eideploy_pkg::STAGE_IS_LAST];
  wire [A-1:0] positions = entry[eideploy_pkg::STAGE_POSITIONS+:A];
  wire [A-1:0] width = entry[eideploy_pkg::STAGE_WIDTH+:A];
  wire [A-1:0] n_e = entry[eideploy_pkg::STAGE_N_E+:A];
  wire [A-1:0] groups_e = entry[eideploy_pkg::STAGE_GROUPS_E+:A];
  wire [A-1:0] groups_i = entry[eideploy_pkg::STAGE_GROUPS_I+:A];
  wire [A-1:0] rows = eideploy_pkg::HAS_INHIBITORY_LANES != 0 ? entry[eideploy_pkg::STAGE_ROWS+:A]
      : groups_i + groups_e;
  wire [A-1:0] rows_i = entry[eideploy_pkg::STAGE_ROWS_I+:A];
  wire [A-1:0] step_y = entry[eideploy_pkg::STAGE_STEP_Y+:A];
  wire [A-1:0] step_x = entry[eideploy_pkg::STAGE_STEP_X+:A];
  wire [A-1:0] weight_base = entry[eideploy_pkg::STAGE_WEIGHT_BASE+:A];
  wire [A-1:0] inhibitory_base = entry[eideploy_pkg::STAGE_INHIBITORY_BASE+:A];
  wire [A-1:0] accumulator_base = entry[eideploy_pkg::STAGE_ACCUMULATOR_BASE+:A];
  wire [A-1:0] inhibition_base = entry[eideploy_pkg::STAGE_INHIBITION_BASE+:A];
  wire [A-1:0] membrane_base = entry[eideploy_pkg::STAGE_MEMBRANE_BASE+:A];
  wire [A-1:0] spike_base = entry[eideploy_pkg::STAGE_SPIKE_BASE+:A];
  wire [A-1:0] spike_bank =
      eideploy_pkg::HAS_BANKS != 0 ? entry[eideploy_pkg::STAGE_SPIKE_BANK+:A] : '0;
  wire [A-1:0] parameter_base = entry[eideploy_pkg::STAGE_PARAMETER_BASE+:A];
  wire [A-1:0] lane_base = entry[eideploy_pkg::STAGE_LANE_BASE+:A];
  wire [A-1:0] gain_base = entry[eideploy_pkg::STAGE_GAIN_BASE+:A];
  wire [eideploy_pkg::LEAK_BITS-1:0] leak =
      entry[eideploy_pkg::STAGE_LEAK+:eideploy_pkg::LEAK_BITS];
  wire [Z-1:0] most = Z > 1 ? entry[eideploy_pkg::STAGE_MAX_SPIKES+:Z] : Z'(1);
  wire [eideploy_pkg::GENERAL_BITS-1:0] general =
      entry[eideploy_pkg::STAGE_GENERAL+:eideploy_pkg::GENERAL_BITS];
  wire [eideploy_pkg::CURRENT_BITS-2:0] current_top =
      entry[eideploy_pkg::STAGE_CURRENT_TOP+:eideploy_pkg::CURRENT_BITS-1];
  wire [V-2:0] membrane_top = entry[eideploy_pkg::STAGE_MEMBRANE_TOP+:V-1];

  // States.
  logic [2:0] phase;
  logic enter_stage, enter_phase, enable_events, run_events, enable_inhibition, run_inhibition;
  logic run_minimum, run_update, run_output, is_first_step, clearing, restart, hold, starved;
  logic has_sums, keeps_sums;
  logic done_accumulate, done_inhibit, done_minimum, done_update, done_output;
  logic [A-1:0] reset_address;

  eideploy_control states (
      .clk              (clk),
      .reset            (reset),
      .start            (start),
      .steps            (steps),
      .is_readout       (is_readout),
      .is_folded        (is_folded),
      .is_static        (is_static),
      .has_floor        (has_floor),
      .is_last_stage    (is_last_stage),
      .done_accumulate  (done_accumulate),
      .done_inhibit     (done_inhibit),
      .done_minimum     (done_minimum),
      .done_update      (done_update),
      .done_output      (done_output),
      .hold             (hold),
      .phase            (phase),
      .enter_stage      (enter_stage),
      .enter_phase      (enter_phase),
      .enable_events    (enable_events),
      .run_events       (run_events),
      .enable_inhibition(enable_inhibition),
      .run_inhibition   (run_inhibition),
      .run_minimum      (run_minimum),
      .run_update       (run_update),
      .run_output       (run_output),
      .is_first_step    (is_first_step),
      .has_sums         (has_sums),
      .keeps_sums       (keeps_sums),
      .idle             (idle),
      .done             (watch_done),
      .clearing         (clearing),
      .clear_address    (reset_address),
      .restart          (restart),
      .program_read     (program_read),
      .program_address  (program_address),
      .stage            (watch_stage),
      .step             (watch_step)
  );

  assign watch_phase = phase;
  assign watch_waits = starved || hold;

  // Accumulate: events.
  logic route_read, row_fetch, event_valid, event_excites, event_inhibits;
  logic [A-1:0] route_address, event_spike_address, axis_y_address, axis_x_address;
  logic [A-1:0] event_channel, event_pitch, event_offset, event_position, event_group;
  logic [eideploy_pkg::ROUTE_BITS-1:0] route;
  logic [eideploy_pkg::AXIS_BITS-1:0] axis_y, axis_x;
  logic [eideploy_pkg::EVENT_BITS-1:0] event_value;
  logic [P*Z-1:0] spike_row;

  eideploy_event_scanner events (
      .clk           (clk),
      .reset         (reset),
      .restart       (restart),
      .enter         (enter_stage),
      .enable        (enable_events),
      .run           (run_events),
      .is_first      (is_first_step),
      .is_odd        (watch_step[0]),
      .is_folded     (is_folded),
      .groups_i      (groups_i),
      .groups_e      (groups_e),
      .rows          (rows),
      .width         (width),
      .step_y        (step_y),
      .step_x        (step_x),
      .in_valid      (in_valid),
      .in_ready      (in_ready),
      .in_last       (in_last),
      .in_y          (in_y),
      .in_x          (in_x),
      .in_channel    (in_channel),
      .in_value      (in_value),
      .route_read    (route_read),
      .route_address (route_address),
      .route         (route),
      .fetch         (row_fetch),
      .spike_address (event_spike_address),
      .spikes        (spike_row),
      .axis_y_address(axis_y_address),
      .axis_x_address(axis_x_address),
      .axis_y        (axis_y),
      .axis_x        (axis_x),
      .op_valid      (event_valid),
      .op_excites    (event_excites),
      .op_inhibits   (event_inhibits),
      .op_channel    (event_channel),
      .op_pitch      (event_pitch),
      .op_offset     (event_offset),
      .op_position   (event_position),
      .op_group      (event_group),
      .op_value      (event_value),
      .done          (done_accumulate),
      .starved       (starved)
  );

  eideploy_memory #(
      .WIDTH(eideploy_pkg::ROUTE_BITS),
      .DEPTH(eideploy_pkg::ROUTES),
      .IMAGE(IMAGES),
      .FILE("images/route.hex")
  ) route_memory (
      .clk          (clk),
      .read         (route_read),
      .read_address (route_address),
      .q            (route),
      .write        (cfg_write[eideploy_pkg::CONFIG_ROUTE]),
      .write_address(cfg_at),
      .d            (cfg_row[eideploy_pkg::ROUTE_BITS-1:0])
  );
  eideploy_memory #(
      .WIDTH(eideploy_pkg::AXIS_BITS),
      .DEPTH(eideploy_pkg::AXIS_WORDS),
      .IMAGE(IMAGES),
      .FILE("images/axis_y.hex")
  ) axis_y_memory (
      .clk          (clk),
      .read         (row_fetch),
      .read_address (axis_y_address),
      .q            (axis_y),
      .write        (cfg_write[eideploy_pkg::CONFIG_AXIS_Y]),
      .write_address(cfg_at),
      .d            (cfg_row[eideploy_pkg::AXIS_BITS-1:0])
  );
  eideploy_memory #(
      .WIDTH(eideploy_pkg::AXIS_BITS),
      .DEPTH(eideploy_pkg::AXIS_WORDS),
      .IMAGE(IMAGES),
      .FILE("images/axis_x.hex")
  ) axis_x_memory (
      .clk          (clk),
      .read         (row_fetch),
      .read_address (axis_x_address),
      .q            (axis_x),
      .write        (cfg_write[eideploy_pkg::CONFIG_AXIS_X]),
      .write_address(cfg_at),
      .d            (cfg_row[eideploy_pkg::AXIS_BITS-1:0])
  );

  // Inhibit: active units.
  logic unit_fetch, sums_clear, unit_valid;
  logic [A-1:0] unit_row_address, sums_clear_address, unit, unit_position, unit_group;
  logic [S-1:0] unit_sum;
  logic [O*S-1:0] inhibition_row;

  if (FACTORED) begin : g_units
    eideploy_inhibition_scanner units (
        .clk          (clk),
        .reset        (reset),
        .enter        (enter_stage),
        .enable       (enable_inhibition),
        .run          (run_inhibition),
        .base         (inhibition_base),
        .rows         (rows_i),
        .groups_i     (groups_i),
        .groups_e     (groups_e),
        .fetch        (unit_fetch),
        .address      (unit_row_address),
        .sums         (inhibition_row),
        .clear        (sums_clear),
        .clear_address(sums_clear_address),
        .op_valid     (unit_valid),
        .op_unit      (unit),
        .op_position  (unit_position),
        .op_group     (unit_group),
        .op_sum       (unit_sum),
        .done         (done_inhibit)
    );
  end else begin : g_no_units
    assign {unit_fetch, sums_clear, unit_valid, done_inhibit} = '0;
    assign {unit_row_address, sums_clear_address, unit, unit_position, unit_group} = '0;
    assign unit_sum = '0;
    wire unused = &{1'b0, enable_inhibition, run_inhibition, inhibition_base, rows_i};
  end

  // The lanes: a row of weights, and beside it one for the inhibitory lanes.
  localparam integer ROW = eideploy_pkg::ROW_BITS;
  logic lanes_valid, lanes_valid_i, divisible;
  logic [1:0] lanes_kind;
  logic [A-1:0] weight_address, lanes_lane_address, gain_address;
  logic [A-1:0] sum_address, sum_address_i;
  logic [eideploy_pkg::VALUE_BITS-1:0] lanes_value;
  logic [ROW-1:0] weight_row;
  logic [P*L-1:0] lane_row;
  logic [G-1:0] gain;

  eideploy_address_generator addresses (
      .clk             (clk),
      .reset           (reset),
      .is_folded       (is_folded),
      .groups_i        (groups_i),
      .groups_e        (groups_e),
      .weight_base     (weight_base),
      .inhibitory_base (inhibitory_base),
      .accumulator_base(accumulator_base),
      .inhibition_base (inhibition_base),
      .lane_base       (lane_base),
      .gain_base       (gain_base),
      .event_valid     (event_valid),
      .event_excites   (event_excites),
      .event_inhibits  (event_inhibits),
      .event_channel   (event_channel),
      .event_pitch     (event_pitch),
      .event_offset    (event_offset),
      .event_position  (event_position),
      .event_group     (event_group),
      .event_value     (event_value),
      .unit_valid      (unit_valid),
      .unit            (unit),
      .unit_position   (unit_position),
      .unit_group      (unit_group),
      .unit_sum        (unit_sum),
      .gain_address    (gain_address),
      .valid           (lanes_valid),
      .valid_i         (lanes_valid_i),
      .kind            (lanes_kind),
      .weight_address  (weight_address),
      .lane_address    (lanes_lane_address),
      .sum_address     (sum_address),
      .sum_address_i   (sum_address_i),
      .value           (lanes_value)
  );

  eideploy_memory #(
      .WIDTH(ROW),
      .DEPTH(eideploy_pkg::WEIGHT_ROWS),
      .IMAGE(IMAGES),
      .FILE("images/weight.hex")
  ) weight_memory (
      .clk          (clk),
      .read         (lanes_valid || lanes_valid_i),
      .read_address (weight_address),
      .q            (weight_row),
      .write        (cfg_write[eideploy_pkg::CONFIG_WEIGHT]),
      .write_address(cfg_at),
      .d            (cfg_row[ROW-1:0])
  );
  if (FACTORED) begin : g_gains
    eideploy_memory #(
        .WIDTH(G),
        .DEPTH(eideploy_pkg::GAIN_WORDS),
        .IMAGE(IMAGES),
        .FILE("images/gain.hex")
    ) gain_memory (
        .clk          (clk),
        .read         (unit_valid),
        .read_address (gain_address),
        .q            (gain),
        .write        (cfg_write[eideploy_pkg::CONFIG_GAIN]),
        .write_address(cfg_at),
        .d            (cfg_row[G-1:0])
    );
  end else begin : g_no_gains
    assign gain = '0;
    wire unused = &{1'b0, gain_address, cfg_write[eideploy_pkg::CONFIG_GAIN]};
  end

  logic inhibition_read, accumulator_read, inhibition_write, num_write, den_write;
  logic [A-1:0] lanes_read_address, lanes_write_address, read_address_i, write_address_i;
  logic [O*S-1:0] next_inhibition;
  logic [P*N-1:0] num_row, next_num;
  logic [P*D-1:0] den_row, next_den;

  eideploy_lanes sums (
      .clk             (clk),
      .reset           (reset),
      .is_readout      (is_readout),
      .is_folded       (is_folded),
      .clear_divisible (enter_stage),
      .divisible       (divisible),
      .valid           (lanes_valid),
      .valid_i         (lanes_valid_i),
      .kind            (lanes_kind),
      .sum_address     (sum_address),
      .sum_address_i   (sum_address_i),
      .value           (lanes_value),
      .gain            (gain),
      .weights         (weight_row[P*W-1:0]),
      .weights_i       (weight_row[ROW-1-:O*W]),
      .lane_row        (lane_row),
      .inhibition_read (inhibition_read),
      .accumulator_read(accumulator_read),
      .read_address    (lanes_read_address),
      .read_address_i  (read_address_i),
      .inhibition      (inhibition_row),
      .num             (num_row),
      .den             (den_row),
      .inhibition_write(inhibition_write),
      .num_write       (num_write),
      .den_write       (den_write),
      .write_address   (lanes_write_address),
      .write_address_i (write_address_i),
      .next_inhibition (next_inhibition),
      .next_num        (next_num),
      .next_den        (next_den)
  );

  // Whether a DEN of the sums that are kept is positive, and the least, for the steps that do not
  // add to them.
  logic kept_divisible;
  logic [eideploy_pkg::ALIGNED_BITS-1:0] least, kept_least;
  wire divides = has_sums ? kept_divisible : divisible;

  always_ff @(posedge clk) begin
    if (is_static && is_first_step) begin
      kept_divisible <= divisible;
      kept_least <= least;
    end
  end

  // Minimum and update: rows of NUM and DEN, neurons. Output: rows of NUM.
  logic neuron_row_read, logit_row_read, issue, issue_ends_row;
  logic [A-1:0] neuron_row_address, logit_row_address, neuron_lane_address, issue_spike_address;
  logic [A-1:0] membrane_address, parameter_address;
  logic [eideploy_pkg::PART_BITS-1:0] issue_part;
  logic [R-1:0] issue_exists;

  eideploy_neuron_scanner neurons (
      .clk                (clk),
      .enter              (enter_phase),
      .run_minimum        (run_minimum),
      .run_update         (run_update),
      .positions          (positions),
      .n_e                (n_e),
      .groups_e           (groups_e),
      .accumulator_base   (accumulator_base),
      .membrane_base      (membrane_base),
      .parameter_base     (parameter_base),
      .spike_base         (spike_base),
      .spike_bank         (spike_bank),
      .is_odd             (watch_step[0]),
      .lane_base          (lane_base),
      .row_read           (neuron_row_read),
      .row_address        (neuron_row_address),
      .lane_address       (neuron_lane_address),
      .membrane_address   (membrane_address),
      .parameter_address  (parameter_address),
      .issue              (issue),
      .issue_spike_address(issue_spike_address),
      .issue_part         (issue_part),
      .issue_ends_row     (issue_ends_row),
      .issue_exists       (issue_exists),
      .done_minimum       (done_minimum),
      .done_update        (done_update)
  );

  if (MINIMUM) begin : g_minimum
    eideploy_minimum divisors (
        .clk     (clk),
        .reset   (reset),
        .clear   (enter_stage),
        .valid   (run_minimum),
        .den     (den_row),
        .lane_row(lane_row),
        .least   (least)
    );
  end else begin : g_no_minimum
    assign least = '0;
  end

  eideploy_readout logits (
      .clk        (clk),
      .reset      (reset),
      .enter      (enter_phase),
      .run        (run_output),
      .n_e        (n_e),
      .base       (accumulator_base),
      .row_read   (logit_row_read),
      .row_address(logit_row_address),
      .num        (num_row),
      .out_valid  (out_valid),
      .out_ready  (out_ready),
      .out_class  (out_class),
      .out_logit  (out_logit),
      .hold       (hold),
      .done       (done_output)
  );

  // A row of NUM and DEN that is read to be used up is cleared a cycle later.
  logic row_clear;
  logic [A-1:0] row_clear_address;
  wire row_is_used_up = (neuron_row_read && run_update && !keeps_sums) || logit_row_read;
  wire [A-1:0] used_row_address = run_output ? logit_row_address : neuron_row_address;

  always_ff @(posedge clk) begin
    row_clear <= row_is_used_up && !reset;
    row_clear_address <= used_row_address;
  end

  wire sum_row_read = accumulator_read || neuron_row_read || logit_row_read;
  wire [A-1:0] sum_row_address = accumulator_read ? lanes_read_address : used_row_address;
  wire clear_rows = clearing || row_clear;
  wire clears_accumulators = clearing && reset_address < A'(eideploy_pkg::ACCUMULATOR_ROWS);
  wire clears_inhibition = clearing && reset_address < A'(eideploy_pkg::INHIBITION_ROWS);
  wire [A-1:0] sum_write_address =
      clearing ? reset_address : row_clear ? row_clear_address : lanes_write_address;

  eideploy_memory #(
      .WIDTH(P * N),
      .DEPTH(eideploy_pkg::ACCUMULATOR_ROWS)
  ) num_memory (
      .clk          (clk),
      .read         (sum_row_read),
      .read_address (sum_row_address),
      .q            (num_row),
      .write        (num_write || row_clear || clears_accumulators),
      .write_address(sum_write_address),
      .d            (clear_rows ? '0 : next_num)
  );
  eideploy_memory #(
      .WIDTH(P * D),
      .DEPTH(eideploy_pkg::ACCUMULATOR_ROWS)
  ) den_memory (
      .clk          (clk),
      .read         (sum_row_read),
      .read_address (sum_row_address),
      .q            (den_row),
      .write        (den_write || row_clear || clears_accumulators),
      .write_address(sum_write_address),
      .d            (clear_rows ? '0 : next_den)
  );
  if (FACTORED) begin : g_inhibition
    eideploy_memory #(
        .WIDTH(O * S),
        .DEPTH(eideploy_pkg::INHIBITION_ROWS)
    ) inhibition_memory (
        .clk          (clk),
        .read         (inhibition_read || unit_fetch),
        .read_address (inhibition_read ? read_address_i : unit_row_address),
        .q            (inhibition_row),
        .write        (inhibition_write || sums_clear || clears_inhibition),
        .write_address(clearing ? reset_address
            : sums_clear ? sums_clear_address : write_address_i),
        .d            (clearing || sums_clear ? '0 : next_inhibition)
    );
  end else begin : g_no_inhibition
    assign inhibition_row = '0;
    wire unused = &{1'b0, inhibition_read, inhibition_write, next_inhibition, clears_inhibition,
        unit_fetch, sums_clear, unit_row_address, sums_clear_address, read_address_i,
        write_address_i};
  end

  eideploy_memory #(
      .WIDTH(P * L),
      .DEPTH(eideploy_pkg::LANE_ROWS),
      .IMAGE(IMAGES),
      .FILE("images/lane.hex")
  ) lane_memory (
      .clk          (clk),
      .read         (lanes_valid || run_minimum || issue),
      .read_address (lanes_valid ? lanes_lane_address : neuron_lane_address),
      .q            (lane_row),
      .write        (cfg_write[eideploy_pkg::CONFIG_LANE]),
      .write_address(cfg_at),
      .d            (cfg_row[P*L-1:0])
  );

  // Update.
  logic [R*X-1:0] parameters;
  logic [R*V-1:0] membranes, next_membranes, synapses, next_synapses;
  logic [R*A-1:0] table_address;
  logic [R*E-1:0] entries;

  eideploy_memory #(
      .WIDTH(R * X),
      .DEPTH(eideploy_pkg::PARAMETER_ROWS),
      .IMAGE(IMAGES),
      .FILE("images/parameter.hex")
  ) parameter_memory (
      .clk          (clk),
      .read         (issue),
      .read_address (parameter_address),
      .q            (parameters),
      .write        (cfg_write[eideploy_pkg::CONFIG_PARAMETER]),
      .write_address(cfg_at),
      .d            (cfg_row[R*X-1:0])
  );
  eideploy_memory #(
      .WIDTH(R * V),
      .DEPTH(eideploy_pkg::MEMBRANE_ROWS)
  ) membrane_memory (
      .clk          (clk),
      .read         (issue),
      .read_address (membrane_address),
      .q            (membranes),
      .write        (watch_membrane_write),
      .write_address(watch_membrane_address),
      .d            (next_membranes)
  );

  if (eideploy_pkg::HAS_SYNAPSE != 0) begin : g_synapses
    eideploy_memory #(
        .WIDTH(R * V),
        .DEPTH(eideploy_pkg::MEMBRANE_ROWS)
    ) synapse_memory (
        .clk          (clk),
        .read         (issue),
        .read_address (membrane_address),
        .q            (synapses),
        .write        (watch_membrane_write),
        .write_address(watch_membrane_address),
        .d            (next_synapses)
    );
  end else begin : g_no_synapses
    assign synapses = '0;
    wire unused = &{1'b0, next_synapses};
  end

  if (eideploy_pkg::DIVIDER == eideploy_pkg::DIVIDER_LUT) begin : g_tables
    for (genvar i = 0; i < R; i++) begin : g_table
      eideploy_memory #(
          .WIDTH(E),
          .DEPTH(1 << eideploy_pkg::TABLE_BITS),
          .IMAGE(IMAGES),
          .FILE("images/table.hex")
      ) table_memory (
          .clk          (clk),
          .read         (1'b1),
          .read_address (table_address[i*A+:A]),
          .q            (entries[i*E+:E]),
          .write        (cfg_write[eideploy_pkg::CONFIG_TABLE]),
          .write_address(cfg_at),
          .d            (cfg_row[E-1:0])
      );
    end
  end else begin : g_no_table
    assign entries = '0;
    wire unused = &{1'b0, table_address, cfg_write[eideploy_pkg::CONFIG_TABLE]};
  end

  eideploy_update neuron_lanes (
      .clk                   (clk),
      .reset                 (reset),
      .is_first              (is_first_step),
      .divisible             (divides),
      .has_floor             (has_floor),
      .to_zero               (to_zero),
      .general               (general),
      .least                 (has_sums ? kept_least : least),
      .leak                  (leak),
      .most                  (most),
      .current_top           (current_top),
      .membrane_top          (membrane_top),
      .issue                 (issue),
      .issue_spike_address   (issue_spike_address),
      .issue_membrane_address(membrane_address),
      .issue_part            (issue_part),
      .issue_ends_row        (issue_ends_row),
      .issue_exists          (issue_exists),
      .num                   (num_row),
      .den                   (den_row),
      .lane_row              (lane_row),
      .parameters            (parameters),
      .membranes             (membranes),
      .synapses              (synapses),
      .table_address         (table_address),
      .entries               (entries),
      .membrane_write        (watch_membrane_write),
      .membrane_address      (watch_membrane_address),
      .next_membranes        (next_membranes),
      .next_synapses         (next_synapses),
      .spike_write           (watch_spike_write),
      .spike_address         (watch_spike_address),
      .spikes                (watch_spikes)
  );

  // Much is decided from a row of spikes within a cycle; that of lookup tables comes 5 ns sooner.
  localparam SPIKE_STYLE = eideploy_pkg::PIPELINED != 0 && eideploy_pkg::SPIKE_ROWS <= 256
      ? "distributed" : "auto";

  eideploy_memory #(
      .WIDTH(P * Z),
      .DEPTH(eideploy_pkg::SPIKE_ROWS),
      .STYLE(SPIKE_STYLE)
  ) spike_memory (
      .clk          (clk),
      .read         (row_fetch),
      .read_address (event_spike_address),
      .q            (spike_row),
      .write        (watch_spike_write),
      .write_address(watch_spike_address),
      .d            (watch_spikes)
  );

  assign watch_membranes = next_membranes;
endmodule
