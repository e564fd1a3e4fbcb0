"""How far the packets of an AEDAT 4 file unpack at most, from the heads of their blocks alone.

A file is its mark, a header, and packets: stream (4 bytes), length (4), then as many bytes, which
the header says are packed by LZ4 or zstd, or not. Both pack a million bytes of nothing into a few.
"""

import struct
from collections.abc import Callable
from typing import BinaryIO

MOST_UNPACKED = 128 << 20  # bytes; the published recordings unpack to some 3 million
NO_TABLE = -1
LZ4_MARK, ZSTD_MARK = 0x184D2204, 0xFD2FB528
LZ4_BLOCKS = {4: 64 << 10, 5: 256 << 10, 6: 1 << 20, 7: 4 << 20}  # bytes, by the head's number
LZ4_RATIO = 255  # a byte more of a match's length is 255 bytes more of it
ZSTD_BLOCK = 128 << 10
LEAST = 1 << 10  # bytes that a packet and a block count for at least, for the work that they are


def check_packets(file: BinaryIO, header: bytes) -> None:
    """Refuse packets that are not whole or may unpack to more than MOST_UNPACKED bytes.

    Args:
        file: the recording, at its first packet.
        header: what stands before it, a flatbuffer.

    Raises:
        ValueError: some are not, or do.
    """
    packing, table = _settings(header)
    if packing not in BOUNDS:
        raise ValueError(f"its packets are compressed by the unknown method {packing}")
    total = 0
    while file.tell() != table and (head := file.read(8)):
        _, length = struct.unpack("<ii", head)
        packet = file.read(max(0, length))
        if len(packet) != length:
            raise ValueError(f"a packet of {length} bytes has {len(packet)}")
        total += LEAST + BOUNDS[packing](packet)
        if total > MOST_UNPACKED:
            raise ValueError(f"its packets may unpack to more than {MOST_UNPACKED} bytes")


def _settings(header: bytes) -> tuple[int, int]:
    """Return the number of the packing, and where the table stands that ends the packets."""
    (root,) = struct.unpack_from("<I", header, 0)
    fields = root - struct.unpack_from("<i", header, root)[0]
    size = struct.unpack_from("<H", header, fields)[0]

    def field(place: int, form: str, default: int) -> int:
        entry = 4 + 2 * place
        offset = struct.unpack_from("<H", header, fields + entry)[0] if entry < size else 0
        return int(struct.unpack_from(form, header, root + offset)[0]) if offset else default

    return field(0, "<i", 0), field(1, "<q", NO_TABLE)


def _lz4(packet: bytes) -> int:
    """Return the most bytes that frames of LZ4 hold."""
    place = total = 0
    while place < len(packet):
        mark, flags, sizes = struct.unpack_from("<IBB", packet, place)
        most = LZ4_BLOCKS.get(sizes >> 4 & 7)
        if mark != LZ4_MARK or most is None:
            raise ValueError("a packet is not a frame of LZ4")
        place += 7 + 8 * (flags >> 3 & 1) + 4 * (flags & 1)
        while size := int(struct.unpack_from("<I", packet, place)[0]) & ~(1 << 31):
            total += max(LEAST, min(most, LZ4_RATIO * size))
            if total > MOST_UNPACKED:
                return total
            place += 4 + size + 4 * (flags >> 4 & 1)
        place += 4 + 4 * (flags >> 2 & 1)
    return total


def _zstd(packet: bytes) -> int:
    """Return the most bytes that frames of zstd hold."""
    place = total = 0
    while place < len(packet):
        mark, flags = struct.unpack_from("<IB", packet, place)
        if mark != ZSTD_MARK:
            raise ValueError("a packet is not a frame of zstd")
        single = flags >> 5 & 1
        place += 5 + (1 - single) + (0, 1, 2, 4)[flags & 3] + (single, 2, 4, 8)[flags >> 6]
        last = 0
        while not last:
            head = int.from_bytes(struct.unpack_from("<3s", packet, place)[0], "little")
            last, kind, size = head & 1, head >> 1 & 3, head >> 3
            total += max(LEAST, ZSTD_BLOCK if kind == 2 else min(size, ZSTD_BLOCK))
            if total > MOST_UNPACKED:
                return total
            place += 3 + (1 if kind == 1 else size)
        place += 4 * (flags >> 2 & 1)
    return total


BOUNDS: dict[int, Callable[[bytes], int]] = {0: len, 1: _lz4, 2: _lz4, 3: _zstd, 4: _zstd}
