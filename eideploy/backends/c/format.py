"""C as an exchange format: what it writes beside a build, and what runs that."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from eideploy.backends import c
from eideploy.backends.protocol import Format
from eideploy.emitted import Emitted

if TYPE_CHECKING:
    from eideploy.backends.executor import Build, Executor, Run
    from eideploy.circuit import Circuit

AGAIN = (c.SOURCE, c.HEADER, c.SELF_TEST, c.VECTORS, c.VECTORS_HEADER, *c.BUILDING)
BY_MAKE = "made by make in this folder"


class C(Format):
    """The integer program of a build as C99, with a self-test."""

    name = "c"
    title = "C"
    line = "the integer program in C99, for microcontrollers"
    files = (
        *(Emitted(f"{c.FOLDER}/{name}", "again") for name in AGAIN),
        Emitted(f"{c.FOLDER}/{c.README}", "documentation"),
        Emitted(f"{c.FOLDER}/selftest", why=BY_MAKE, listed=False),
        Emitted(f"{c.FOLDER}/net.o", why=BY_MAKE, listed=False),
    )
    executors: ClassVar[Mapping[str, str]] = {
        "c": "also the program in C on this machine, logit by logit",
        "c-arm": "the program in C on a Cortex-M in QEMU, spike by spike",
        "c-riscv": "the program in C on an RV32IMC in QEMU, spike by spike",
    }

    def emit(
        self,
        circuit: "Circuit",  # noqa: ARG002 - in floats
        integer: "Circuit",
        folder: Path,
        content: Mapping[str, Any],
    ) -> None:
        """Write the program's C into a folder of its own."""
        from eideploy.backends.c.emit import emit
        from eideploy.backends.c.network import Network
        from eideploy.data.origin import class_names

        (folder / c.FOLDER).mkdir()
        network = Network(integer)
        names = class_names(content, network.readout.n_e)
        emit(network, folder / c.FOLDER, names=names)

    def checks(self) -> "Sequence[Executor]":
        """Return the C compiler of this machine."""
        from eideploy.backends.c.executor import EXECUTORS

        return EXECUTORS

    def run(self, integer: "Circuit", build: "Build | None", executor: str) -> "Run":
        """Return the program in C: written and compiled here, as files of a build are not run."""
        from eideploy.backends.c.executor import run
        from eideploy.backends.c.network import Network
        from eideploy.backends.c.plan import plan_of

        network = Network(integer, plan_of(getattr(build, "program", None)))
        if executor == self.name:
            return run(network, where=f"--executor {executor}")
        from eideploy.backends.c.qemu import Differing, machine_for

        return Differing(network, machine_for(executor, _emulated(build)))


def _emulated(build: "Build | None") -> str:
    """Return the machine in QEMU that the spec of a build names; "" for none."""
    target = getattr(getattr(build, "program", None), "target", None)
    return str(getattr(getattr(target, "processor", None), "emulated", ""))
