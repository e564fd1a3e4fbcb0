"""Cores with a fault, told from the right ones in Icarus Verilog, where unknown values count."""

from dataclasses import dataclass, replace

from eideploy.backends.digital.bundle import write_bundle
from eideploy.backends.digital.cycles import count_cycles
from eideploy.backends.digital.parameters import Shape
from eideploy.backends.digital.program import Program
from eideploy.backends.digital.rtl.bench import Manner, in_icarus, run_bundle
from eideploy.backends.digital.rtl.compare import differences
from eideploy.circuit import Array
from eideploy.errors import DataError, FormatError
from eideploy.execute.trace import Trace
from tests.rtl.support import placed, simulated, tight

MANNER = Manner(gap=300, stall=500, meddle=200, aborts=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A program, the least core that runs it, and samples with what they should give."""

    program: Program
    core: Shape
    x: Array
    expected: Trace

    @property
    def manner(self):
        """How its ports are driven; what takes much longer than it should is stuck."""
        longest = int(count_cycles(self.program, self.expected).per_inference.max())
        return replace(MANNER, limit=1000 + 3 * longest)


def case(circuit, x, method, **lanes):
    core = tight(circuit, method, **lanes)
    program = placed(circuit, core)
    return Case(program=program, core=core, x=x, expected=simulated(program.circuit, x))


def differs(folder, cases, fault=None):
    """Return which case tells the core with a fault from the simulators, if one does."""
    for number, run in enumerate(cases):
        program = run.program
        write_bundle(program, folder, shape=run.core)
        if fault:
            change(folder, *fault)
        try:
            found = run_bundle(program, folder, run.x, manner=run.manner, run=in_icarus)
        except DataError as error:
            if "testbench:" not in error.what:  # it did not run
                raise
            return number
        except FormatError:
            return number
        if differences(program, found, run.expected).total:
            return number
    return None


def change(folder, module, old, new):
    path = folder / "rtl" / f"eideploy_{module}.sv"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
