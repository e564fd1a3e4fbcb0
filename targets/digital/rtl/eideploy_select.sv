// One of COUNT words, by its number: an and-or, which costs less than the shift by a product.
module eideploy_select #(
    parameter integer WIDTH = 8,
    parameter integer COUNT = 8,
    parameter integer BITS  = COUNT > 1 ? $clog2(COUNT) : 1
) (
    input  logic [COUNT*WIDTH-1:0] words,
    input  logic [BITS-1:0]        number,
    output logic [WIDTH-1:0]       q
);
  always_comb begin
    q = '0;
    for (int i = 0; i < COUNT; i++) begin
      q = q | (words[i*WIDTH+:WIDTH] & {WIDTH{number == BITS'(i)}});
    end
  end
endmodule
