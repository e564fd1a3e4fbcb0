// The configuration port: 32-bit words are gathered, the last one of a row commits it.
// A row is sent from its highest word down. Words are taken while the core is idle.
module eideploy_config_port (
    input  logic                                 clk,
    input  logic                                 idle,
    input  logic                                 cfg_valid,
    output logic                                 cfg_ready,
    input  logic                                 cfg_commit,
    input  logic [3:0]                           cfg_memory,
    input  logic [eideploy_pkg::ADDRESS-1:0]     cfg_address,
    input  logic [31:0]                          cfg_data,
    output logic [eideploy_pkg::CONFIG_MEMORIES-1:0] write,
    output logic [eideploy_pkg::ADDRESS-1:0]     address,
    output logic [eideploy_pkg::CONFIG_BITS-1:0] row
);
  logic [eideploy_pkg::CONFIG_BITS-1:0] gathered;

  assign cfg_ready = idle;
  assign address   = cfg_address;
  assign row       = {gathered[eideploy_pkg::CONFIG_BITS-33:0], cfg_data};

  always_comb begin
    write = '0;
    for (int i = 0; i < eideploy_pkg::CONFIG_MEMORIES; i++) begin
      write[i] = cfg_valid && cfg_ready && cfg_commit && cfg_memory == 4'(i);
    end
  end

  always_ff @(posedge clk) if (cfg_valid && cfg_ready) gathered <= row;

  wire unused = &{1'b0, gathered[eideploy_pkg::CONFIG_BITS-1-:32]};
endmodule
