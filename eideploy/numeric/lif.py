"""The LIF neuron in integers (A10)."""

from eideploy.numeric.fixed import Array, Int, saturate


def lif_step(
    v: Int, current: Int, *, threshold: Int, leak: int, bits: int, to_zero: bool = False
) -> tuple[Int, Array, int]:
    """Advance every neuron by one time step.

        u = sat(v - (v >> leak) + current)
        z = u >= threshold
        v = u - threshold z, or u (1 - z) where the reset is to zero

    Shapes   v, current: (B, n, ...); threshold broadcasts with them
    Units    membrane LSB; sat clips to a signed integer of `bits`
    Returns  next v, spikes z (bool), and how many membranes were clipped
    """
    u = v - (v >> leak)
    u += current
    u, clipped = saturate(u, bits)
    z = u >= threshold
    u -= (u if to_zero else threshold) * z
    return u, z, clipped
