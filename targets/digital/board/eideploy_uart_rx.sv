// A byte from a serial line, 8N1. DIVISOR: clock cycles a bit, at least 4.
module eideploy_uart_rx #(
    parameter integer DIVISOR = 50
) (
    input  logic       clk,
    input  logic       reset,
    input  logic       rx,
    output logic       valid,   // for one cycle
    output logic       broken,  // with valid: the stop bit is missing
    output logic [7:0] data
);
  localparam integer BITS = $clog2(DIVISOR);

  logic [2:0] line;  // the pin, synchronised
  logic busy;
  logic [3:0] number;
  logic [BITS-1:0] left;

  always_ff @(posedge clk) begin
    line  <= {line[1:0], rx};
    valid <= 1'b0;
    if (reset) begin
      busy <= 1'b0;
      line <= '1;
    end else if (!busy) begin
      // a falling edge; the middle of the start bit is half a bit away
      if (line[2] && !line[1]) busy <= 1'b1;
      number <= '0;
      left   <= BITS'(DIVISOR / 2 - 1);
    end else if (left != '0) left <= left - BITS'(1);
    else begin
      left   <= BITS'(DIVISOR - 1);
      number <= number + 4'd1;
      if (number == 4'd0) busy <= !line[1];  // a start bit that is gone was a spike
      else if (number <= 4'd8) data <= {line[1], data[7:1]};
      else begin
        busy   <= 1'b0;
        valid  <= 1'b1;
        broken <= !line[1];
      end
    end
  end
endmodule
