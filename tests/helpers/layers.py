"""Integer nodes with every field filled in, so that a test names only what it is about."""

import numpy as np

from eideploy.circuit import (
    Circuit,
    Conv,
    Dense,
    Division,
    Factored,
    Folded,
    IntegerCurrent,
    IntegerInput,
    Layer,
    Logits,
    Neurons,
)
from eideploy.divisions import exact
from eideploy.neurons import IntegerLIF

EXACT = Division(divider=exact(), zero_policy="minimum")


def ints(x, shape=None):
    array = np.asarray(x, np.int64)
    return array if shape is None else np.broadcast_to(array, shape).copy()


def source(size, *, top=255, step=1.0, high=None):
    return IntegerInput(
        name="input", size=size, step=step, top=top, high=step * top if high is None else high
    )


def _factored(w_ee, w_ie, w_ei, gain, shift_ee):
    return Factored(
        w_ee=ints(w_ee),
        w_ie=ints(w_ie),
        w_ei=ints(w_ei),
        g_i=None if gain is None else ints(gain, (len(w_ie),)),
        shift_ee=ints(shift_ee, (len(w_ee),)),
    )


def _current(n_e, fields):
    per_channel = {"fraction": 0, "align": 0, "floor": 1, "constant": 1, "bias": 0}
    filled = {key: ints(fields.pop(key, value), (n_e,)) for key, value in per_channel.items()}
    return IntegerCurrent(**{"current_bits": 16, "division": EXACT, **filled, **fields})


def _layer(name, reads, projection, geometry, fields):
    current = _current(len(projection.weights[0]), fields)
    return Layer(
        name=name, inputs=(reads,), projection=projection, geometry=geometry, current=current
    )


def _conv(fields):
    return Conv(stride=fields.pop("stride", 1), padding=fields.pop("padding", 0))


def folded_conv(name, reads, w_num, w_den, **fields):
    projection = Folded(w_num=ints(w_num), w_den=ints(w_den))
    return _layer(name, reads, projection, _conv(fields), fields)


def folded_linear(name, reads, w_num, w_den, **fields):
    return _layer(name, reads, Folded(w_num=ints(w_num), w_den=ints(w_den)), Dense(), fields)


def folded_readout(reads, w_num, *, logit_step=0.5):
    return _readout(reads, Folded(w_num=ints(w_num)), logit_step)


def conv(name, reads, w_ee, w_ie, w_ei, *, gain=1, shift_ee=0, **fields):
    projection = _factored(w_ee, w_ie, w_ei, gain, shift_ee)
    return _layer(name, reads, projection, _conv(fields), fields)


def linear(name, reads, w_ee, w_ie, w_ei, *, gain=1, shift_ee=0, **fields):
    return _layer(name, reads, _factored(w_ee, w_ie, w_ei, gain, shift_ee), Dense(), fields)


def lif(name, reads, n, *, threshold=1, leak=1, membrane_bits=16, reset="subtract"):
    model = IntegerLIF(
        threshold=ints(threshold, (n,)), leak=leak, membrane_bits=membrane_bits, reset=reset
    )
    return Neurons(name=name, inputs=(reads,), model=model)


def readout(reads, w_ee, w_ie, w_ei, *, shift_ee=0, logit_step=0.5):
    return _readout(reads, _factored(w_ee, w_ie, w_ei, None, shift_ee), logit_step)


def _readout(reads, projection, logit_step):
    return Layer(
        name="readout",
        inputs=(reads,),
        projection=projection,
        geometry=Dense(),
        current=Logits(logit_step=logit_step),
    )


def circuit(*nodes, steps=1):
    return Circuit(nodes=nodes, steps=steps)
