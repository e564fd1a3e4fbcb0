"""Executors in numpy: float reference, definition of the integers, fast simulator, cycle model."""
