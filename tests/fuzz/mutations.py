"""What happens to files: cut, flipped, mixed up, lied to, and filled with more than data.

A mutation takes the bytes of a whole file and a `random.Random`, and gives other bytes. Those of a
format know its header and change what it promises; all others take any file.
"""

import json
import struct

HUGE = 100 * 10**9  # what a header promises that lies
ODD = (
    None, -1, 0, 1, 2**31, 2**70, 10**400, 1e308, -0.5, 0.5, float("nan"), float("inf"), "", "x",
    "\0", "\ud800", "x" * 5000, "../../x", "/etc/passwd", "lif1", [], {}, True, [1], ["x"],
    [[1, 2], [3]], {"a": 1}, 65536, HUGE,
)  # fmt: skip


def odd(rng):
    return rng.choice(ODD)


# any file


def truncated(data, rng):
    return data[: rng.randrange(len(data))]


def flipped(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 20))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def mixed_up(data, rng):
    """Replace, remove, insert, double or blank a piece, a few times over."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 10))):
        place, length = rng.randrange(len(data) + 1), rng.choice((1, 8, 100, 1000))
        piece = data[place : place + length]
        match rng.randrange(5):
            case 0:
                data[place : place + 1] = rng.choice(
                    (b"9", b"-", b'"', b"[", b"\n", b"\0", b"\xff")
                )
            case 1:
                del data[place : place + length]
            case 2:
                data[place:place] = rng.choice(
                    (b"9" * 5000, b"[" * 3000, b'{"a":' * 2000, b"-1", b"1e999", b"NaN", b"\0")
                )
            case 3:
                data[place:place] = piece
            case _:
                data[place : place + length] = rng.choice((b"\0", b"\xff")) * len(piece)
    return bytes(data)


def foreign(_, rng):
    """Give a file of another kind altogether."""
    return rng.choice(
        (
            b"", b"\0" * 4096, b"\xff" * 64, b"PK\x03\x04" + b"\0" * 60, b"{}", b"[]", b"null",
            b"[" * 200_000, b"9" * 100_000, b"\x80\x04cos\nsystem\n", b"\x89HDF\r\n\x1a\n" * 9,
            b"\x93NUMPY\x01\x00", b"\xef\xbb\xbf{}", "{\u2028}".encode("utf-16"),
            struct.pack("<Q", HUGE) + b"{}", struct.pack("<Q", 2**64 - 1),
        )
    )  # fmt: skip


ANY = (truncated, flipped, mixed_up, foreign)


# JSON and TOML


def values_changed(value, rng, chance=0.05):
    """Return a JSON value with some of its parts replaced, renamed or gone."""
    if rng.random() < chance:
        return odd(rng)
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if rng.random() > chance / 10}
        return {
            (str(odd(rng)) if rng.random() < chance / 10 else k): values_changed(v, rng, chance)
            for k, v in kept.items()
        }
    if isinstance(value, list):
        return [values_changed(v, rng, chance) for v in value]
    return value


def one_value_changed(value, rng):
    """Return a JSON value with exactly one of its parts replaced, whichever is met."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.1:
        return odd(rng)
    keys = list(value) if isinstance(value, dict) else range(len(value))
    at = rng.choice(keys)
    copy = value.copy()
    copy[at] = one_value_changed(value[at], rng)
    return copy


def changed(value, rng):
    if rng.random() < 0.6:
        return one_value_changed(value, rng)
    return values_changed(value, rng, rng.choice((0.01, 0.05, 0.3)))


def json_changed(data, rng):
    return json.dumps(changed(json.loads(data), rng)).encode()


def version_changed(data, rng):
    """Give a JSON file another version, and its files other places."""
    content = json.loads(data)
    content["version"] = rng.choice((0, 2, -1, "1", 1.5, None, True, [1], 10**30))
    return json.dumps(content).encode()


def paths_changed(data, rng):
    """Let a manifest name what lies elsewhere, what is no file, and what nobody can name."""
    content = json.loads(data)
    name = rng.choice(
        ("../manifest.json", "../../../etc/passwd", "/etc/passwd", "/dev/zero", "/proc/self/mem",
         "a\0b", "x" * 5000, "", ".", "..", "rtl", "\ud800", "outside", "loop", "a/" * 3000)
    )  # fmt: skip
    files = content["files"]
    if rng.random() < 0.3:
        files.pop(rng.choice(list(files)))
    files[name] = rng.choice(("0" * 64, None, 3, next(iter(files.values()))))
    return json.dumps(content).encode()


def csv_changed(data, rng):
    """Give a few cells other values."""
    rows = [line.split(",") for line in data.decode().splitlines()]
    for _ in range(rng.choice((1, 1, 3))):
        row = rng.choice(rows)
        row[rng.randrange(len(row))] = rng.choice(
            ("nan", "inf", "-inf", "1e400", "-1", "1e300", "", "x", "9" * 5000, "0", "1 2 -3", '"')
        )
    return "\n".join(map(",".join, rows)).encode()


TOML_ODD = (
    "-1", "0", "1", "2147483648", "1" + "0" * 400, "9" * 5000, "0x" + "f" * 6000, "nan", "inf",
    "-inf", "1e400",
    "true", '""', '"x"', '"\\u0000"', '"../../x"', '"/dev/zero"', "[]", "[1]", '["P"]', "[[1], 2]",
    "{}", "{a = 1}", "1979-05-27", "[" * 2000, '["P", 4, "P", 4]', "100000000000", "0.5",
)  # fmt: skip


def toml_changed(data, rng):
    """Give some keys other values, drop, double or rename them."""
    lines = data.decode().splitlines()
    places = [i for i, line in enumerate(lines) if "=" in line and not line.startswith("#")]
    for place in rng.sample(places, min(len(places), rng.choice((1, 1, 2, 5)))):
        key, _, value = lines[place].partition("=")
        lines[place] = rng.choice(
            (f"{key}= {rng.choice(TOML_ODD)}", f"{key}= {rng.choice(TOML_ODD)}", "",
             f"{lines[place]}\n{lines[place]}", f"x{key}={value}", f"{key.strip()}.a = 1",
             f"[{key.strip()}]")
        )  # fmt: skip
    return "\n".join(lines).encode()
