"""Talks to a board: frames on a serial line, inferences, and a test against stored logits.

Needs Python alone; with pyserial it also runs where lines are no POSIX terminals.

    python driver.py PORT [--baud 1000000] [--vectors ../vectors.json]

Every request is sent until its answer came whole: a damaged one is never acted on, and what was
carried out is carried out once (docs/boards.md).
"""

import argparse
import errno
import json
import os
import select
import struct
import sys
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Protocol

HELLO, RESET, START, EVENTS, RESULT, REFUSED = 1, 2, 3, 4, 5, 0x7F
OK, DAMAGED, UNKNOWN, NOT_READY, PENDING, BAD_WORD = range(6)
SAID = {
    UNKNOWN: "it does not know the operation",
    NOT_READY: "it is not ready for that",
    PENDING: "time steps are missing",
    BAD_WORD: "an event lies outside of the network's map, or time steps are too many",
}
END, ESCAPE = b"\xc0", b"\xdb"
MOST_WORDS = 400  # of a frame: 5 bytes each, of the board's 2048
VERSION = 1
PATIENCE = 32  # so many times its timeout a host may come to wait for an answer
Word = tuple[int, int, int, int]  # y, x, channel, value


class BoardError(Exception):
    """The board does not answer, or says no."""


class Port(Protocol):
    """A serial line."""

    def write(self, data: bytes) -> None:
        """Send all of `data`."""

    def read(self, timeout: float) -> bytes:
        """Return what has come, or comes within `timeout` seconds; b"" for nothing."""

    def close(self) -> None:
        """Give the line back."""


class Greeting(NamedTuple):
    """What a board says of its network."""

    version: int
    network: str
    steps: int
    classes: int
    height: int
    width: int
    channels: int


class Result(NamedTuple):
    """What an inference came to: a logit a class, and the clock cycles that it took."""

    logits: list[int]
    cycles: int


def open_port(name: str, baud: int) -> Port:
    """Open a serial line, by pyserial where it is installed."""
    try:
        import serial
    except ImportError:
        return _Terminal(name, baud)
    try:
        return _Serial(serial.Serial(name, baud))
    except serial.SerialException as error:
        if errno.ENOTTY in getattr(error.__context__, "args", ()):
            raise BoardError("that is not a serial line") from error
        raise


class _Serial:
    def __init__(self, line: Any) -> None:  # noqa: ANN401 - pyserial has no types
        self.line = line

    def write(self, data: bytes) -> None:
        self.line.write(data)

    def read(self, timeout: float) -> bytes:
        self.line.timeout = timeout
        first: bytes = self.line.read(1)
        return first + bytes(self.line.read(self.line.in_waiting)) if first else b""

    def close(self) -> None:
        self.line.close()


class _Terminal:
    """A line that is a POSIX terminal."""

    def __init__(self, name: str, baud: int) -> None:
        import termios
        import tty

        speed = getattr(termios, f"B{baud}", None)
        if speed is None:
            raise BoardError(f"this machine's terminals have no speed of {baud} baud")
        self.line = os.open(name, os.O_RDWR | os.O_NOCTTY)
        if not os.isatty(self.line):
            os.close(self.line)
            raise BoardError("that is not a serial line")
        tty.setraw(self.line, termios.TCSANOW)
        state = termios.tcgetattr(self.line)
        state[4] = state[5] = speed
        termios.tcsetattr(self.line, termios.TCSANOW, state)

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.line, data) :]

    def read(self, timeout: float) -> bytes:
        ready, _, _ = select.select([self.line], [], [], timeout)
        return os.read(self.line, 4096) if ready else b""

    def close(self) -> None:
        os.close(self.line)


def framed(body: bytes) -> bytes:
    """Return a frame: the body and its CRC, escaped, between two END."""
    whole = body + struct.pack("<I", zlib.crc32(body))
    whole = whole.replace(ESCAPE, b"\xdb\xdd").replace(END, b"\xdb\xdc")
    return END + whole + END


def unframed(frame: bytes) -> bytes | None:
    """Return the body of what stood between two END; None where it is damaged."""
    whole = bytearray()
    rest = iter(frame)
    for byte in rest:
        if byte == ESCAPE[0]:
            byte = {0xDC: 0xC0, 0xDD: 0xDB}.get(next(rest, -1), -1)
            if byte < 0:
                return None
        whole.append(byte)
    if len(whole) < 9 or zlib.crc32(whole[:-4]) != struct.unpack("<I", whole[-4:])[0]:
        return None
    return bytes(whole[:-4])


