"""Small data sets in the real on-disk formats, written byte by byte: what the loaders must read."""

import gzip
import struct

import h5py
import numpy as np
from PIL import Image

from eideploy.data.event_sets import OBJECTS

XML = """<dv version="2.0"><node name="outInfo" path="/mainloop/Recorder/outInfo/">
<node name="0" path="/mainloop/Recorder/outInfo/0/">
<attr key="compression" type="string">NONE</attr>
<attr key="originalOutputName" type="string">events</attr>
<attr key="typeIdentifier" type="string">EVTS</attr>
<node name="info" path="/mainloop/Recorder/outInfo/0/info/">
<attr key="sizeX" type="int">128</attr><attr key="sizeY" type="int">128</attr>
</node></node></node></dv>"""


def cifar_records(rng, count, classes):
    """Return (labels, images, bytes): class bytes, then 3x32x32 bytes, a record after the other."""
    heads = np.stack([rng.integers(0, c, count) for c in classes], axis=1).astype(np.uint8)
    images = rng.integers(0, 256, (count, 3, 32, 32)).astype(np.uint8)
    content = np.concatenate([heads, images.reshape(count, -1)], axis=1)
    return heads[:, -1], images, content.tobytes()


def write_cifar(folder, files, classes, rng):
    """Write binary CIFAR files of (name, records) and return their labels and images by name."""
    folder.mkdir(parents=True)
    made = {}
    for name, count in files:
        labels, images, content = cifar_records(rng, count, classes)
        (folder / name).write_bytes(content)
        made[name] = labels, images
    return made


def idx_bytes(array):
    """Return an idx file of bytes: its head, the length of each axis, the bytes."""
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


def write_idx(folder, rng, *, train=40, test=20, side=28, packed=True):
    """Write the four idx files of an MNIST, and return images and labels of both parts."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for part, count in (("train", train), ("t10k", test)):
        images = rng.integers(0, 256, (count, side, side)).astype(np.uint8)
        labels = np.arange(count) % 10
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            content = idx_bytes(array)
            name = f"{part}-{name}-ubyte"
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)
        made += [images, labels]
    return made


def write_tinyimagenet(folder, rng, *, classes=3, each=2, test=4):
    """Write the published folders with flat grey JPEG images; return the grey of each, by path."""
    greys = {}

    def save(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        greys[path] = int(rng.integers(0, 256))
        mode = "L" if len(greys) % 2 else "RGB"  # some of the published images are grey
        Image.new("L", (64, 64), greys[path]).convert(mode).save(path, quality=95)

    names = [f"n{number:08d}" for number in range(classes)]
    for name in names:
        for place in range(each):
            save(folder / "train" / name / "images" / f"{name}_{place}.JPEG")
    lines = []
    for place in range(test):
        save(folder / "val" / "images" / f"val_{place}.JPEG")
        lines.append(f"val_{place}.JPEG\t{names[place % classes]}\t0\t0\t63\t63\n")
    (folder / "val" / "val_annotations.txt").write_text("".join(lines))
    return greys


def events(rng, count=60, *, side=34, end=300_000):
    """Return columns x, y, t, p of random events, in order of time."""
    x, y = rng.integers(0, side, (2, count))
    return x, y, np.sort(rng.integers(0, end, count)), rng.integers(0, 2, count)


def nmnist_bytes(x, y, t, p):
    """Return N-MNIST's 5 bytes an event: x, y, then polarity in the top bit of 23 bits of time."""
    t = np.asarray(t)
    columns = [x, y, (np.asarray(p) << 7) | (t >> 16), (t >> 8) & 255, t & 255]
    return np.stack(columns, axis=1).astype(np.uint8).tobytes()


def write_nmnist(folder, rng, *, train=2, test=1):
    made = {}
    for part, count in (("Train", train), ("Test", test)):
        for digit in range(10):
            for place in range(count):
                path = folder / part / str(digit) / f"{place:05d}.bin"
                path.parent.mkdir(parents=True, exist_ok=True)
                made[path] = events(rng)
                path.write_bytes(nmnist_bytes(*made[path]))
    return made


