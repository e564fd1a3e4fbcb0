"""Simulate the four-dendrite DPI neurons of a configured chip (docs/dynapse2_training.md)."""
