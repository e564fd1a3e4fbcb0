"""Passes: circuit to circuit (the last: circuit to program), each a pure function with a contract."""
