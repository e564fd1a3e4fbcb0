"""What runs the NIR files of a build."""

from functools import partial

from eideploy.backends.executor import LOGITS, Build, Executor, Reference, Run, logits_of
from eideploy.backends.nir.dialects import of_dialect, ranges_of
from eideploy.backends.nir.options import DIALECTS, file_of

NIRTORCH = "nirtorch", "nir"


def _plain(build: Build) -> Run:
    ranges = ranges_of(build.integer)
    return logits_of(of_dialect(build.circuit, ranges, "plain"))


PLAIN = Reference(open=_plain, tolerance=LOGITS.tolerance)  # the network that divides by constants


def _nirtorch(build: Build, artefact: str) -> Run:
    from eideploy.backends.nir.torch_map import nirtorch_run

    return nirtorch_run(build.folder / artefact, build.circuit)


EXECUTORS = tuple(
    Executor(
        name="nirtorch",
        artefact=file_of(dialect),
        equals=PLAIN if dialect == "plain" else LOGITS,
        open=partial(_nirtorch, artefact=file_of(dialect)),
        written=f"eideploy compile --emit nir --nir-dialect {dialect} writes it",
        packages=NIRTORCH,
    )
    for dialect in DIALECTS
)
