"""Arrays of constants as C has them: weights packed to their bits, numbers in the least type."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eideploy.backends.c.syntax import function, literal, type_of, word_for
from eideploy.circuit import Array
from eideploy.numeric.fixed import signed_bits, unsigned_bits

WIDTH = 96  # of a line of numbers
ALIGNED = (1, 2, 4, 8)  # bits of weights none of which stands in two bytes
SHIFTED = {"int32_t": "shifted_short", "int64_t": "shifted"}  # by the type of a product
PADDING = 2  # bytes behind packed weights, of which a read takes up to three


def definition(name: str, values: Array) -> str:
    """Return the definition of an array of constants."""
    return f"static const {type_of(values)} {name}[{values.size}] = {values_text(values.ravel())};"


def values_text(values: Array) -> str:
    """Return the numbers of an array in braces, an axis within another."""
    if values.ndim > 1:
        return "{\n" + ",\n".join(map(values_text, values)) + "\n}"
    return f"{{\n{_lines(map(literal, values.tolist()))}\n}}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Packed:
    """Weights in as few bits each as the largest needs, one behind another.

    Where all of them are powers of two, or zero, and that takes fewer bits, a weight is its
    exponent plus one: a product with it is a shift.

    values  in the order in which they are read
    """

    name: str
    values: Array

    @property
    def is_signed(self) -> bool:
        """Whether some weight is negative."""
        return bool((self.values < 0).any())

    @cached_property
    def is_power(self) -> bool:
        """Whether weights are kept as exponents."""
        return not self.is_signed and self._power_bits() < self._plain_bits()

    @cached_property
    def bits(self) -> int:
        """Of one weight."""
        return self._power_bits() if self.is_power else self._plain_bits()

    @property
    def largest(self) -> int:
        """The largest magnitude of a weight."""
        return int(np.abs(self.values).max())

    @property
    def size(self) -> int:
        """How many bytes the weights take."""
        return len(self._bytes)

    def _plain_bits(self) -> int:
        low, high = int(self.values.min()), int(self.values.max())
        return signed_bits(low, high) if low < 0 else unsigned_bits(high)

    def _power_bits(self) -> int:
        flat = self.values
        powers = (flat & (flat - 1)) == 0  # of zero, too
        return unsigned_bits(int(flat.max()).bit_length()) if powers.all() else 64

    @cached_property
    def _bytes(self) -> list[int]:
        flat = self.values.ravel().astype(np.int64)
        if self.is_power:
            flat = np.where(flat > 0, np.frexp(np.maximum(flat, 1))[1], 0)
        columns = (flat[:, None] >> np.arange(self.bits)) & 1
        packed = np.packbits(columns.ravel().astype(np.uint8), bitorder="little")
        return [*packed.tolist(), *([] if self.bits in ALIGNED else [0] * PADDING)]

    @property
    def definition(self) -> str:
        """The definition of the array."""
        data = np.array(self._bytes)
        return f"static const uint8_t {self.name}_data[{data.size}] = {values_text(data)};"

    @property
    def function(self) -> str:
        """What reads a weight, or its exponent plus one."""
        kind = "uint32_t" if self.is_power else "int32_t"
        head = f"static inline {kind} {self.name}(uint32_t i)"
        return function(head, self._read(f"{self.name}_data"))

    def weight(self, index: str) -> str:
        """Return a weight."""
        weight = f"{self.name}({index})"
        return self.scaled("1", weight, word_for(self.largest)) if self.is_power else weight

    def times(self, x: str, index: str, kind: str) -> str:
        """Return the product of x >= 0 with a weight, of the type `kind`, as x is."""
        return self.scaled(x, f"{self.name}({index})", kind)

    def scaled(self, x: str, weight: str, kind: str) -> str:
        """Return what `times` does, of a weight that has been read."""
        if not self.is_power:
            return f"{x} * {weight}"
        return f"{SHIFTED[kind]}({x}, {weight})"

    def _read(self, data: str) -> Iterator[str]:
        bits, mask = self.bits, (1 << self.bits) - 1
        if bits == 8:
            yield f"const uint32_t code = {data}[i];"
        elif bits in ALIGNED:
            per = 8 // bits
            yield f"const uint32_t byte = {data}[i / {per}u];"
            yield f"const uint32_t code = (byte >> (i % {per}u * {bits}u)) & {mask}u;"
        else:
            yield f"const uint32_t at = i * {bits}u;"
            yield f"const uint8_t *const p = &{data}[at / 8u];"
            yield "const uint32_t low = (uint32_t)p[0] | ((uint32_t)p[1] << 8);"
            yield "const uint32_t word = low | ((uint32_t)p[2] << 16);"
            yield f"const uint32_t code = (word >> (at % 8u)) & {mask}u;"
        if self.is_power:
            yield "return code;"
        elif self.is_signed:
            half = 1 << (bits - 1)
            yield f"return (int32_t)(code ^ {half}u) - {half};"
        else:
            yield "return (int32_t)code;"


def _lines(numbers: Iterable[str]) -> str:
    lines, line = [], "   "
    for number in numbers:
        if len(line) + len(number) + 2 > WIDTH:
            lines.append(line)
            line = "   "
        line += f" {number},"
    return "\n".join([*lines, line])
