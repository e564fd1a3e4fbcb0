"""A network on a board: a core sized to both, its files, what builds them, and who talks to it."""
