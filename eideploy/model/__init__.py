"""The method in PyTorch: networks of the layers, E-I Init, training, export."""

from eideploy.portable import pin

pin()  # torch is loaded by the modules below
