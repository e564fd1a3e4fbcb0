"""The arithmetic, once: integers, rounding, division, the LIF step. Equations: docs/arithmetic.md."""
