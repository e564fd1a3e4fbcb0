"""Files of torch.save, read as data: the same numbers as torch reads, and nothing else."""

import pickle
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import pytest
import torch

from eideploy.errors import FormatError
from eideploy.model.pickles import read_pickle
from eideploy.model.pth import number, read_pth


def drawn(*shape):
    return torch.from_numpy(np.random.default_rng(0).random(shape, dtype=np.float32))


KINDS = (
    torch.float64, torch.float32, torch.float16, torch.bfloat16,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
)  # fmt: skip
WHOLE = drawn(4, 6, 3, 3)
TENSORS = {
    **{f"{kind}": (drawn(3, 4) * 100).to(kind) for kind in KINDS},
    "scalar": torch.tensor(3.0),
    "empty": torch.zeros(0, 3),
    "parameter": torch.nn.Parameter(drawn(5)),
    "channels last": drawn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "transposed": drawn(3, 7).T,
    "a part": WHOLE[1:3, ::2],
    "another part": WHOLE[3],
}


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_tensors_are_read_as_they_were_saved(tmp_path, protocol):
    path = tmp_path / "t.pth"
    content = {"state": OrderedDict(TENSORS), "names": ["a", ("b", 1)], "more": {1: None, "x": 2.5}}
    torch.save(content, path, pickle_protocol=protocol)
    found, tensors = read_pth(path, tensors="state")
    assert (found["names"], found["more"]) == (content["names"], content["more"])
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize(
    "value", [3, 2.5, np.float64(0.87), np.float32(0.5), np.int64(7), np.int32(-7)], ids=repr
)
def test_a_number_is_read_whichever_library_kept_it(tmp_path, protocol, value):
    path = tmp_path / "t.pth"
    torch.save({"state": {}, "best": value}, path, pickle_protocol=protocol)
    assert number(read_pth(path, tensors="state")[0]["best"]) == value


@pytest.mark.parametrize(
    "value", [None, "1", [1], np.float64("nan"), float("inf"), 10**400, np.arange(2), Counter("a")],
    ids=repr,
)  # fmt: skip
def test_what_is_no_finite_number_is_none(tmp_path, value):
    path = tmp_path / "t.pth"
    torch.save({"state": {}, "best": value}, path)
    assert number(read_pth(path, tensors="state")[0]["best"]) is None


def refused(path):
    with pytest.raises(FormatError) as caught:
        read_pth(path, tensors="state")
    return caught.value.what.removeprefix("the file is damaged or holds more than data: ")


def changed(path, change):
    """Write every member of an archive anew as `change` gives it: its bytes, or None."""
    with zipfile.ZipFile(path) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, data in members.items():
            if (kept := change(name, data)) is not None:
                new.writestr(name, kept)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "t.pth"
    torch.save({"state": {"x": drawn(70_001)}}, path)
    return path


def test_a_storage_that_is_cut_or_missing_is_refused(saved):
    changed(saved, lambda name, data: data[:-4] if "/data/" in name else data)
    assert refused(saved) == "its x is of 280004 bytes that are not all there"
    filler = {"t/version": bytes(1 << 20)}
    changed(saved, lambda name, data: None if "/data/" in name else filler.get(name, data))
    assert refused(saved) == "it holds no t/data/0"


def test_a_tensor_beyond_its_storage_is_refused(saved):
    sizes = (70_001).to_bytes(4, "little"), (70_000).to_bytes(4, "little")
    changed(saved, lambda _, data: data.replace(*sizes, 1))  # of the storage alone
    changed(saved, lambda name, data: data[:-4] if "/data/" in name else data)
    assert "out of bounds" in refused(saved)


def test_numbers_of_another_byte_order_are_refused(saved):
    changed(saved, lambda name, data: b"big" if "byteorder" in name else data)
    assert refused(saved) == "its numbers are not little-endian"


def test_the_form_before_archives_is_refused_with_what_reads_it(tmp_path):
    path = tmp_path / "t.pth"
    torch.save({"state": {}}, path, _use_new_zipfile_serialization=False)
    assert refused(path) == "it is no whole archive as torch 1.6 and later write"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (pickle.dumps({1, 2}), "has a EMPTY_SET"),
        (pickle.dumps(print), "names builtins.print, which is not data"),
        (pickle.dumps({(1, 2): 3}), "has a tuple as the key of a dictionary"),
        (pickle.dumps([1])[:-1], "pickle exhausted before seeing STOP"),
        (b"\x80\x02}a.", "damaged: IndexError"),
        (b"\x80\x02K\x01K\x02a.", "appends to something that is not a list"),
        (b"\x80\x02K\x01u.", "has no mark"),
        (b"\x80\x02h\x05.", "damaged: KeyError 5"),
        (b"\x80\x02K\x01)R.", "calls something that is not a name"),
        (b"\x80\x02" + b"0" * (2 << 20) + b".", "has 2097155 bytes, more than"),
    ],
)
def test_a_pickle_of_more_than_data_is_refused(data, what):
    with pytest.raises(ValueError, match=what):
        read_pickle(data, known=())


def test_a_pickle_of_data_is_read_as_it_was():
    shared = ["x"]
    scalars = [1, -5, 300, 70_000, 2**40, 2**70, 1.5, None, True, False, b"12", "ü" * 300]
    pairs = ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4))
    content = {"a": scalars, 7: pairs, "b": shared, "c": shared, "e": {}}
    for protocol in (2, 3, 4, 5):
        found = read_pickle(pickle.dumps(content, protocol), known=("_codecs.encode",))
        if protocol > 2:  # which keeps bytes as a call
            assert found == content
        assert found["b"] is found["c"]
