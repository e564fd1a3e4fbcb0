// Whether at least one, two, three bits are set.
module eideploy_few_set #(
    parameter integer WIDTH = 8
) (
    input  logic [WIDTH-1:0] bits,
    output logic             one,
    output logic             two,
    output logic             three
);
  localparam integer LEVELS = $clog2(WIDTH);

  for (genvar level = 0; level <= LEVELS; level++) begin : g_level
    localparam integer NODES = WIDTH >> level;
    logic [NODES-1:0] ones, twos, threes;

    if (level == 0) begin : g_bits
      assign ones = bits;
      assign {twos, threes} = '0;
    end else begin : g_pairs
      for (genvar i = 0; i < NODES; i++) begin : g_node
        wire [1:0] a = g_level[level-1].ones[2*i+:2];
        wire [1:0] b = g_level[level-1].twos[2*i+:2];
        wire [1:0] c = g_level[level-1].threes[2*i+:2];
        assign ones[i] = a != '0;
        assign twos[i] = b != '0 || a == '1;
        assign threes[i] = c != '0 || (a[0] && b[1]) || (a[1] && b[0]);
      end
    end
  end

  assign one = g_level[LEVELS].ones[0];
  assign two = g_level[LEVELS].twos[0];
  assign three = g_level[LEVELS].threes[0];
endmodule
