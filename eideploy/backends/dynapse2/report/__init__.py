"""What is said and drawn of a mixed-signal chip."""
