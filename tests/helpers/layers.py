"""Integer nodes with every field filled in, so that a test names only what it is about."""

import numpy as np

from eideploy.circuit import (
    Circuit,
    Division,
    IntegerEIConv,
    IntegerEILinear,
    IntegerInput,
    IntegerLIF,
    IntegerReadout,
)
from eideploy.numeric.division import exact

EXACT = Division(divider=exact(), zero_policy="minimum")


def ints(x, shape=None):
    array = np.asarray(x, np.int64)
    return array if shape is None else np.broadcast_to(array, shape).copy()


def source(size, *, top=255, step=1.0, high=None):
    return IntegerInput(
        name="input", size=size, step=step, top=top, high=step * top if high is None else high
    )


def _fields(w_ee, w_ie, w_ei, fields):
    n_e, n_i = len(w_ee), len(w_ie)
    per_channel = {"fraction": 0, "align": 0, "floor": 1, "constant": 1, "bias": 0, "shift_ee": 0}
    filled = {key: ints(fields.pop(key, value), (n_e,)) for key, value in per_channel.items()}
    return {
        "w_ee": ints(w_ee),
        "w_ie": ints(w_ie),
        "w_ei": ints(w_ei),
        "gain": ints(fields.pop("gain", 1), (n_i,)),
        "current_bits": 16,
        "division": EXACT,
        **filled,
        **fields,
    }


def conv(name, reads, w_ee, w_ie, w_ei, **fields):
    return IntegerEIConv(name=name, inputs=(reads,), **_fields(w_ee, w_ie, w_ei, fields))


def linear(name, reads, w_ee, w_ie, w_ei, **fields):
    return IntegerEILinear(name=name, inputs=(reads,), **_fields(w_ee, w_ie, w_ei, fields))


def lif(name, reads, n, *, threshold=1, leak=1, membrane_bits=16):
    return IntegerLIF(
        name=name,
        inputs=(reads,),
        threshold=ints(threshold, (n,)),
        leak=leak,
        membrane_bits=membrane_bits,
    )


def readout(reads, w_ee, w_ie, w_ei, *, shift_ee=0, logit_step=0.5):
    return IntegerReadout(
        name="readout",
        inputs=(reads,),
        w_ee=ints(w_ee),
        w_ie=ints(w_ie),
        w_ei=ints(w_ei),
        shift_ee=ints(shift_ee, (len(w_ee),)),
        logit_step=logit_step,
    )


def circuit(*nodes, steps=1):
    return Circuit(nodes=nodes, steps=steps)
