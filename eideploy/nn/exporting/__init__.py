"""From modules of PyTorch to circuits."""
