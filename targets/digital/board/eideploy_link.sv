// The host's end of the core: requests and answers in frames on a serial line (docs/boards.md).
//
// A frame lies between two bytes C0; within it C0 is sent as DB DC, and DB as DB DD.
//     request   sequence  operation        length (2)  payload         CRC-32
//     answer    sequence  operation | 80   length (2)  status payload  CRC-32
// A request is looked at when all of it is there and its CRC is right, and carried out once: a
// request with the sequence and operation of the one before is answered again, and nothing else.
module eideploy_link #(
    parameter integer DIVISOR = 50,
    parameter integer STEPS = 1,  // of which an inference takes events
    parameter integer CLASSES = 2,
    parameter integer HEIGHT = 1,
    parameter integer WIDTH = 1,
    parameter integer CHANNELS = 1,
    parameter logic [63:0] NETWORK = '0  // what tells this network from others
) (
    input  logic                                clk,
    input  logic                                reset,
    input  logic                                rx,
    output logic                                tx,
    output logic                                busy,
    output logic [15:0]                         best_class,  // of the last inference
    // the core
    output logic                                core_reset,
    output logic                                start,
    input  logic                                idle,
    output logic                                in_valid,
    input  logic                                in_ready,
    output logic                                in_last,
    output logic [eideploy_pkg::ADDRESS-1:0]    in_y,
    output logic [eideploy_pkg::ADDRESS-1:0]    in_x,
    output logic [eideploy_pkg::ADDRESS-1:0]    in_channel,
    output logic [eideploy_pkg::INPUT_BITS-1:0] in_value,
    input  logic                                out_valid,
    input  logic [eideploy_pkg::ADDRESS-1:0]    out_class,
    input  logic [eideploy_pkg::ACCUMULATOR_BITS-1:0] out_logit
);
  localparam integer A = eideploy_pkg::ADDRESS;
  localparam integer N = eideploy_pkg::ACCUMULATOR_BITS;
  localparam logic [7:0] END = 8'hC0, ESC = 8'hDB, ESC_END = 8'hDC, ESC_ESC = 8'hDD;
  localparam logic [31:0] RESIDUE = 32'hDEBB20E3;
  localparam logic [7:0] HELLO = 8'd1, RESET = 8'd2, START = 8'd3, EVENTS = 8'd4, RESULT = 8'd5;
  localparam logic [7:0] REFUSED = 8'h7F;  // the operation of the answer to a damaged frame
  localparam logic [7:0] OK = 8'd0, DAMAGED = 8'd1, UNKNOWN = 8'd2, NOT_READY = 8'd3;
  localparam logic [7:0] PENDING = 8'd4, BAD_WORD = 8'd5;
  localparam integer HEAD = 4, CRC = 4, WORD = 5;
  localparam integer DEPTH = 2048, B = $clog2(DEPTH);  // bytes of a payload
  localparam integer MOST = HEAD + DEPTH + CRC;
  localparam integer GREETING = 17;
  localparam logic [8*GREETING-1:0] GREETS = {
    16'(CHANNELS), 8'(WIDTH), 8'(HEIGHT), 16'(CLASSES), 16'(STEPS), NETWORK, 8'd1
  };

  // ---- Requests: bytes, frames.
  logic byte_valid, byte_broken;
  logic [7:0] byte_in;

  eideploy_uart_rx #(
      .DIVISOR(DIVISOR)
  ) receiver (
      .clk   (clk),
      .reset (reset),
      .rx    (rx),
      .valid (byte_valid),
      .broken(byte_broken),
      .data  (byte_in)
  );

  logic escaped, spoilt, bad_word;
  logic [B+1:0] count;
  logic [7:0] sequence_in, operation_in, y_in, x_in;
  logic [15:0] length_in, channel_in, ends_in, ends_left;
  logic [2:0] place_in;
  logic [31:0] crc_in, next_crc_in;
  logic frame_ends, frame_is_good, executing;
  wire [7:0] unescaped = !escaped ? byte_in : byte_in == ESC_END ? END : ESC;
  wire is_data = byte_valid && byte_in != END && (escaped || byte_in != ESC);
  wire wrong_escape = escaped && byte_in != ESC_END && byte_in != ESC_ESC;
  wire in_payload = count >= (B + 2)'(HEAD);
  wire [B+1:0] payload_place = count - (B + 2)'(HEAD);

  eideploy_crc32 crc_of_request (
      .crc (crc_in),
      .data(unescaped),
      .next(next_crc_in)
  );

  logic [7:0] buffer[0:DEPTH-1];
  logic [7:0] buffer_out;
  logic [B-1:0] buffer_at;

  always_ff @(posedge clk) begin
    if (is_data && in_payload && !executing) buffer[payload_place[B-1:0]] <= unescaped;
    buffer_out <= buffer[buffer_at];
  end

  // The word that a payload's byte ends: an event within the map, or the end of a time step that is due.
  wire in_words = 16'(payload_place) < length_in && (operation_in == START || operation_in == EVENTS);
  wire is_end = unescaped == '0;
  wire beyond = 32'(y_in) >= 32'(HEIGHT) || 32'(x_in) >= 32'(WIDTH)
      || 32'(channel_in) >= 32'(CHANNELS) || (32'(unescaped) >> eideploy_pkg::INPUT_BITS) != '0;
  wire [15:0] ends_due = operation_in == START ? 16'(STEPS) : ends_left;

  assign frame_ends = byte_valid && byte_in == END && count != '0;
  assign frame_is_good = !spoilt && !byte_broken && !escaped && crc_in == RESIDUE
      && 16'(count) == length_in + 16'(HEAD + CRC);

  always_ff @(posedge clk) begin
    if (reset || (byte_valid && byte_in == END)) begin
      count <= '0;
      crc_in <= '1;
      escaped <= 1'b0;
      spoilt <= 1'b0;
      bad_word <= 1'b0;
      place_in <= '0;
      ends_in <= '0;
      length_in <= '0;
    end else if (byte_valid) begin
      escaped <= byte_in == ESC && !escaped;
      if (byte_broken || wrong_escape || executing || count == (B + 2)'(MOST)) spoilt <= 1'b1;
      if (is_data && count != (B + 2)'(MOST)) begin
        count  <= count + (B + 2)'(1);
        crc_in <= next_crc_in;
        case (count)
          (B + 2)'(0): sequence_in <= unescaped;
          (B + 2)'(1): operation_in <= unescaped;
          (B + 2)'(2): length_in[7:0] <= unescaped;
          (B + 2)'(3): length_in[15:8] <= unescaped;
          default: ;
        endcase
        if (in_payload && in_words) begin
          place_in <= place_in == 3'(WORD - 1) ? '0 : place_in + 3'd1;
          case (place_in)
            3'd0: y_in <= unescaped;
            3'd1: x_in <= unescaped;
            3'd2: channel_in[7:0] <= unescaped;
            3'd3: channel_in[15:8] <= unescaped;
            default: begin
              if (ends_in >= ends_due || (!is_end && beyond)) bad_word <= 1'b1;
              if (is_end) ends_in <= ends_in + 16'd1;
            end
          endcase
        end
      end
    end
  end

  // ---- What is carried out.
  typedef enum logic [2:0] {
    WAITING,
    READING,
    OFFERING,
    FINISHING,
    ANSWERING
  } state_t;

  state_t state;
  logic known, running, finished, answered, refusing;
  logic [7:0] sequence_now, operation_now, status;
  logic [15:0] payload_now;
  logic [2:0] place;
  logic [7:0] y, x;
  logic [15:0] channel;
  logic [7:0] value;
  logic [B:0] taken;
  logic [31:0] cycles;
  logic [15:0] received;
  wire takes_words = operation_in == START || operation_in == EVENTS;
  wire is_repeated = known && sequence_in == sequence_now && operation_in == operation_now
      && (takes_words || operation_in == RESULT);
  wire may_start = operation_in == START ? idle : running;

  assign executing = state != WAITING;
  assign busy = executing || running || count != '0;
  assign in_valid = state == OFFERING;
  assign in_last = value == '0;
  assign in_y = A'(y);
  assign in_x = A'(x);
  assign in_channel = A'(channel);
  assign in_value = eideploy_pkg::INPUT_BITS'(value);
  assign buffer_at = taken[B-1:0];

  always_ff @(posedge clk) begin
    start <= 1'b0;
    core_reset <= reset;
    if (reset) begin
      state <= WAITING;
      {known, running, finished} <= '0;
      ends_left <= '0;
      place <= '0;
      taken <= '0;
    end else begin
      if (running) cycles <= cycles + 32'd1;
      if (running && ends_left == '0 && received == 16'(CLASSES) && idle && !start) begin
        running  <= 1'b0;
        finished <= 1'b1;
      end
      case (state)
        WAITING: begin
          place <= '0;
          taken <= '0;
          refusing <= !frame_is_good;  // what was answered last is kept: it may be asked for again
          if (frame_ends && !frame_is_good) state <= ANSWERING;
          else if (frame_ends) begin
            sequence_now <= sequence_in;
            operation_now <= operation_in;
            known <= 1'b1;
            payload_now <= length_in;
            state <= ANSWERING;
            if (!is_repeated) begin
              status <= OK;
              case (operation_in)
                HELLO: ;
                RESET: begin
                  core_reset <= 1'b1;
                  {running, finished} <= '0;
                end
                START, EVENTS:
                if (!may_start) status <= NOT_READY;
                else if (bad_word || place_in != '0) status <= BAD_WORD;
                else begin
                  if (operation_in == START) begin
                    start <= 1'b1;
                    running <= 1'b1;
                    finished <= 1'b0;
                    cycles <= '0;
                  end
                  ends_left <= ends_due - ends_in;
                  state <= length_in == '0 ? ANSWERING : READING;
                end
                RESULT:
                if (finished) status <= OK;
                else if (!running) status <= NOT_READY;
                else if (ends_left != '0) status <= PENDING;
                else state <= FINISHING;
                default: status <= UNKNOWN;
              endcase
            end
          end
        end
        READING: begin
          // a byte lies ready a cycle after its address
          case (place)
            3'd1: y <= buffer_out;
            3'd2: x <= buffer_out;
            3'd3: channel[7:0] <= buffer_out;
            3'd4: channel[15:8] <= buffer_out;
            3'd5: value <= buffer_out;
            default: ;
          endcase
          if (place == 3'(WORD)) begin
            place <= '0;
            state <= OFFERING;
          end else begin
            place <= place + 3'd1;
            taken <= taken + (B + 1)'(1);
          end
        end
        OFFERING: if (in_ready) state <= 16'(taken) == payload_now ? ANSWERING : READING;
        FINISHING: if (finished) state <= ANSWERING;
        default: if (answered) state <= WAITING;
      endcase
    end
  end

  // ---- Logits, and the class of the largest; of equal ones the first.
  logic [N-1:0] logits[0:CLASSES-1];
  logic [N-1:0] logit, highest;
  logic [15:0] logit_at;
  localparam integer LOGIT = CLASSES > 1 ? $clog2(CLASSES) : 1;

  always_ff @(posedge clk) begin
    if (out_valid) logits[out_class[LOGIT-1:0]] <= out_logit;
    logit <= logits[logit_at[LOGIT-1:0]];
    if (reset) best_class <= '0;
    else if (start) received <= '0;
    else if (out_valid) begin
      received <= received + 16'd1;
      if (received == '0 || $signed(out_logit) > $signed(highest)) begin
        highest <= out_logit;
        best_class <= 16'(out_class);
      end
    end
  end

  // ---- Answers: bytes of a frame, escaped.
  typedef enum logic [2:0] {
    OPENING,
    LOADING,
    SENDING,
    ESCAPING,
    CLOSING
  } answer_t;

  answer_t answer;
  logic byte_ready, sends, settled;
  logic [7:0] byte_out, plain;
  logic [15:0] at, payload_out;
  logic [31:0] crc_out, next_crc_out;
  wire [15:0] in_answer = at - 16'(HEAD + 1);
  wire [15:0] body = 16'(HEAD + 1) + payload_out;  // bytes before the CRC
  wire is_crc = at >= body;
  wire [63:0] wide_logit = 64'($signed(logit));
  wire [2:0] byte_of_logit = 3'(in_answer - 16'd4);
  wire must_escape = plain == END || plain == ESC;

  assign logit_at = (in_answer - 16'd4) >> 3;

  eideploy_crc32 crc_of_answer (
      .crc (crc_out),
      .data(plain),
      .next(next_crc_out)
  );

  always_comb begin
    payload_out = '0;
    if (!refusing && status == OK) begin
      if (operation_now == HELLO) payload_out = 16'(GREETING);
      if (operation_now == RESULT) payload_out = 16'(4 + 8 * CLASSES);
    end
  end

  always_ff @(posedge clk) begin
    // settled two cycles after `at`, when the logit is there
    if (is_crc) plain <= ~crc_out[8*2'(at - body)+:8];
    else
      case (at)
        16'd0: plain <= refusing ? '0 : sequence_now;
        16'd1: plain <= (refusing ? REFUSED : operation_now) | 8'h80;
        16'd2: plain <= 8'((payload_out + 16'd1));
        16'd3: plain <= 8'((payload_out + 16'd1) >> 8);
        16'd4: plain <= refusing ? DAMAGED : status;
        default:
        if (operation_now == HELLO) plain <= GREETS[8*in_answer[4:0]+:8];
        else if (in_answer < 16'd4) plain <= cycles[8*in_answer[1:0]+:8];
        else plain <= wide_logit[8*byte_of_logit+:8];
      endcase
  end

  always_comb begin
    case (answer)
      SENDING: byte_out = must_escape ? ESC : plain;
      ESCAPING: byte_out = plain == END ? ESC_END : ESC_ESC;
      default: byte_out = END;
    endcase
    sends = state == ANSWERING && answer != LOADING && !answered;
  end

  logic [1:0] settling;
  assign settled = settling == 2'd3;

  always_ff @(posedge clk) begin
    answered <= 1'b0;
    if (reset || state != ANSWERING) begin
      answer <= OPENING;
      at <= '0;
      crc_out <= '1;
      settling <= '0;
    end else
      case (answer)
        OPENING: if (byte_ready) answer <= LOADING;
        LOADING: begin
          settling <= settling + 2'd1;
          if (settled) answer <= SENDING;
        end
        SENDING, ESCAPING:
        if (byte_ready) begin
          if (answer == SENDING && must_escape) answer <= ESCAPING;
          else begin
            if (!is_crc) crc_out <= next_crc_out;
            at <= at + 16'd1;
            answer <= at == body + 16'(CRC - 1) ? CLOSING : LOADING;
          end
        end
        default: if (byte_ready) answered <= 1'b1;
      endcase
  end

  // Ports and small memories look at no upper bits.
  wire unused = &{1'b0, channel, logit_at, out_class};

  eideploy_uart_tx #(
      .DIVISOR(DIVISOR)
  ) transmitter (
      .clk  (clk),
      .reset(reset),
      .valid(sends),
      .ready(byte_ready),
      .data (byte_out),
      .tx   (tx)
  );
endmodule
