"""DYNAP-SE2 as data: what the chip offers, what it holds, and the mapping of a network on it."""
