// The highest bit that is set, as a number; zero if none is.
module eideploy_leading_one #(
    parameter integer WIDTH = 8,
    parameter integer BITS  = $clog2(WIDTH)
) (
    input  logic [WIDTH-1:0] bits,
    output logic [BITS-1:0]  index
);
  always_comb begin
    index = '0;
    for (int i = 0; i < WIDTH; i++) if (bits[i]) index = BITS'(i);
  end
endmodule
