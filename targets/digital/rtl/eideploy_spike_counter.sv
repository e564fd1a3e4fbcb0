// How many times a threshold goes into a membrane, up to `most`: a bit of the count a cycle, the
// highest first, and then the reset (A35, A36). The first bit is found a cycle after the membrane.
module eideploy_spike_counter (
    input  logic                                    clk,
    // the stage
    input  logic                                    is_above,
    input  logic                                    stays,    // it is not reset, or not at once
    input  logic                                    to_zero,  // or to its rest
    input  logic [eideploy_pkg::SPIKE_BITS-1:0]     most,
    // the neuron
    input  logic [eideploy_pkg::MEMBRANE_BITS-1:0]  membrane,
    input  logic [eideploy_pkg::MEMBRANE_BITS-1:0]  rest,
    input  logic [eideploy_pkg::THRESHOLD_BITS-1:0] threshold,
    // SPIKE_BITS cycles later
    output logic [eideploy_pkg::MEMBRANE_BITS-1:0]  next_membrane,
    output logic [eideploy_pkg::SPIKE_BITS-1:0]     count
);
  localparam integer V = eideploy_pkg::MEMBRANE_BITS;
  localparam integer T = eideploy_pkg::THRESHOLD_BITS;
  localparam integer Z = eideploy_pkg::SPIKE_BITS;
  localparam integer W = (V > T + Z ? V : T + Z) + 2;

  logic signed [V:0] left[0:Z-1];  // of the membrane, less the thresholds that were counted
  logic [V-1:0] membranes[0:Z-1], rests[0:Z-1];
  logic [T-1:0] thresholds[0:Z-1];
  logic [Z-1:0] counts[0:Z-1];
  logic signed [V:0] next_left[0:Z-1];
  logic [Z-1:0] next_count[0:Z-1];

  for (genvar i = 0; i < Z; i++) begin : g_bit
    localparam integer BIT = Z - 1 - i;
    wire signed [W-1:0] step = $signed(W'(thresholds[i])) <<< BIT;
    wire [Z:0] more = {1'b0, counts[i]} + ((Z + 1)'(1) << BIT);
    wire fits = W'(left[i]) >= step && more <= {1'b0, most};
    assign next_left[i] = fits ? (V + 1)'(W'(left[i]) - step) : left[i];
    assign next_count[i] = fits ? more[Z-1:0] : counts[i];
  end

  always_ff @(posedge clk) begin
    left[0] <= (V + 1)'($signed(membrane)) - $signed((V + 1)'(is_above));
    counts[0] <= '0;
    membranes[0] <= membrane;
    rests[0] <= rest;
    thresholds[0] <= threshold;
    for (int i = 1; i < Z; i++) begin
      left[i] <= next_left[i-1];
      counts[i] <= next_count[i-1];
      membranes[i] <= membranes[i-1];
      rests[i] <= rests[i-1];
      thresholds[i] <= thresholds[i-1];
    end
  end

  assign count = next_count[Z-1];
  assign next_membrane = count == '0 || stays ? membranes[Z-1]
      : to_zero ? rests[Z-1] : V'(next_left[Z-1] + $signed((V + 1)'(is_above)));
endmodule
