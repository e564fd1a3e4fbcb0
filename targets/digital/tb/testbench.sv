// Drives the digital core in any simulator of four states; testbench.cpp says what the files hold.
//
//   vvp testbench +images=FOLDER +words=FILE +trace=FOLDER [+gap=PERMILLE] [+stall=PERMILLE] [+seed=N]
//
// A handshake or a count that is unknown ends the run; data that is unknown is written as x.
module testbench;
  localparam integer A = core_pkg::ADDRESS;
  localparam integer PHASES = 6;
  localparam integer STAGES = core_pkg::PROGRAM_ENTRIES;
  localparam integer STEPS = 64;

  logic clk = 0;
  logic reset = 1;
  logic cfg_valid = 0, cfg_commit = 0, start = 0, in_valid = 0, in_last = 0, out_ready = 0;
  logic [3:0] cfg_memory = 0;
  logic [A-1:0] cfg_address = 0, in_y = 0, in_x = 0, in_channel = 0;
  logic [31:0] cfg_data = 0;
  logic [core_pkg::INPUT_BITS-1:0] in_value = 0;
  logic cfg_ready, idle, in_ready, out_valid, watch_waits, watch_done;
  logic watch_spike_write, watch_membrane_write;
  logic [A-1:0] out_class, watch_stage, watch_step, watch_spike_address, watch_membrane_address;
  logic [core_pkg::ACCUMULATOR_BITS-1:0] out_logit;
  logic [2:0] watch_phase;
  logic [core_pkg::LANES-1:0] watch_spikes;
  logic [core_pkg::UPDATE_LANES*core_pkg::MEMBRANE_BITS-1:0] watch_membranes;

  core dut (
      .clk                   (clk),
      .reset                 (reset),
      .cfg_valid             (cfg_valid),
      .cfg_ready             (cfg_ready),
      .cfg_commit            (cfg_commit),
      .cfg_memory            (cfg_memory),
      .cfg_address           (cfg_address),
      .cfg_data              (cfg_data),
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
      .out_ready             (out_ready),
      .out_class             (out_class),
      .out_logit             (out_logit),
      .watch_phase           (watch_phase),
      .watch_stage           (watch_stage),
      .watch_step            (watch_step),
      .watch_waits           (watch_waits),
      .watch_done            (watch_done),
      .watch_spike_write     (watch_spike_write),
      .watch_spike_address   (watch_spike_address),
      .watch_spikes          (watch_spikes),
      .watch_membrane_write  (watch_membrane_write),
      .watch_membrane_address(watch_membrane_address),
      .watch_membranes       (watch_membranes)
  );

  reg [8*512-1:0] images, words_path, trace;
  integer words, cycles, spikes, membranes, logits, sample, gap, stall, seed, limit, spent;
  integer counts[0:STEPS*STAGES*(PHASES+1)-1];
  logic more;

  task clock;
    begin
      #1 clk = 1;
      #1 clk = 0;
      #1;
    end
  endtask

  function chance(input integer permille);
    chance = permille > 0 && $unsigned($random(seed)) % 1000 < permille;
  endfunction

  task load(input integer memory, input reg [8*16-1:0] name, input integer bits);
    integer file, address, got, i;
    reg [core_pkg::CONFIG_BITS-1:0] row;
    begin
      file = $fopen($sformatf("%0s/%0s.hex", images, name), "r");
      if (file == 0) stop("cannot read an image");
      address = 0;
      got = $fscanf(file, "%h\n", row);
      while (got == 1) begin
        for (i = (bits - 1) / 32; i >= 0; i = i - 1) begin
          cfg_valid = 1;
          cfg_commit = i == 0;
          cfg_memory = memory;
          cfg_address = address;
          cfg_data = row[i*32+:32];
          clock;
        end
        address = address + 1;
        row = 0;
        got = $fscanf(file, "%h\n", row);
      end
      cfg_valid = 0;
      $fclose(file);
    end
  endtask

  task stop(input reg [8*64-1:0] message);
    begin
      $display("testbench: %0s", message);
      $finish;
      $finish(2);
    end
  endtask

  // The next word of the port; `more` falls at the end of the file.
  task read_word;
    integer got, y, x, channel, value;
    reg [8*64-1:0] line;
    begin
      got = $fgets(line, words);
      more = got != 0;
      if (more) begin
        in_last = line[15:8] == ".";
        if (!in_last) begin
          got = $sscanf(line, "%h %h %h %h", y, x, channel, value);
          in_y = y;
          in_x = x;
          in_channel = channel;
          in_value = value;
        end
      end
    end
  endtask

  task infer;
    integer i, at;
    logic done, taken;
    begin
      for (i = 0; i < STEPS * STAGES * (PHASES + 1); i = i + 1) counts[i] = 0;
      start = 1;
      clock;
      start = 0;
      done = 0;
      spent = 0;
      while (!done) begin
        spent = spent + 1;
        if (spent > limit) stop("an inference takes too long");
        if (!in_valid && more && !chance(gap)) in_valid = 1;
        out_ready = !chance(stall);
        #1;
        if (^{watch_phase, watch_stage, watch_step, watch_waits, watch_done, watch_spike_write,
              watch_membrane_write, out_valid, in_ready, idle} === 1'bx) begin
          stop("a control signal is unknown");
        end
        done = watch_done;
        taken = in_valid && in_ready;
        at = (watch_step * STAGES + watch_stage) * (PHASES + 1);
        if (watch_waits) counts[at+PHASES] = counts[at+PHASES] + 1;
        else if (watch_phase < PHASES) counts[at+watch_phase] = counts[at+watch_phase] + 1;
        if (watch_spike_write) begin
          $fwrite(spikes, "%08h%h\n", 32'(watch_spike_address), watch_spikes);
        end
        if (watch_membrane_write) begin
          $fwrite(membranes, "%08h%h\n", 32'(watch_membrane_address), watch_membranes);
        end
        if (out_valid && out_ready) $fwrite(logits, "%08h%h\n", 32'(out_class), out_logit);
        clock;
        if (taken) begin
          in_valid = 0;
          read_word;
        end
      end
      out_ready = 0;
      for (i = 0; i < STEPS * STAGES; i = i + 1) begin
        at = i * (PHASES + 1);
        if (counts[at] != 0) begin
          $fwrite(cycles, "%0d %0d %0d %0d %0d %0d %0d %0d %0d %0d\n", sample, i / STAGES, i % STAGES,
                  counts[at], counts[at+1], counts[at+2], counts[at+3], counts[at+4], counts[at+5],
                  counts[at+6]);
        end
      end
      sample = sample + 1;
      $display("sample %0d", sample);
    end
  endtask

  initial begin
    if (!$value$plusargs("images=%s", images)) stop("+images= is missing");
    if (!$value$plusargs("words=%s", words_path)) stop("+words= is missing");
    if (!$value$plusargs("trace=%s", trace)) stop("+trace= is missing");
    if (!$value$plusargs("gap=%d", gap)) gap = 0;
    if (!$value$plusargs("stall=%d", stall)) stall = 0;
    if (!$value$plusargs("seed=%d", seed)) seed = 1;
    if (!$value$plusargs("limit=%d", limit)) limit = 2147483647;
    words = $fopen($sformatf("%0s", words_path), "r");
    cycles = $fopen($sformatf("%0s/cycles.txt", trace), "w");
    spikes = $fopen($sformatf("%0s/spikes.hex", trace), "w");
    membranes = $fopen($sformatf("%0s/membranes.hex", trace), "w");
    logits = $fopen($sformatf("%0s/logits.hex", trace), "w");
    sample = 0;
    repeat (4) clock;
    reset = 0;
    #1;
    while (idle !== 1'b1) clock;
    load(core_pkg::CONFIG_STEPS, "steps", A);
    load(core_pkg::CONFIG_PROGRAM, "program", core_pkg::STAGE_BITS);
    load(core_pkg::CONFIG_ROUTE, "route", core_pkg::ROUTE_BITS);
    load(core_pkg::CONFIG_AXIS_Y, "axis_y", core_pkg::AXIS_BITS);
    load(core_pkg::CONFIG_AXIS_X, "axis_x", core_pkg::AXIS_BITS);
    load(core_pkg::CONFIG_WEIGHT, "weight", core_pkg::LANES * core_pkg::WEIGHT_BITS);
    load(core_pkg::CONFIG_LANE, "lane", core_pkg::LANES * core_pkg::LANE_BITS);
    load(core_pkg::CONFIG_PARAMETER, "parameter",
         core_pkg::UPDATE_LANES * core_pkg::PARAMETER_BITS);
    load(core_pkg::CONFIG_GAIN, "gain", core_pkg::GAIN_BITS);
    load(core_pkg::CONFIG_TABLE, "table", core_pkg::ENTRY_BITS);
    read_word;
    while (more) infer;
    $finish;
  end
endmodule
