"""eideploy: spiking networks of excitatory/inhibitory circuits, from PyTorch to hardware."""

__version__ = "0.1.0"
