// Drives the digital core in any simulator of four states; testbench.cpp says what the files hold.
//
//   vvp testbench +images=FOLDER +words=FILE +trace=FOLDER [+gap=PERMILLE] [+stall=PERMILLE]
//     [+meddle=PERMILLE] [+aborts=N] [+seed=N] [+limit=CYCLES]
//
// A handshake or a count that is unknown ends the run; data that is unknown is written as x.
module testbench;
  localparam integer A = eideploy_pkg::ADDRESS;
  localparam integer PHASES = 6;

  logic clk = 0;
  logic reset = 1;
  logic cfg_valid = 0, cfg_commit = 0, start = 0, in_valid = 0, in_last = 0, out_ready = 0;
  logic [3:0] cfg_memory = 0;
  logic [A-1:0] cfg_address = 0, in_y = 0, in_x = 0, in_channel = 0;
  logic [31:0] cfg_data = 0;
  logic [eideploy_pkg::INPUT_BITS-1:0] in_value = 0;
  logic cfg_ready, idle, in_ready, out_valid, watch_waits, watch_done;
  logic watch_spike_write, watch_membrane_write;
  logic [A-1:0] out_class, watch_stage, watch_spike_address, watch_membrane_address;
  logic [eideploy_pkg::STEP_BITS-1:0] watch_step;
  logic [eideploy_pkg::ACCUMULATOR_BITS-1:0] out_logit;
  logic [2:0] watch_phase;
  logic [eideploy_pkg::LANES*eideploy_pkg::SPIKE_BITS-1:0] watch_spikes;
  logic [eideploy_pkg::UPDATE_LANES*eideploy_pkg::MEMBRANE_BITS-1:0] watch_membranes;

  eideploy_core dut (
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
  reg [eideploy_pkg::STAGE_BITS-1:0] first_entry;  // of the program
  integer words, cycles, spikes, membranes, logits, sample, gap, stall, meddling, aborts, seed, limit;
  integer length;  // of the last inference, in cycles
  reg [31:0] aborted;
  integer at_word;  // where the word at hand stands in the file
  integer counted_stage, counted_step, i;
  integer counts[0:PHASES];
  logic more, done;

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

  task stop(input reg [8*64-1:0] message);
    begin
      $display("testbench: %0s", message);
      $finish;
      $finish(2);
    end
  endtask

  // Reset; the core then clears its sums, a row a cycle, and is idle. It may be reset meanwhile.
  task reset_core(input logic again);
    integer left, spent, patience;
    begin
      for (left = again; left >= 0; left = left - 1) begin
        patience = eideploy_pkg::CLEAR_ROWS;
        if (left > 0) patience = $unsigned($random(seed)) % eideploy_pkg::CLEAR_ROWS;
        reset = 1;
        in_valid = 0;
        meddle;
        clock;
        reset = 0;
        meddle;
        spent = 0;
        while (idle !== 1'b1 && spent < patience) begin
          clock;
          meddle;
          spent = spent + 1;
        end
      end
      if (idle !== 1'b1 || spent != eideploy_pkg::CLEAR_ROWS) stop("a reset does not clear a row a cycle");
    end
  endtask

  // Offer a busy core a start and a word of configuration.
  task meddle;
    begin
      start = idle !== 1'b1 && chance(meddling);
      cfg_valid = start;
      if (start) begin
        cfg_commit = $random(seed);
        cfg_memory = $unsigned($random(seed)) % eideploy_pkg::CONFIG_MEMORIES;
        cfg_address = $unsigned($random(seed)) % eideploy_pkg::CLEAR_ROWS;
        cfg_data = $random(seed);
      end
      #1;
      if (cfg_ready !== idle) stop("the configuration port is ready in a busy core");
      if (watch_phase >= PHASES && (in_ready || out_valid)) begin
        stop("the core takes words or gives logits without an inference");
      end
    end
  endtask

  // Send the words first..last of a row, from its highest down; word 0 commits it.
  task configure(input integer memory, input integer address,
                 input reg [eideploy_pkg::CONFIG_BITS-1:0] row, input integer first, input integer last);
    integer word;
    begin
      for (word = first; word >= last; word = word - 1) begin
        cfg_valid = 1;
        cfg_commit = word == 0;
        cfg_memory = memory;
        cfg_address = address;
        cfg_data = row[word*32+:32];
        #1;
        if (cfg_ready !== 1'b1) stop("the configuration port is not ready");
        clock;
      end
      cfg_valid = 0;
    end
  endtask

  task load(input integer memory, input reg [8*16-1:0] name, input integer bits);
    integer file, address, got;
    reg [eideploy_pkg::CONFIG_BITS-1:0] row;
    begin
      file = $fopen($sformatf("%0s/%0s.hex", images, name), "r");
      if (file == 0) stop("cannot read an image");
      address = 0;
      got = $fscanf(file, "%h\n", row);
      while (got == 1) begin
        configure(memory, address, row, (bits - 1) / 32, 0);
        if (memory == eideploy_pkg::CONFIG_PROGRAM && address == 0) first_entry = row;
        address = address + 1;
        row = 0;
        got = $fscanf(file, "%h\n", row);
      end
      $fclose(file);
    end
  endtask

  // The next word of the port; `more` falls at the end of the file.
  task read_word;
    integer got, y, x, channel, value;
    reg [8*64-1:0] line;
    begin
      at_word = $ftell(words);
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

  task start_core;
    begin
      start = 1;
      clock;
      done = 0;
    end
  endtask

  // A cycle of an inference; `done` rises with the last one.
  task cycle(input logic is_watched);
    logic taken;
    begin
      if (!in_valid && more && !chance(gap)) in_valid = 1;
      out_ready = !chance(stall);
      meddle;
      if (^{watch_phase, watch_stage, watch_step, watch_waits, watch_done, watch_spike_write,
            watch_membrane_write, out_valid, in_ready, idle} === 1'bx) begin
        stop("a control signal is unknown");
      end
      done = watch_done;
      taken = in_valid && in_ready;
      if (is_watched) watch;
      clock;
      if (taken) begin
        in_valid = 0;
        read_word;
      end
    end
  endtask

  task watch;
    begin
      if (watch_stage != counted_stage || watch_step != counted_step) write_cycles;
      counted_stage = watch_stage;
      counted_step = watch_step;
      if (watch_waits) counts[PHASES] = counts[PHASES] + 1;
      else if (watch_phase < PHASES) counts[watch_phase] = counts[watch_phase] + 1;
      if (watch_spike_write) $fwrite(spikes, "%08h%h\n", 32'(watch_spike_address), watch_spikes);
      if (watch_membrane_write) begin
        $fwrite(membranes, "%08h%h\n", 32'(watch_membrane_address), watch_membranes);
      end
      if (out_valid && out_ready) $fwrite(logits, "%08h%h\n", 32'(out_class), out_logit);
    end
  endtask

  // The cycles of the stage at hand; none before the first one.
  task write_cycles;
    begin
      if (counts[0] != 0) begin
        $fwrite(cycles, "%0d %0d %0d", sample, counted_step, counted_stage);
        for (i = 0; i <= PHASES; i = i + 1) $fwrite(cycles, " %0d", counts[i]);
        $fwrite(cycles, "\n");
      end
      for (i = 0; i <= PHASES; i = i + 1) counts[i] = 0;
    end
  endtask

  // Break an inference off. The moments, multiples of the golden ratio of the last one's duration, lie
  // evenly, however many there are.
  task abort;
    integer left, first_word;
    begin
      first_word = at_word;
      start_core;
      aborted = aborted + 32'h9e3779b9;
      left = 64'(aborted) * 64'(length) >> 32;
      while (left > 0 && !done) begin
        cycle(0);
        left = left - 1;
      end
      reset_core(chance(200));
      i = $fseek(words, first_word, 0);
      read_word;
    end
  endtask

  // A row of configuration may be begun before an inference and ended behind it.
  task infer;
    integer pieces, spent;
    begin
      if (sample % 2 == 0) repeat (aborts) abort;
      pieces = (eideploy_pkg::STAGE_BITS + 31) / 32;
      if (meddling > 0) configure(eideploy_pkg::CONFIG_PROGRAM, 0, first_entry, pieces - 1, 1);
      start_core;
      spent = 0;
      while (!done) begin
        spent = spent + 1;
        if (spent > limit) stop("an inference takes too long");
        cycle(1);
      end
      write_cycles;
      length = spent;
      meddle;
      if (meddling > 0) configure(eideploy_pkg::CONFIG_PROGRAM, 0, first_entry, 0, 0);
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
    if (!$value$plusargs("meddle=%d", meddling)) meddling = 0;
    if (!$value$plusargs("aborts=%d", aborts)) aborts = 0;
    if (!$value$plusargs("seed=%d", seed)) seed = 1;
    if (!$value$plusargs("limit=%d", limit)) limit = 2147483647;
    words = $fopen($sformatf("%0s", words_path), "r");
    cycles = $fopen($sformatf("%0s/cycles.txt", trace), "w");
    spikes = $fopen($sformatf("%0s/spikes.hex", trace), "w");
    membranes = $fopen($sformatf("%0s/membranes.hex", trace), "w");
    logits = $fopen($sformatf("%0s/logits.hex", trace), "w");
    sample = 0;
    length = 64;
    aborted = 0;
    for (i = 0; i <= PHASES; i = i + 1) counts[i] = 0;
    reset_core(aborts > 0);
    load(eideploy_pkg::CONFIG_STEPS, "steps", eideploy_pkg::STEP_BITS);
    load(eideploy_pkg::CONFIG_PROGRAM, "program", eideploy_pkg::STAGE_BITS);
    load(eideploy_pkg::CONFIG_ROUTE, "route", eideploy_pkg::ROUTE_BITS);
    load(eideploy_pkg::CONFIG_AXIS_Y, "axis_y", eideploy_pkg::AXIS_BITS);
    load(eideploy_pkg::CONFIG_AXIS_X, "axis_x", eideploy_pkg::AXIS_BITS);
    load(eideploy_pkg::CONFIG_WEIGHT, "weight", eideploy_pkg::ROW_BITS);
    load(eideploy_pkg::CONFIG_LANE, "lane", eideploy_pkg::LANES * eideploy_pkg::LANE_BITS);
    load(eideploy_pkg::CONFIG_PARAMETER, "parameter",
         eideploy_pkg::UPDATE_LANES * eideploy_pkg::PARAMETER_BITS);
    load(eideploy_pkg::CONFIG_GAIN, "gain", eideploy_pkg::GAIN_BITS);
    load(eideploy_pkg::CONFIG_TABLE, "table", eideploy_pkg::ENTRY_BITS);
    read_word;
    while (more) infer;
    $finish;
  end
endmodule
