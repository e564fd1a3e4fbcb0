"""What a program does beside the float network that it was compiled of, in numbers."""
