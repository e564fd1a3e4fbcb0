"""Files of numpy, torch and HDF5 that promise too much, or would run something."""

import io
import pickle
import struct
import zipfile
from functools import lru_cache
from pathlib import Path

import h5py
import numpy as np

from tests.fuzz.mutations import HUGE, flipped, mixed_up, odd, truncated

BOMB = 192 << 20  # bytes of zeros in a small archive


def with_value(array, value, rng):
    """Return a copy with `value`, as far as its type can hold it, in one of its places."""
    copy = np.array(array)
    if copy.size:
        copy.reshape(-1)[rng.randrange(copy.size)] = np.asarray(value).astype(copy.dtype)
    return copy


class Payload:
    """What unpickling it would do: make a file called `ran` in the working folder."""

    def __reduce__(self):
        return Path.touch, (Path("ran"),)


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npy_header(descr, shape, *, order="False", body=b""):
    text = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + body


def npy_lied_about(data, rng):
    """Give an .npy header that promises too much, other types, or something that runs."""
    body = data[128:]
    return rng.choice(
        (
            npy(np.array([Payload()], object), allow_pickle=True),
            npy_header("|O", "(1,)", body=pickle.dumps(Payload())),
            npy_header("<f4", f"({HUGE},)", body=body),
            npy_header("<f4", f"({2**62}, {2**62})", body=body),
            npy_header("<f4", "(-1,)", body=body),
            npy_header("<f4", "()", body=body),
            npy_header("<f4", "(" + "1, " * 80 + ")", body=body),
            npy_header("<M8[s]", "(4,)", body=body),
            npy_header("<c16", "(4,)", body=body),
            npy_header("<U4", "(4,)", body=body),
            npy_header("|V8", "(4,)", body=body),
            npy_header("|S0", f"({HUGE},)", body=body),
            npy_header("<f4", "(0, 1, 8, 8)"),
            npy_header("<f4", "__import__('os')", body=body),
            npy_header([("x", "<f4"), ("y", "|O")], "(4,)", body=body),
            npy_header("<f4", "(1, 1, 8, 8)", order="'x'", body=body),
        )
    )


def npy_values(data, rng):
    """Give an .npy file of values or shapes that no network takes."""
    array = np.load(io.BytesIO(data))
    bad = rng.choice((np.nan, np.inf, -np.inf, -1.0, 1e300, 3e38))
    shape = rng.choice(((0,), (1,), (3, 1, 1, 1), (1, 8, 8), (2, 4, 1, 8, 8), (1,) * 32))
    with np.errstate(all="ignore"):
        return npy(
            rng.choice((with_value(array, bad, rng), np.full(shape, 0.5, array.dtype), array * bad))
        )


def npz(data, rng):
    """Give an archive of arrays: where one is not expected, or with something in it that runs."""
    file = io.BytesIO()
    name = rng.choice(("x.npy", "../x.npy", "/x.npy", "x"))
    payload = npy(np.array([Payload()], object), allow_pickle=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, rng.choice((data, payload, b"", npy_header("<f4", f"({HUGE},)"))))
    return file.getvalue()


@lru_cache(maxsize=1)
def _bomb():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("x.npy", npy_header("|u1", f"({BOMB},)", body=bytes(BOMB)))
    return file.getvalue()


def zip_bomb(_data, _rng):
    """Give a small archive that unpacks to 192 MiB."""
    return _bomb()


def zip_member_changed(data, rng):
    """Change one member of an archive, or where it would lie, or pack it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        chosen = rng.choice(names)
        for name in names:
            content, method = old.read(name), zipfile.ZIP_STORED
            if name == chosen:
                match rng.randrange(6):
                    case 0 | 1 if content:
                        content = rng.choice((truncated, flipped, mixed_up))(content, rng)
                    case 2:
                        name = f"../{name}"
                    case 3:
                        method = zipfile.ZIP_DEFLATED
                    case 4:
                        continue
                    case _:
                        content = pickle.dumps(Payload()) if name.endswith(".pkl") else b""
            new.writestr(name, content, method)
    return out.getvalue()


def pickled(_data, rng):
    """Give a pickle that would run something."""
    return pickle.dumps(
        rng.choice((Payload(), {"config": Payload()}, [Payload()])), rng.choice((2, 4))
    )


def zip_pickled(data, rng):
    """Put a pickle that would run something into an archive of torch's, in place of its own."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            own = name.endswith("data.pkl")
            new.writestr(name, pickled(b"", rng) if own else old.read(name))
    return out.getvalue()


# HDF5


def hdf5_changed(data, rng):
    """Drop a part of an HDF5 file, or give it another value, type, size, or place to lead to."""
    file = io.BytesIO(data)
    with h5py.File(file, "r+") as whole:
        names = []
        whole.visit(names.append)
        name = rng.choice(names)
        del whole[name]
        match rng.randrange(8):
            case 0:
                pass
            case 1:
                whole[name] = h5py.SoftLink("/nowhere")
            case 2:
                whole[name] = h5py.SoftLink("/node")
            case 3:
                whole[name] = h5py.ExternalLink("/etc/passwd", "/")
            case 4:
                whole.create_dataset(name, (HUGE,), np.uint8, chunks=(1024,))
            case 5:
                whole.create_group(name)
            case _:
                value = odd(rng)
                try:
                    whole[name] = value if value is not None else np.full(3, np.nan)
                except (TypeError, ValueError, OverflowError, UnicodeEncodeError):
                    whole[name] = np.full((2, 3), np.inf)
    return file.getvalue()
