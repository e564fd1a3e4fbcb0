"""The method in PyTorch: layers, E-I Init, E-I Prop, training, export; alone in knowing torch."""
