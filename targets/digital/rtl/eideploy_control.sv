// The states of the core: stages in sequence, time steps in sequence (docs/digital_core.md, Phases).
// A phase issues until it is done and then drains for its latency.
module eideploy_control (
    input  logic                             clk,
    input  logic                             reset,
    input  logic                             start,
    input  logic [eideploy_pkg::STEP_BITS-1:0] steps,
    // the stage
    input  logic                             is_readout,
    input  logic                             is_folded,
    input  logic                             is_static,
    input  logic                             has_floor,
    input  logic                             is_last_stage,
    // the phases
    input  logic                             done_accumulate,
    input  logic                             done_inhibit,
    input  logic                             done_minimum,
    input  logic                             done_update,
    input  logic                             done_output,
    input  logic                             hold,
    output logic [2:0]                       phase,
    output logic                             enter_stage,  // its first cycle
    output logic                             enter_phase,  // the cycle before a phase begins
    output logic                             enable_events,
    output logic                             run_events,
    output logic                             enable_inhibition,
    output logic                             run_inhibition,
    output logic                             run_minimum,
    output logic                             run_update,
    output logic                             run_output,
    output logic                             is_first_step,
    output logic                             has_sums,  // the stage's, kept from the first step
    output logic                             keeps_sums,
    output logic                             idle,
    output logic                             done,  // the inference ends with this cycle
    output logic                             clearing,
    output logic [eideploy_pkg::ADDRESS-1:0] clear_address,
    output logic                             restart,
    output logic                             program_read,
    output logic [eideploy_pkg::ADDRESS-1:0] program_address,
    output logic [eideploy_pkg::ADDRESS-1:0] stage,
    output logic [eideploy_pkg::STEP_BITS-1:0] step
);
  localparam integer A = eideploy_pkg::ADDRESS;
  localparam integer T = eideploy_pkg::STEP_BITS;
  localparam integer BITS = eideploy_pkg::DRAIN_BITS;

  logic draining;
  logic [BITS-1:0] left;
  wire is_last_step = step == steps - T'(1);
  wire ending = draining && left == '0 && !hold;
  wire stage_ends = ending && (phase == eideploy_pkg::UPDATE || phase == eideploy_pkg::OUTPUT
      || (phase == eideploy_pkg::ACCUMULATE && is_readout && !is_last_step));
  wire about_to_end = draining && left <= BITS'(1);

  assign idle = phase == eideploy_pkg::IDLE;
  assign clearing = phase == eideploy_pkg::CLEAR;
  assign restart = idle && start;
  assign done = stage_ends && is_last_stage && is_last_step;
  assign enter_stage =
      phase == eideploy_pkg::SETUP && left == BITS'(eideploy_pkg::LATENCY_SETUP - 1);
  assign enter_phase = ending;
  assign is_first_step = step == '0;
  assign has_sums = is_static && !is_first_step;
  assign keeps_sums = is_static && !is_last_step;
  assign run_events = phase == eideploy_pkg::ACCUMULATE && !draining;
  assign run_inhibition = phase == eideploy_pkg::INHIBIT && !draining;
  assign run_minimum = phase == eideploy_pkg::MINIMUM && !draining;
  assign run_update = phase == eideploy_pkg::UPDATE && !draining;
  assign run_output = phase == eideploy_pkg::OUTPUT && !draining;
  assign enable_events = run_events || (phase == eideploy_pkg::SETUP && about_to_end && !has_sums);
  assign enable_inhibition = run_inhibition || (phase == eideploy_pkg::ACCUMULATE && about_to_end
      && !is_folded && (!is_readout || is_last_step));
  assign program_read = restart || stage_ends;
  assign program_address = restart || is_last_stage ? '0 : stage + A'(1);

  logic [2:0] next_phase, summed_phase;

  always_comb begin
    if (is_readout) summed_phase = eideploy_pkg::OUTPUT;
    else summed_phase = has_floor ? eideploy_pkg::UPDATE : eideploy_pkg::MINIMUM;
    case (phase)
      eideploy_pkg::SETUP: next_phase = has_sums ? eideploy_pkg::UPDATE : eideploy_pkg::ACCUMULATE;
      eideploy_pkg::ACCUMULATE: next_phase = is_folded ? summed_phase : eideploy_pkg::INHIBIT;
      eideploy_pkg::INHIBIT: next_phase = summed_phase;
      default: next_phase = eideploy_pkg::UPDATE;
    endcase
    if (stage_ends) next_phase = eideploy_pkg::SETUP;
    if (done) next_phase = eideploy_pkg::IDLE;
  end

  logic issued_last;
  logic [BITS-1:0] latency;

  always_comb begin
    case (phase)
      eideploy_pkg::ACCUMULATE: latency = BITS'(eideploy_pkg::LATENCY_ACCUMULATE);
      eideploy_pkg::INHIBIT: latency = BITS'(eideploy_pkg::LATENCY_INHIBIT);
      eideploy_pkg::MINIMUM: latency = BITS'(eideploy_pkg::LATENCY_MINIMUM);
      eideploy_pkg::UPDATE: latency = BITS'(eideploy_pkg::LATENCY_UPDATE);
      default: latency = BITS'(eideploy_pkg::LATENCY_OUTPUT);
    endcase
    issued_last = (run_events && done_accumulate) || (run_inhibition && done_inhibit)
        || (run_minimum && done_minimum) || (run_update && done_update)
        || (run_output && done_output);
  end

  always_ff @(posedge clk) begin
    if (reset) begin
      phase <= eideploy_pkg::CLEAR;
      draining <= 1'b0;
      left <= '0;
      clear_address <= '0;
      stage <= '0;
      step <= '0;
    end else if (clearing) begin
      clear_address <= clear_address + A'(1);
      if (clear_address == A'(eideploy_pkg::CLEAR_ROWS - 1)) phase <= eideploy_pkg::IDLE;
    end else if (restart || ending) begin
      phase <= restart ? eideploy_pkg::SETUP : next_phase;
      draining <= restart || (stage_ends && !done);
      left <= BITS'(eideploy_pkg::LATENCY_SETUP - 1);
      if (stage_ends) begin
        stage <= is_last_stage ? '0 : stage + A'(1);
        if (is_last_stage) step <= is_last_step ? '0 : step + T'(1);
      end
    end else if (issued_last) begin
      draining <= 1'b1;
      left <= latency - BITS'(1);
    end else if (draining && !hold) left <= left - BITS'(1);
  end
endmodule
