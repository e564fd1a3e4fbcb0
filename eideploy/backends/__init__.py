"""Backends, one folder each. `protocol.py` says what one offers, `families.py` finds it.

A folder's `family.py` and `options.py` are light modules, because the command line imports them.
"""
