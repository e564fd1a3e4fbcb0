"""The arithmetic, once: fixed point and division. Equations: docs/arithmetic.md."""
