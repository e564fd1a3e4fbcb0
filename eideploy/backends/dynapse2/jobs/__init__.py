"""The jobs of a mixed-signal chip, from training to report."""
