"""A stand-in for the vendor's library: the object tree of the reference, and a chip that echoes.

Not imported by tests themselves: a copy of this folder goes on the path of a subprocess.
"""

from samna import device, dynapse2

__all__ = ["device", "dynapse2"]
