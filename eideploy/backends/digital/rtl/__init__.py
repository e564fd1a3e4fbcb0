"""The core's SystemVerilog, run by other people's simulators, and compared with ours."""
