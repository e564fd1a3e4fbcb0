"""Integer nodes with every field filled in, so that a test names only what it is about."""

import numpy as np

from eideploy.circuit import (
    Circuit,
    Division,
    IntegerEIConv,
    IntegerEILinear,
    IntegerFoldedConv,
    IntegerFoldedLinear,
    IntegerFoldedReadout,
    IntegerInput,
    IntegerLIF,
    IntegerReadout,
)
from eideploy.divisions import exact

EXACT = Division(divider=exact(), zero_policy="minimum")


def ints(x, shape=None):
    array = np.asarray(x, np.int64)
    return array if shape is None else np.broadcast_to(array, shape).copy()


def source(size, *, top=255, step=1.0, high=None):
    return IntegerInput(
        name="input", size=size, step=step, top=top, high=step * top if high is None else high
    )


def _fields(w_ee, w_ie, w_ei, fields):
    own = {"shift_ee": ints(fields.pop("shift_ee", 0), (len(w_ee),))}
    own |= {"w_ee": ints(w_ee), "w_ie": ints(w_ie), "w_ei": ints(w_ei)}
    own["gain"] = ints(fields.pop("gain", 1), (len(w_ie),))
    return own | _current(len(w_ee), fields)


def _current(n_e, fields):
    per_channel = {"fraction": 0, "align": 0, "floor": 1, "constant": 1, "bias": 0}
    filled = {key: ints(fields.pop(key, value), (n_e,)) for key, value in per_channel.items()}
    return {"current_bits": 16, "division": EXACT, **filled, **fields}


def folded_conv(name, reads, w_num, w_den, **fields):
    own = {"w_num": ints(w_num), "w_den": ints(w_den), **_current(len(w_num), fields)}
    return IntegerFoldedConv(name=name, inputs=(reads,), **own)


def folded_linear(name, reads, w_num, w_den, **fields):
    own = {"w_num": ints(w_num), "w_den": ints(w_den), **_current(len(w_num), fields)}
    return IntegerFoldedLinear(name=name, inputs=(reads,), **own)


def folded_readout(reads, w_num, *, logit_step=0.5):
    return IntegerFoldedReadout(
        name="readout", inputs=(reads,), w_num=ints(w_num), logit_step=logit_step
    )


def conv(name, reads, w_ee, w_ie, w_ei, **fields):
    return IntegerEIConv(name=name, inputs=(reads,), **_fields(w_ee, w_ie, w_ei, fields))


def linear(name, reads, w_ee, w_ie, w_ei, **fields):
    return IntegerEILinear(name=name, inputs=(reads,), **_fields(w_ee, w_ie, w_ei, fields))


def lif(name, reads, n, *, threshold=1, leak=1, membrane_bits=16, reset="subtract"):
    return IntegerLIF(
        name=name,
        inputs=(reads,),
        threshold=ints(threshold, (n,)),
        leak=leak,
        membrane_bits=membrane_bits,
        reset=reset,
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
