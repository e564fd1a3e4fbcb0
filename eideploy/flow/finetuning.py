"""Job: fine-tune a run through the integers that it will be compiled to."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eideploy import folders
from eideploy.circuit import Circuit, Ranges
from eideploy.circuit.store import load as load_circuit
from eideploy.circuit.store import save
from eideploy.data import Dataset
from eideploy.divisions import Divider, lut, named
from eideploy.errors import FormatError, UsageError
from eideploy.files import MANIFEST, RESTORE, read_json, sha256, write_atomic, write_json
from eideploy.flow.kept_samples import CALIBRATION_SAMPLES
from eideploy.flow.origins import origin_of
from eideploy.flow.requests.train import Finetune
from eideploy.flow.result import Result
from eideploy.flow.runs import find_run
from eideploy.folders import Run
from eideploy.options import as_path
from eideploy.options.choices import ZeroPolicy
from eideploy.progress import note
from eideploy.scheme import Scheme, load_scheme, scheme_of_table, scheme_table
from eideploy.simulate.observe import observe
from eideploy.target import load_target

if TYPE_CHECKING:
    from eideploy.finetune.network import Goal, IntegerNetwork
    from eideploy.model.networks import Network

GOAL, PARENT, CALIBRATED = "finetune.json", "parent.safetensors", "calibrated.safetensors"
TENTH = 10  # of the parent's epochs, by default
RATE = 0.3  # of the parent's peak rate, by default
CLIP_RATIO = 1.0  # a divisor near zero gives gradients that empty a layer for good
TARGET = "digital"
OF_THE_RUN = ("network.", "ablation.", "data.name", "data.path", "data.size")
OF_INTEGERS = ("training.kernel", "training.device", "training.precision")


@dataclass(frozen=True, kw_only=True)
class Integers:
    """How a network becomes integers."""

    scheme: Scheme
    divider: Divider
    zero_policy: ZeroPolicy

    def goal(self, ranges: Ranges) -> "Goal":
        """Return the same with a calibration."""
        from eideploy.finetune.network import Goal

        return Goal(
            scheme=self.scheme,
            divider=self.divider,
            zero_policy=self.zero_policy,
            ranges=ranges,
            target=load_target(TARGET),
        )

    @property
    def label(self) -> str:
        """How a person would call them."""
        return f"{self.scheme.name}, {self.divider.label}, policy {self.zero_policy}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Finetuning:
    """What the folder of a fine-tuned run says: where it began and what for."""

    folder: Path
    content: Mapping[str, Any]

    @property
    def integers(self) -> Integers:
        """The integers that it is trained through."""
        return integers_of(self.content, self.folder / GOAL)

    def of(self, dataset: Dataset) -> dict[str, Any]:
        """Return what training takes beside what every training does."""
        from eideploy.finetune.network import IntegerNetwork
        from eideploy.model.checkpoint import load_state

        _require_one_process()
        ranges = load_circuit(self.folder / CALIBRATED).ranges
        assert ranges is not None  # finetune wrote them
        goal = self.integers.goal(ranges)

        def stand_in(network: "Network") -> "IntegerNetwork":
            return IntegerNetwork(network, goal, dataset.input_shape, dataset.high)

        parent = load_state(self.folder, PARENT).network.eval()
        return {"start": parent, "teacher": parent, "stand_in": stand_in}

    def calibrated(self, circuit: Circuit) -> Circuit:
        """Return the circuit with the calibration that it was trained with."""
        return replace(circuit, ranges=load_circuit(self.folder / CALIBRATED).ranges)


def finetune(request: Finetune) -> Result:
    """Train the parameters of a finished run through the integers, into a run of its own.

    Raises:
        UsageError: no such run, scheme or division, a run without a checkpoint, a setting that the
            run fixes, or several processes.
        CapacityError: the target cannot divide so.
        ConfigError, DataError, StoppedError: as of a training.
    """
    from eideploy.flow import train
    from eideploy.model.checkpoint import FILE, load_state

    _require_one_process()
    settings = request.settings()
    _refuse_kept(settings)
    run = find_run(Path(request.run))
    if not (run.folder / FILE).is_file():
        raise UsageError(
            "the run has no checkpoint to go on from",
            where=str(run.folder),
            fix="fine-tune a run that eideploy train made",
        )
    state = load_state(run.folder)
    training = state.config.training
    config = replace(
        state.config,
        training=replace(
            training,
            epochs=max(1, training.epochs // TENTH),
            rate=training.rate * RATE,
            warmup_epochs=0,
            clip_ratio=CLIP_RATIO,
            kernel="plain",
            device="cpu",
            precision="float64" if training.precision == "float64" else "float32",
        ),
    ).with_overrides(settings)
    own = Integers(
        scheme=load_scheme(os.fspath(request.scheme or "int8")),
        divider=request.divider() or lut(8, 8),
        zero_policy=request.zero_policy or "minimum",
    )
    origin = run.origin or origin_of(config.data)
    dataset = origin.load(request.place(), steps=config.network.steps)
    samples = dataset.train.batch(slice(CALIBRATION_SAMPLES))
    ranges = observe(run.circuit, samples)
    own.goal(ranges).integers(run.circuit)  # refused now rather than in a folder of its own
    content = {
        "parent": run.folder.resolve().name,
        "parent_sha256": sha256(run.folder / MANIFEST),
        "scheme": scheme_table(own.scheme),
        "division": own.divider.label,
        "zero_policy": own.zero_policy,
    }
    stem = f"{run.folder.resolve().name}-{own.scheme.name}-{own.divider.label.replace(' ', '')}"
    with folders.new_folder(as_path(request.out), folders.RUNS, stem) as staged:
        save(replace(run.circuit, ranges=ranges), staged.aside / CALIBRATED)
        write_atomic(staged.aside / PARENT, (run.folder / FILE).read_bytes())
        write_json(staged.aside / GOAL, content)
        write_atomic(staged.aside / folders.CONFIG, config.to_toml().encode())
    return train.run(
        train.Job(
            config=config,
            folder=staged.final,
            load=lambda: dataset,
            tensorboard=request.tensorboard,
        )
    )


def load(folder: Path) -> Finetuning | None:
    """Return what the folder of a run says of its fine-tuning; None if it is an ordinary one."""
    path = folder / GOAL
    return Finetuning(folder=folder, content=read_json(path)) if path.is_file() else None


def goal_of(run: Run) -> Integers:
    """Return the integers that a run was fine-tuned for, or the usual ones."""
    content = run.content.get("finetuned")
    if content is None:
        return Integers(scheme=load_scheme("int8"), divider=lut(8, 8), zero_policy="minimum")
    return integers_of(content, run.folder / MANIFEST)


def note_other(run: Run, asked: Integers) -> None:
    """Say so where a fine-tuned run is compiled to other integers than it was trained through."""
    own = goal_of(run)
    same = (own.scheme, own.divider.label, own.zero_policy) == (
        asked.scheme, asked.divider.label, asked.zero_policy,
    )  # fmt: skip
    if "finetuned" in run.content and not same:
        note(f"the run was fine-tuned for {own.label}, and is compiled for {asked.label}")


def integers_of(content: object, path: Path) -> Integers:
    """Return the integers that a table in the file `path` describes.

    Raises:
        FormatError, SpecError: it is malformed.
    """
    if isinstance(content, Mapping):
        policy, table = content.get("zero_policy"), content.get("scheme")
        label = content.get("division")
        if policy in ("minimum", "floor") and isinstance(table, Mapping) and isinstance(label, str):
            scheme = scheme_of_table(table, path)
            return Integers(scheme=scheme, divider=named(label), zero_policy=policy)
    raise FormatError("what the run was fine-tuned for is malformed", where=str(path), fix=RESTORE)


def _require_one_process() -> None:
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(
            "fine-tuning runs in one process",
            where="torchrun",
            fix="start eideploy train without torchrun",
        )


def _refuse_kept(overrides: Iterable[str]) -> None:
    for key in overrides:
        if key.startswith((*OF_THE_RUN, *OF_INTEGERS)):
            own = key.startswith(OF_THE_RUN)
            raise UsageError(
                f"{key} is {'that of the run' if own else 'what training through integers needs'}",
                where=f"--set {key}",
                fix="train a run that has it, and fine-tune that one" if own else "leave it out",
            )