def write_gesture(folder, rng, *, users=2):
    """Write tonic's release of DVS-Gesture: an array (n, 4) of x, y, p and milliseconds a class."""
    made = {}
    for part in ("ibmGestureTrain", "ibmGestureTest"):
        for user in range(1, users + 1):
            for label in range(11):
                path = folder / part / f"user{user:02d}_led" / f"{label}.npy"
                path.parent.mkdir(parents=True, exist_ok=True)
                x, y, t, p = made[path] = events(rng, side=128, end=5000)
                np.save(path, np.stack([x, y, p, t], axis=1).astype(np.int64))
    return made


def aedat4_bytes(x, y, t, p):
    """Return an AEDAT 4.0 file with one uncompressed packet of events, flatbuffers laid by hand."""
    text = XML.encode()
    header = struct.pack("<I4s", 20, b"IOHE")
    header += struct.pack("<5H2x", 10, 8, 0, 0, 4)  # vtable: only infoNode is there
    header += struct.pack("<iII", 12, 4, len(text)) + text + b"\0"
    body = struct.pack("<I4s", 16, b"EVTS") + struct.pack("<3H2x", 6, 8, 4)
    body += struct.pack("<iII", 8, 4, len(x))
    body += b"".join(
        struct.pack("<qhh?3x", *event) for event in zip(t, x, y, (v > 0 for v in p), strict=True)
    )
    packet = struct.pack("<I", len(body)) + body
    head = struct.pack("<I", len(header)) + header
    return b"#!AER-DAT4.0\r\n" + head + struct.pack("<ii", 0, len(packet)) + packet


def evt2_bytes(x, y, t, p, *, side=34):
    """Return a Prophesee file of EVT 2: words of a kind, 6 bits of time, and 11 of x and of y."""
    head = f"% evt 2.0\n% format EVT2;width={side};height={side}\n% end\n".encode()
    words = []
    for column, row, time, sign in zip(x, y, t, p, strict=True):
        words.append(0x8 << 28 | int(time) >> 6)
        words.append(int(sign) << 28 | (int(time) & 63) << 22 | int(column) << 11 | int(row))
    return head + struct.pack(f"<{len(words)}I", *words)


def dat_bytes(x, y, t, p, *, side=34):
    """Return a Prophesee DAT file of version 2: 4 bytes of time, 14 bits of x and y, polarity."""
    head = f"% Version 2\n% Width {side}\n% Height {side}\n".encode() + bytes([12, 8])
    return head + b"".join(
        struct.pack("<II", time, int(sign) << 28 | int(row) << 14 | int(column))
        for column, row, time, sign in zip(x, y, t, p, strict=True)
    )


def write_hdf5(path, arrays):
    """Write arrays, also of fields, by their paths in an HDF5 file."""
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array


def write_cifar10_dvs(folder, rng, *, each=11):
    made = {}
    for name in OBJECTS.split():
        for place in range(each):
            path = folder / name / f"cifar10_{name}_{place}.aedat4"
            path.parent.mkdir(parents=True, exist_ok=True)
            made[path] = events(rng, side=128)
            path.write_bytes(aedat4_bytes(*made[path]))
    return made


def write_shd(folder, rng, *, train=6, test=3):
    """Write shd_train.h5 and shd_test.h5 as published: ragged times and units, labels, extra."""
    made = {}
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", train), ("test", test)):
        path = folder / f"shd_{part}.h5"
        made[path] = [
            (np.sort(rng.random(40)).astype(np.float16), rng.integers(0, 700, 40).astype(np.uint16))
            for _ in range(count)
        ]
        with h5py.File(path, "w") as file:
            for name, kind, column in (("times", np.float16, 0), ("units", np.uint16, 1)):
                ragged = file.create_dataset(f"spikes/{name}", (count,), h5py.vlen_dtype(kind))
                for place, spikes in enumerate(made[path]):
                    ragged[place] = spikes[column]
            file["labels"] = np.arange(count, dtype=np.uint16) % 20
            file["extra/keys"] = np.array([b"zero"] * 20)
            file["extra/speaker"] = np.zeros(count, dtype=np.uint16)
    return made
