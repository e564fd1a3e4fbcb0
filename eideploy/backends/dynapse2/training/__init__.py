"""Train E-I networks of DPI neurons within a mixed-signal chip's limits."""
