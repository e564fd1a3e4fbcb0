// A byte to a serial line, 8N1. DIVISOR: clock cycles a bit.
module eideploy_uart_tx #(
    parameter integer DIVISOR = 50
) (
    input  logic       clk,
    input  logic       reset,
    input  logic       valid,
    output logic       ready,
    input  logic [7:0] data,
    output logic       tx
);
  localparam integer BITS = $clog2(DIVISOR);

  logic [9:0] shift;  // what is left of the frame; the line is its lowest bit
  logic [3:0] number;
  logic [BITS-1:0] left;

  assign ready = number == '0;
  assign tx = shift[0];

  always_ff @(posedge clk) begin
    if (reset) begin
      shift  <= '1;
      number <= '0;
      left   <= '0;
    end else if (ready) begin
      if (valid) begin
        shift  <= {1'b1, data, 1'b0};
        number <= 4'd10;
      end
      left <= BITS'(DIVISOR - 1);
    end else if (left != '0) left <= left - BITS'(1);
    else begin
      left   <= BITS'(DIVISOR - 1);
      shift  <= {1'b1, shift[9:1]};
      number <= number - 4'd1;
    end
  end
endmodule
