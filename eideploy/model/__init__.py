"""The method in PyTorch: layers, E-I Init, E-I Prop, training, export; alone in knowing torch."""

from eideploy.portable import pin

pin()  # torch is loaded by the modules below
