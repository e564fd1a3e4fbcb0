"""Everything that divides, and a layer of which nothing but the division is of interest."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from eideploy.backends.digital.core.state_machine import StateMachine
from eideploy.backends.digital.place import place
from eideploy.circuit import Division
from eideploy.circuit.limits import limits
from eideploy.divisions import methods
from eideploy.errors import InvariantError
from eideploy.execute.integer import divided
from eideploy.execute.quotients import Quotients, has_quotients
from eideploy.finetune.arithmetic import quotient as finetuned
from eideploy.target import DividerTiming
from tests.helpers.layers import circuit, folded_linear, folded_readout, lif, source
from tests.helpers.onnx_models import quotients as in_onnx
from tests.helpers.targets import core_target

EVERY = frozenset(kind.method for kind in methods())
N_E = 6


def operands(rng, node, widest, count=40):
    """Return NUM and DEN of every size up to `widest` bits, their ends and zeros among them.

    Shapes   (1, count, 1, N_E): a sample is what one zero divisor may be replaced from
    """
    shape = 1, count, 1, N_E
    by = node.current
    room = widest - max(0, int((by.fraction + by.align).max()) + 2)
    room = min(room, widest - 1 - node.division.divider.fraction_bits)
    size = 2.0 ** rng.uniform(0, room, shape)
    num = np.minimum(size.astype(np.int64), (1 << room) - 1) * rng.choice([-1, 0, 1], shape)
    num[:, :4] = (1 << room) - 1
    num[:, 2:4] *= -1
    den = (2.0 ** rng.uniform(0, widest - 5, shape)).astype(np.int64)  # 5 bits for align
    den[:, 1:20:4] = (1 << widest - 5) - 1
    den[:, 2:20:4] = 1
    den[rng.random(shape) < 0.2] = 0
    den[:, 5] = 0
    return num, den


def layer(rng, divider, policy):
    """Return a layer of which nothing but the division is of interest."""
    ones = np.ones((N_E, 1), np.int64)
    return folded_linear(
        "layer", "input", ones, ones,
        fraction=rng.integers(-40, 12, N_E), align=rng.integers(0, 5, N_E),
        floor=rng.integers(1, 999, N_E), constant=(2.0 ** rng.uniform(0, 40, N_E)).astype(int),
        current_bits=int(rng.choice([4, 12, 24, 30])),
        division=Division(divider=divider, zero_policy=policy),
    )  # fmt: skip


def simulated(node, num, den):
    return [divided(node, num, den)[0]]


def in_floats(node, num, den):
    """Divide as the simulator does where the proof allows it."""
    reach = limits(circuit(source((1,), top=1), node))["layer"]
    if not has_quotients(node, reach):
        raise InvariantError("left to the integers", where="quotients", fix="")
    quotients = Quotients(node)
    scaled = num * quotients.of_num, den * quotients.of_den
    return [quotients.divided(*scaled, np.int64)[0]]


def in_training(node, num, den):
    tensors = (torch.from_numpy(a[:, :, 0].astype(float)) for a in (num, den))
    return [finetuned(*tensors, node).numpy()[:, :, None]]


def stepped(node, num, den):
    """Let the core's state machine meet each sample's NUM and DEN as the weights of one input."""
    count = num.shape[1]
    fields = {name: getattr(node.current, name) for name in
              ("fraction", "align", "floor", "constant", "current_bits", "division")}  # fmt: skip
    timing = {node.division.divider.method: DividerTiming(interval=1, latency=1)}
    program = place(
        circuit(
            source((count,), top=1),
            folded_linear("layer", "input", num[0, :, 0].T, den[0, :, 0].T, **fields),
            lif("lif", "layer", N_E, threshold=1 << 31 - 1, membrane_bits=33 - 1),
            folded_readout("lif", np.ones((1, N_E))),
        ),
        target=replace(core_target(), divider=timing),
    )
    machine = StateMachine(program)
    found = [machine.run(one).membranes["lif"][0] for one in np.eye(count)]
    return [np.array(found)[None, :, None]]


@dataclass(frozen=True)
class Executor:
    """How a program divides NUM by DEN: `run` returns one or more arrays of currents.

    widest   bits of what it takes
    divides  the methods that it has; the others it refuses
    """

    run: Callable
    widest: int
    divides: frozenset = EVERY


EXECUTORS = {
    "integers": Executor(simulated, 61),
    "floats": Executor(in_floats, 52, frozenset({"lut", "pwl", "shift", "shift2"})),
    "state machine": Executor(stepped, 61),
    "ONNX": Executor(in_onnx, 61),
    "fine-tuning": Executor(in_training, 52),
}
