"""What there is to choose from, in words, wherever else the words have a meaning."""

from typing import Literal

ZeroPolicy = Literal["minimum", "floor"]
Form = Literal["factored", "folded", "auto"]
Framing = Literal["time", "number"]
Dendrite = Literal["full", "linear"]
Monitor = Literal["all", "outputs"]
BoardFault = Literal["refuse", "wrap", "marker", "neurons", "cams"]  # as load.py --fault has them
Reset = Literal["subtract", "zero"]
Read = Literal["mean", "last", "max"]  # of the output over time
Split = Literal["test", "train", "all"]
Family = Literal["ecp5", "ice40", "generic"]
Pool = Literal["loky", "threading", "dask", "ray"]
