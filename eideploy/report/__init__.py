"""What a program is worth: comparisons with the float circuit, as numbers and as text."""
