"""Layers of E-I circuits for PyTorch, and what computes them."""

from eideploy.portable import pin

pin()  # torch is loaded by the modules below
