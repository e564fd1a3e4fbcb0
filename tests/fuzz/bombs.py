"""Small files that ask for much: memory by the gigabyte, or time by the minute.

`BOMBS` gives the kind of file that each is taken for, by its name in `kinds`, and what makes it
from the bytes of a sound one.
"""

import io
import json
import struct
import zipfile
import zlib

import h5py
import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from safetensors.torch import save as save_tensors

from eideploy import files, tables
from eideploy.circuit.store import KIND, VERSION
from tests.data.formats import XML
from tests.fuzz.archives import npy_header
from tests.fuzz.mutations import HUGE

MANY = 1 << 26  # entries, which take 256 MiB as float32

# checkpoints of the published code

CONFIG = {"dataset": "MNIST", "type": "EI-SNN", "arch": "MLP", "T": 4, "ei_ratio": 4}


def saved(state, **config):
    file = io.BytesIO()
    torch.save({"model_state_dict": state, "config": {**CONFIG, **config}}, file)
    return file.getvalue()


def layers(n_e, make):
    """Return the tensors of a network of two layers, each made from its shape."""
    state = {}
    for place, fan_in in ((2, 784), (7, n_e)):
        synapses, norm = f"layers.{place}", f"layers.{place + 1}"
        state[f"{synapses}.weight_ee"] = make(n_e, fan_in)
        state[f"{synapses}.weight_ie"] = make(n_e // 4, fan_in)
        state[f"{norm}.weight_ei"] = make(n_e, n_e // 4)
        state |= {f"{norm}.gain_i": make(n_e // 4)}
        state |= {f"{norm}.{name}": make(n_e) for name in ("gain_e", "bias")}
    return state


def deflated(_):
    """Five storages of 256 MiB of zeros, packed as torch packs none."""
    few = 70_001
    whole = saved({f"x{n}": torch.zeros(few) for n in range(5)})
    whole, out = zipfile.ZipFile(io.BytesIO(whole)), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for name in whole.namelist():
            with packed.open(name, "w") as member:
                if "/data/" in name:
                    for _ in range(MANY * 4 >> 20):
                        member.write(bytes(1 << 20))
                else:
                    sizes = struct.pack("<i", few), struct.pack("<i", MANY)
                    member.write(whole.read(name).replace(*sizes))
    return out.getvalue()


def strideless(_):
    one = torch.ones(1)
    return saved(layers(16_384, lambda *shape: one.expand(shape)))


def shared(_):
    """Two thousand names of one megabyte."""
    whole = torch.zeros(1 << 18)
    return saved({f"x{n}": whole for n in range(2000)})


def overlapping(_):
    """Members that all lie in the same bytes: their list names one place many times."""
    whole = saved({f"x{n}": torch.full((1 << 19,), float(n)) for n in range(3)})
    end = whole.rindex(b"PK\x05\x06")
    (start,) = struct.unpack_from("<I", whole, end + 16)
    listed = []
    at = start
    while at < end:
        size = 46 + sum(struct.unpack_from("<3H", whole, at + 28))
        listed.append(whole[at : at + size])
        at += size
    (one,) = [entry for entry in listed if b"/data/0" in entry]
    copies = [one.replace(b"/data/0", b"/data/" + bytes([65 + n % 26])) for n in range(1500)]
    body = b"".join([*listed, *copies])
    count = struct.pack("<HHI", len(listed) + 1500, len(listed) + 1500, len(body))
    return whole[:start] + body + whole[end : end + 8] + count + whole[end + 16 :]


def wide(_):
    """A layer whose inhibition would have a billion weights, of which the file holds none."""
    return saved(layers(65_536, lambda *shape: torch.zeros(shape[0], 1)))


def wide_tensors(_):
    return save_tensors(layers(65_536, lambda *shape: torch.zeros(shape[0], 1)))


def replaced_pickle(pickle):
    def make(_):
        whole, out = zipfile.ZipFile(io.BytesIO(saved({}))), io.BytesIO()
        with zipfile.ZipFile(out, "w") as new:
            for name in whole.namelist():
                new.writestr(name, pickle if name.endswith("data.pkl") else whole.read(name))
        return out.getvalue()

    return make


CALLED = replaced_pickle(b"\x80\x02c__builtin__\nbytearray\nJ\x00\x00\x00\x70\x85R.")
ENDLESS_KEY = replaced_pickle(b"\x80\x02})" + b"q\x00h\x00\x86" * 60 + b"K\x01s.")
FAR_MEMO = replaced_pickle(b"\x80\x02}r\xff\xff\xff\x7f.")
MANY_TABLES = replaced_pickle(b"\x80\x02(" + b"}" * (2 << 20) + b"l.")


def endless_text(_):
    """A text of a setting that is a pair, nested in itself 60 times."""
    pair = ("EI-SNN",)
    for _ in range(60):
        pair = (pair, pair)
    return saved({}, type=pair)


# JSON, TOML and CSV

TABLES = '{"":{"":{"":1}}}'


def tables_of(size):
    """Return JSON of nested tables, the form of text that takes most memory."""
    return '{"a": [' + ",".join([TABLES] * (size // (len(TABLES) + 1) - 1)) + "]}"


def most_json(_):
    return tables_of(files.MOST_JSON).encode()


def more_json(_):
    return tables_of(48 << 20).encode()


def marked(size):
    """Return safetensors with so many bytes of JSON in what they say of themselves."""

    def make(_):
        inner = f'{{"kind": "{KIND}", "version": {VERSION}, "content": {tables_of(size)}}}'
        text = json.dumps({"__metadata__": {"eideploy": inner}}).encode()
        return struct.pack("<Q", len(text)) + text

    return make


def dotted(part):
    return lambda _: part * (tables.MOST_TOML // len(part) - 1) + b"a=1"


def unknown_keys(_):
    line = "a{}=1\n"
    return (
        "version = 1\n" + "".join(line.format(n) for n in range(tables.MOST_TOML // 9))
    ).encode()


def widths(entries):
    return lambda _: f"[network]\nwidths = [{entries}]\n".encode()


def rows_of_nothing(_):
    return b"a\n" + b"1\n" * (16 << 20)


def rows(data):
    head, row, *_ = data.splitlines(keepends=True)
    return head + row * ((48 << 20) // len(row))


# HDF5


def tree(data, change):
    file = io.BytesIO(data)
    with h5py.File(file, "r+") as whole:
        found = change(whole)
    return file.getvalue(), found


def inflating(name):
    """A chunk of 128 bytes, of which two gigabytes are stored."""

    def make(data):
        packer = zlib.compressobj(1)
        packed = b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(2048)), packer.flush()])

        def change(file):
            if name in file:
                del file[name]
            array = file.create_dataset(name, (16,), np.float64, chunks=(16,), compression="gzip")
            array.id.write_direct_chunk((0,), packed)

        return tree(data, change)[0]

    return make


def long_texts(data):
    """Texts of two gigabytes each by what their places say."""

    def change(file):
        array = file["node"].create_dataset("texts", (64,), h5py.string_dtype(), chunks=(64,))
        array[:] = ["x"] * 64
        return array.id.get_chunk_info(0).byte_offset

    made, at = tree(data, change)
    made = bytearray(made)
    for place in range(at, at + 64 * 16, 16):
        made[place : place + 4] = struct.pack("<I", 2**31 - 8)
    return bytes(made)


def one_text_often(data):
    """A text of 60,000 letters in 50,000 places."""
    count = 50_000

    def change(file):
        one = file["node"].create_dataset("one", (1,), h5py.string_dtype())
        one[0] = "x" * 60_000
        many = file["node"].create_dataset("many", (count,), h5py.string_dtype())
        many[:] = ["y"] * count
        return one.id.get_offset(), many.id.get_offset()

    made, (one, many) = tree(data, change)
    made = bytearray(made)
    made[many : many + 16 * count] = made[one : one + 16] * count
    return bytes(made)


def never_written(data):
    def change(file):
        file["node"].create_dataset("w", (HUGE,), np.float64, chunks=(1024,))

    return tree(data, change)[0]


def said(data):
    """Metadata whose JSON takes most memory."""

    def change(file):
        del file["node/metadata/circuit"]
        file["node/metadata/circuit"] = tables_of(30 << 20)

    return tree(data, change)[0]


# ONNX


def onnx_of(make):
    """Return a model of the inputs and outputs of a sound one, with other work between them."""

    def change(data):
        model = onnx.load_model_from_string(data)
        given, wanted = model.graph.input[0], model.graph.output[0]
        nodes, arrays = make(given.name, wanted.name)
        graph = helper.make_graph(nodes, "graph", [given], [wanted], arrays)
        made = helper.make_model(graph, opset_imports=model.opset_import)
        made.ir_version = model.ir_version
        return made.SerializeToString()

    return change


def filled(given, wanted):
    size = numpy_helper.from_array(np.array([1 << 29]), "size")
    return [
        helper.make_node("ConstantOfShape", ["size"], ["filled"]),
        helper.make_node("ReduceSum", ["filled"], ["sum"]),
        helper.make_node("Flatten", [given], ["flat"]),
        helper.make_node("Mul", ["flat", "sum"], [wanted]),
    ], [size]


# recordings and images


def aedat4(packing, packet):
    """Return an AEDAT 4 file of one packet, packed by that method."""
    text = XML.encode()
    header = struct.pack("<I4s5H2xiIiI", 20, b"IOHE", 10, 12, 8, 0, 4, 12, 8, packing, len(text))
    header += text + b"\0"
    head = b"#!AER-DAT4.0\r\n" + struct.pack("<I", len(header)) + header
    return head + struct.pack("<ii", 0, len(packet)) + packet


def zstd(_):
    """16,000 blocks of one byte 131,072 times."""
    blocks = [
        struct.pack("<I", (n == 15_999) | 1 << 1 | 128 << 13)[:3] + b"\0" for n in range(16_000)
    ]
    return aedat4(3, struct.pack("<I", 0xFD2FB528) + b"\x00\x38" + b"".join(blocks))


def lz4(_):
    """400 blocks of 4 MiB, each one byte and a match with it."""
    length = (4 << 20) - 110
    block = b"\x1f\0\1\0" + b"\xff" * (length // 255) + bytes([length % 255]) + b"\x50" + bytes(5)
    blocks = (struct.pack("<I", len(block)) + block) * 400
    return aedat4(1, struct.pack("<I3B", 0x184D2204, 0x60, 0x70, 0x73) + blocks + bytes(4))


def large_image(data):
    """A JPEG image whose header says 65,500 x 65,500."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", 65_500, 65_500) + data[at + 4 :]


BOMBS = {
    "a checkpoint, deflated": ("published .pth", deflated),
    "tensors without strides": ("published .pth", strideless),
    "many tensors in one storage": ("published .pth", shared),
    "members in the same place": ("published .pth", overlapping),
    "wide layers of small tensors": ("published .pth", wide),
    "wide layers of small safetensors": ("published .safetensors", wide_tensors),
    "a pickle that calls bytearray": ("published .pth", CALLED),
    "a pickle of an endless key": ("published .pth", ENDLESS_KEY),
    "a pickle of a far memo": ("published .pth", FAR_MEMO),
    "a pickle of two million tables": ("published .pth", MANY_TABLES),
    "an endless setting": ("published .pth", endless_text),
    "nested JSON": ("published config", most_json),
    "nested JSON, and too much": ("run manifest", more_json),
    "nested JSON of a board": ("defect map", most_json),
    "nested JSON in a circuit": ("calibrated circuit", marked(files.MOST_JSON - 1000)),
    "nested JSON in a checkpoint, and too much": ("checkpoint", marked(24 << 20)),
    "a dotted key": ("config.toml", dotted(b"a.")),
    "a dotted key of texts": ("scheme", dotted(b'"\\"" . ')),
    "an inline dotted key": ("target", lambda data: b"a = {" + dotted(b"'' .\t")(data) + b"}"),
    "long keys": ("board", lambda _: (b"a" * 4000 + b"\n") * 64),
    "open texts": ("config.toml", lambda _: b'a = "' + b'\\"' * 100_000),
    "two thousand unknown keys": ("target", unknown_keys),
    "a million widths": ("config.toml", widths("8," * 500_000 + "8")),
    "rows of nothing": ("log of epochs", rows_of_nothing),
    "many rows": ("log of layers", rows),
    "a chunk that inflates": ("NIR of another tool", inflating("node/w")),
    "labels that inflate": ("SHD", inflating("labels")),
    "long texts": ("NIR", long_texts),
    "one text often": ("NIR", one_text_often),
    "an array never written": ("NIR of a chip", never_written),
    "metadata of nested JSON": ("NIR", said),
    "an array by its size": ("ONNX", onnx_of(filled)),
    "zstd": ("CIFAR10-DVS", zstd),
    "LZ4": ("CIFAR10-DVS", lz4),
    "a large image": ("TinyImageNet image", large_image),
    "samples of no numbers": ("samples", lambda _: npy_header("<f4", f"({HUGE}, 0, 8, 8)")),
}
