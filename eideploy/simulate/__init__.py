"""Executors in numpy: float reference, integer simulator (the definition), cycle model."""
