"""NIR files of other tools: feed-forward networks of LIF and IF neurons (docs/nir.md)."""

from eideploy.backends.nir.foreign.circuit import circuit_of
from eideploy.backends.nir.foreign.file import Graph, read_file
from eideploy.backends.nir.foreign.neurons import Convention, depends_on_step

__all__ = ["Convention", "Graph", "circuit_of", "depends_on_step", "read_file"]
