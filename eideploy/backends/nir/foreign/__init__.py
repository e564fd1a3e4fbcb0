"""NIR files of other tools: networks of spiking neurons (docs/nir.md)."""

from eideploy.backends.nir.foreign.circuit import Reading, circuit_of
from eideploy.backends.nir.foreign.file import Graph, read_file
from eideploy.backends.nir.foreign.neurons import depends_on_step
from eideploy.backends.nir.foreign.witness import step_of, tool_of

__all__ = ["Graph", "Reading", "circuit_of", "depends_on_step", "read_file", "step_of", "tool_of"]
