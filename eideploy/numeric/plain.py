"""A quotient in plain integers, for reading: the leading one of a number, and the one rounding."""


def leading(x: int, bits: int) -> tuple[int, int]:
    """Return e, the position of the leading one of x > 0, and the `bits` bits below it."""
    e = x.bit_length() - 1
    return e, (x << bits >> e) - (1 << bits)


def ratio(num: int, den: int, fraction: int) -> int:
    """Return 2^fraction num / den rounded to nearest, ties up, of num >= 0 and den > 0."""
    if fraction < 0:
        den <<= -fraction
    else:
        num <<= fraction
    return (2 * num + den) // (2 * den)
