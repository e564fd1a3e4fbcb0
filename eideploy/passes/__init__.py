"""Passes: circuit to circuit (the last: to program), each a pure function with a contract."""
