// A memory with one read and one write port. The output holds while `read` is low.
// What a read returns that meets a write of the same row does not matter: nobody does that, but
// the lanes, which forward the sum (eideploy_lanes.sv).
module eideploy_memory #(
    parameter integer WIDTH = 8,
    parameter integer DEPTH = 16,
    parameter STYLE = "auto",      // for synthesis: distributed, a small one in lookup tables
    parameter integer IMAGE = 0,  // whether FILE, rows in hexadecimal, stands in it from the start
    parameter FILE = ""
) (
    input  logic                      clk,
    input  logic                      read,
    input  logic [eideploy_pkg::ADDRESS-1:0] read_address,
    output logic [WIDTH-1:0]          q,
    input  logic                      write,
    input  logic [eideploy_pkg::ADDRESS-1:0] write_address,
    input  logic [WIDTH-1:0]          d
);
  localparam integer BITS = DEPTH > 1 ? $clog2(DEPTH) : 1;

  (* no_rw_check, ram_style = STYLE *) logic [WIDTH-1:0] content[0:DEPTH-1];

  if (IMAGE != 0) begin : g_image
    initial $readmemh(FILE, content);
  end

  always_ff @(posedge clk) begin
    if (read) q <= content[read_address[BITS-1:0]];
    if (write) content[write_address[BITS-1:0]] <= d;
  end

  // Addresses have one width in the whole core; a small memory does not look at the upper bits.
  wire unused = &{1'b0, read_address, write_address, STYLE == ""};
endmodule
