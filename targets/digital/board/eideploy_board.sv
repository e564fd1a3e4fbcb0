// A network on a board: the core with its memories in the bitstream, a serial line, LEDs. Clock and pins
// are the top's, which is the board's own.
module eideploy_board #(
    parameter integer DIVISOR = 50,
    parameter integer STEPS = 1,
    parameter integer PORT_STEPS = STEPS,  // of which events are taken
    parameter integer CLASSES = 2,
    parameter integer HEIGHT = 1,
    parameter integer WIDTH = 1,
    parameter integer CHANNELS = 1,
    parameter logic [63:0] NETWORK = '0
) (
    input  logic       clk,
    input  logic       ready,  // the clock is stable
    input  logic       rx,
    output logic       tx,
    output logic       busy,
    output logic [7:0] leds    // the class that was decided for
);
  // Reset by power-on: as long as the clock is not stable, and 15 cycles more.
  logic [3:0] since = '0;
  logic reset;

  always_ff @(posedge clk) begin
    if (!ready) since <= '0;
    else if (since != '1) since <= since + 4'd1;
    reset <= since != '1;
  end

  logic core_reset, start, idle, in_valid, in_ready, in_last, out_valid;
  logic [eideploy_pkg::ADDRESS-1:0] in_y, in_x, in_channel, out_class;
  logic [eideploy_pkg::INPUT_BITS-1:0] in_value;
  logic [eideploy_pkg::ACCUMULATOR_BITS-1:0] out_logit;
  logic [15:0] best_class;

  assign leds = best_class[7:0];

  eideploy_link #(
      .DIVISOR (DIVISOR),
      .STEPS   (PORT_STEPS),
      .CLASSES (CLASSES),
      .HEIGHT  (HEIGHT),
      .WIDTH   (WIDTH),
      .CHANNELS(CHANNELS),
      .NETWORK (NETWORK)
  ) link (
      .clk       (clk),
      .reset     (reset),
      .rx        (rx),
      .tx        (tx),
      .busy      (busy),
      .best_class(best_class),
      .core_reset(core_reset),
      .start     (start),
      .idle      (idle),
      .in_valid  (in_valid),
      .in_ready  (in_ready),
      .in_last   (in_last),
      .in_y      (in_y),
      .in_x      (in_x),
      .in_channel(in_channel),
      .in_value  (in_value),
      .out_valid (out_valid),
      .out_class (out_class),
      .out_logit (out_logit)
  );

  eideploy_core #(
      .IMAGES(1),
      .STEPS (STEPS)
  ) network (
      .clk                   (clk),
      .reset                 (core_reset),
      .cfg_valid             (1'b0),
      .cfg_ready             (),
      .cfg_commit            (1'b0),
      .cfg_memory            ('0),
      .cfg_address           ('0),
      .cfg_data              ('0),
      .start                 (start),
      .idle                  (idle),
      .in_valid              (in_valid),
      .in_ready              (in_ready),
      .in_last               (in_last),
      .in_y                  (in_y),
      .in_x                  (in_x),
      .in_channel            (in_channel),
      .in_value              (in_value),
      .out_valid             (out_valid),
      .out_ready             (1'b1),
      .out_class             (out_class),
      .out_logit             (out_logit),
      .watch_phase           (),
      .watch_stage           (),
      .watch_step            (),
      .watch_waits           (),
      .watch_done            (),
      .watch_spike_write     (),
      .watch_spike_address   (),
      .watch_spikes          (),
      .watch_membrane_write  (),
      .watch_membrane_address(),
      .watch_membranes       ()
  );

  wire unused = &{1'b0, best_class[15:8]};
endmodule
