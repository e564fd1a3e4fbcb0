"""Backends: program to files. A target's spec names the one that serves it, of `catalogue.py`.

What a backend is asked for beside the target, its `options.py` declares: a light module, as this
one is, because the command line imports it for its help.
"""
