// The lowest bit that is set, as a number; what is left without it.
module eideploy_first_set #(
    parameter integer WIDTH = 8,
    parameter integer BITS  = $clog2(WIDTH)
) (
    input  logic [WIDTH-1:0] bits,
    output logic [BITS-1:0]  index,
    output logic [WIDTH-1:0] rest
);
  always_comb begin
    index = '0;
    for (int i = WIDTH - 1; i >= 0; i--) if (bits[i]) index = BITS'(i);
  end

  assign rest = bits & (bits - WIDTH'(1));
endmodule