class Board:
    """A board on a serial line.

    Args:
        port: the line.
        timeout: seconds until a request is sent again; longer where answers take longer.
        tries: how often.
    """

    def __init__(self, port: Port, *, timeout: float = 1.0, tries: int = 10) -> None:
        self.port, self.timeout, self.tries = port, timeout, tries
        self.sequence = int.from_bytes(os.urandom(1), "little")
        self.pending = b""
        self.wait, self.refused = timeout, False
        self.resent = 0  # requests that had to be sent again

    def __enter__(self) -> "Board":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.port.close()

    def request(self, operation: int, payload: bytes = b"") -> bytes:
        """Send a request until it is answered; return the answer's payload.

        Raises:
            BoardError: no answer after all tries, or one that says no.
        """
        self.sequence = (self.sequence + 1) % 256
        body = struct.pack("<BBH", self.sequence, operation, len(payload)) + payload
        began, self.refused = time.monotonic(), False
        for attempt in range(self.tries):
            self.resent += attempt > 0
            self.port.write(framed(body))
            answer = self._answer(operation)
            if answer is None:
                continue
            if not self.refused:  # else that is the line's time, not the board's
                took = time.monotonic() - began
                self.wait = min(max(self.timeout, 2 * took), PATIENCE * self.timeout)
            if answer[0] != OK:
                raise BoardError(f"the board says no: {SAID.get(answer[0], 'no reason given')}")
            return answer[1:]
        raise BoardError(f"no answer in {self.tries} tries of {self.timeout:g} s")

    def _answer(self, operation: int) -> bytes | None:
        """Return status and payload of the answer to the last request; None if none came.

        The line has to fall silent before more is sent: a board that is slower than the host waits
        would get copies of a request faster than it answers them. Noise without a whole frame is
        given up after PATIENCE timeouts.
        """
        now, patience = time.monotonic(), PATIENCE * self.timeout
        until, given_up, latest = now + self.wait, now + patience, now + PATIENCE * self.wait
        while (left := min(until, given_up, latest) - time.monotonic()) > 0:
            data = self.port.read(left)
            if data:
                until = time.monotonic() + self.wait
            for frame in self._frames(data):
                body = unframed(frame)
                if body is None or len(body) < 5:
                    continue
                given_up = time.monotonic() + patience
                sequence, answered, length = struct.unpack("<BBH", body[:4])
                if answered == REFUSED | 0x80:
                    self.refused = True
                    until = time.monotonic() + self.wait / 2
                own = sequence == self.sequence and answered == operation | 0x80
                if own and length == len(body) - 4:
                    return body[4:]
        return None

    def _frames(self, data: bytes) -> Iterator[bytes]:
        *frames, self.pending = (self.pending + data).split(END)
        self.pending = self.pending[-65536:]
        yield from filter(None, frames)

    def hello(self) -> Greeting:
        """Ask what the board is.

        Raises:
            BoardError: no answer, or by another protocol.
        """
        found = struct.unpack("<BQHHBBH", self.request(HELLO))
        if found[0] != VERSION:
            raise BoardError(f"the board speaks version {found[0]} of the protocol, not {VERSION}")
        return Greeting(found[0], f"{found[1]:016x}", *found[2:])

    def reset(self) -> None:
        """Break off what the board does."""
        self.request(RESET)

    def infer(self, steps: Sequence[Iterable[Word]]) -> Result:
        """Run one inference on the events of every time step.

        Raises:
            BoardError: no answer, or an event outside of the network's map.
        """
        words = [word for step in steps for word in (*step, (0, 0, 0, 0))]
        for at in range(0, len(words), MOST_WORDS):
            some = words[at : at + MOST_WORDS]
            payload = b"".join(struct.pack("<BBHB", *word) for word in some)
            self.request(EVENTS if at else START, payload)
        found = self.request(RESULT)
        logits = struct.unpack(f"<{(len(found) - 4) // 8}q", found[4:])
        return Result(list(logits), struct.unpack("<I", found[:4])[0])


def selftest(board: Board, vectors: dict[str, Any]) -> dict[str, Any]:
    """Run stored samples and compare every logit; return what was found, for a file.

    Raises:
        BoardError: the board does not answer, or holds another network.
    """
    board.reset()
    greeting = board.hello()
    if greeting.network != vectors["network"]:
        raise BoardError(
            f"the board holds network {greeting.network}, not {vectors['network']}: flash the build"
        )
    differing, cycles = 0, []
    for sample in vectors["samples"]:
        found = board.infer(sample["words"])
        differing += sum(a != b for a, b in zip(found.logits, sample["logits"], strict=True))
        cycles.append(found.cycles)
    return {
        "network": greeting.network,
        "samples": len(cycles),
        "logits_differing": differing,
        "cycles": cycles,
        "requests_sent_again": board.resent,
    }


def main() -> int:
    """Run the self-test from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("port")
    parser.add_argument("--baud", type=int, default=1_000_000)
    here = Path(__file__).resolve().parent
    parser.add_argument("--vectors", type=Path, default=here.parent / "vectors.json")
    asked = parser.parse_args()
    vectors = json.loads(asked.vectors.read_text("utf-8"))
    try:
        with Board(open_port(asked.port, asked.baud)) as board:
            found = selftest(board, vectors)
    except (BoardError, OSError) as error:
        sys.exit(f"error: {error}")
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 1 if found["logits_differing"] else 0


if __name__ == "__main__":
    sys.exit(main())
