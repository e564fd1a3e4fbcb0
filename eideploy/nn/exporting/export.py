"""From any module made of layers and spiking neurons to a circuit, by running it once."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from eideploy import circuit as ir
from eideploy.errors import CapacityError, DataError, UsageError
from eideploy.nn.exporting import foreign, functions, modules
from eideploy.nn.exporting.nodes import Drive
from eideploy.nn.exporting.recording import line, record
from eideploy.nn.exporting.signals import Signal
from eideploy.nn.exporting.state import USE, State, Unsupported
from eideploy.nn.layers import EILayer
from eideploy.shown import kind_of

LOST = Signal(node="", lead=0)
LOGITS = "return the current of Readout or torch.nn.Linear(bias=False), or spikes (..., classes)"
STEPS = "return a sequence (T, B, classes) or its mean; of a single step, export(..., steps=T)"


def export(
    module: nn.Module, sample: Tensor, *, steps: int | None = None, high: float | None = None
) -> ir.Circuit:
    """Return the circuit that computes what a module does, as `eideploy.export` says."""
    _check(module, sample)
    others = [m for m in module.modules() if foreign.is_foreign(m)]
    for neurons in others:
        foreign.forget(neurons)
    largest = max(1.0, float(sample.max())) if high is None else high
    reader = _Reader(module, State(sample, steps, largest))
    try:
        out = record(module, sample, reader)
    finally:
        for neurons in others:
            foreign.forget(neurons)
    return reader.circuit(out)


def _check(module: nn.Module, sample: Tensor) -> None:
    for name, value, kind in (("module", module, nn.Module), ("sample", sample, Tensor)):
        if not isinstance(value, kind):
            raise UsageError(
                f"the {name} is {kind_of(value)}, not a torch {kind.__name__}",
                where=f"eideploy.export, {name}",
                fix="give torch.from_numpy(sample)"
                if isinstance(value, np.ndarray) and kind is Tensor
                else f"give a torch {kind.__name__}",
            )
    if not bool(torch.isfinite(sample).all()) or float(sample.min()) < 0:
        raise DataError(
            "the sample has entries below 0, or that are not finite",
            where="eideploy.export, sample",
            fix="scale samples to 0 or above, before they go into the module",
        )
    empty = [n for n, m in module.named_modules() if isinstance(m, EILayer) and not m.is_filled]
    if empty:
        raise UsageError(
            f"{', '.join(empty)} have no weights yet",
            where="eideploy.export, module",
            fix="call eideploy.nn.initialise(model, first_batch) and train, or load a state",
        )


class _Reader:
    """Makes nodes of what a module does, and notes what it cannot."""

    def __init__(self, module: nn.Module, state: State) -> None:
        self.title, self.state = type(module).__name__, state
        self.names = {one: name or self.title for name, one in module.named_modules()}
        self.faults: dict[str, str] = {}

    def is_whole(self, module: nn.Module) -> bool:
        """Return whether a module is one operation, whatever it does within."""
        return modules.is_whole(module)

    def read_module(self, module: nn.Module, arguments: tuple[Any, ...], out: object) -> None:
        """Take note of a module that was called."""
        name = f"{self.names.get(module, '?')} ({type(module).__name__})"
        self._read(
            name, arguments, out, lambda: modules.signal_of(self.state, module, arguments, out)
        )

    def read_function(
        self, name: str, arguments: tuple[Any, ...], named: Mapping[str, Any], out: object
    ) -> None:
        """Take note of a function of torch that was called, with arguments by place and by name."""
        if name == "unbind":  # also of a loop over a sequence
            for at, part in enumerate(out if isinstance(out, tuple) else ()):
                self.read_function("getitem", (arguments[0], at), {}, part)
            return
        every = (*arguments, *named.values())
        if out is None and self.state.signals.within(every):  # as of x[:, 0] = 0
            self._note(name, "changes values in place", USE)
        rule = partial(functions.signal_of, self.state, name, arguments, named, out)
        self._read(name, every, out, rule)

    def _read(
        self,
        name: str,
        arguments: tuple[Any, ...],
        out: object,
        rule: Callable[[], Signal | tuple[Signal, ...]],
    ) -> None:
        inputs = self.state.signals.within(arguments)
        results = [out] if isinstance(out, Tensor) else out if isinstance(out, tuple | list) else []
        if name == "bool" and inputs:
            self._note(
                name, "the forward branches on values, of which a circuit knows one way", USE
            )
        if not inputs or not any(isinstance(one, Tensor) for one in results):
            return
        outputs: tuple[Signal, ...] = (LOST,)
        if all(signal.node for signal in inputs):
            try:
                signals = rule()
                outputs = signals if isinstance(signals, tuple) else (signals,)
            except Unsupported as error:
                self._note(name, str(error), error.fix)
        for tensor, signal in zip(results, outputs + (LOST,) * len(results), strict=False):
            if isinstance(tensor, Tensor):
                self.state.signals.put(tensor, signal)

    def _note(self, name: str, why: str, fix: str) -> None:
        self.faults[f"{name}, {line()}: {why}"] = fix

    def circuit(self, out: object) -> ir.Circuit:
        """Return the circuit whose logits are the mean over time of what the module returned."""
        if not self.faults:
            try:
                _read_out(self.state, out)
            except Unsupported as error:
                self.faults[f"what forward returns {error}"] = error.fix
        if self.faults:
            count = len(self.faults)
            raise CapacityError(
                f"{count} operation{'s' if count > 1 else ''} of the module cannot be exported:"
                + "".join(f"\n    {fault}" for fault in self.faults),
                where=f"eideploy.export, {self.title}",
                fix="; ".join(dict.fromkeys(self.faults.values())),
            )
        assert self.state.steps is not None
        return self.state.nodes_so_far().circuit(self.state.steps)


def _read_out(state: State, out: object) -> None:
    signal = state.signals.of(out)
    if signal is None or state.nodes is None:
        raise Unsupported("is not made of its samples, or is several things", LOGITS)
    if signal.membranes or signal.step is not None or state.steps is None:
        raise Unsupported("is a single step", STEPS)
    if signal.lead == 1 and not (signal.is_mean or state.given_steps):
        raise Unsupported("has no time", STEPS)
    nodes, drive = state.nodes_so_far(), signal.drive
    if drive is None:
        size = nodes.shapes[signal.node]
        if len(size) != 1 or signal.node not in {n.name for n in nodes.nodes[1:]}:
            raise Unsupported("is maps, or the samples", LOGITS)
        same = ir.Folded(w_num=np.eye(size[0]))
        drive = Drive(word="", projection=same, geometry=ir.Dense(), current=None)
    elif drive.current is not None:
        if drive.projection.divides or isinstance(drive.geometry, ir.Conv):
            raise Unsupported("is a current that no neurons read", LOGITS)
        if drive.current.b_e.any():
            raise Unsupported("has a bias, which the readout has not", "set bias=False there")
        drive = replace(drive, current=None)
    nodes.layer(signal.node, drive)
