// CRC-32 (IEEE 802.3) of one more byte; over data and its own CRC it is RESIDUE.
module eideploy_crc32 (
    input  logic [31:0] crc,
    input  logic [7:0]  data,
    output logic [31:0] next
);
  always_comb begin
    next = crc ^ {24'd0, data};
    for (int i = 0; i < 8; i++) next = {1'b0, next[31:1]} ^ (next[0] ? 32'hEDB88320 : 32'd0);
  end
endmodule
