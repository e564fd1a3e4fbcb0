"""The arithmetic, once: fixed point. Equations: docs/arithmetic.md."""
