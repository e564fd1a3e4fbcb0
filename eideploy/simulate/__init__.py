"""Executors in numpy: the float reference, the integer simulator (the definition), the cycle model."""
