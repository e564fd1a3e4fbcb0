"""Small files that ask for gigabytes or minutes are refused, or read, in 10 s and 1 GiB."""

import pytest

from tests.fuzz.bombs import BOMBS
from tests.fuzz.kinds import KINDS
from tests.fuzz.test_readers import MOST_BYTES

READ = ("log of layers", "samples")  # kinds of which a bomb may be sound
SMALL = 52 << 20  # bytes


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_that_asks_for_much_is_refused_in_bounded_time_and_memory(
    name, workplace, rationed
):
    kind = next(kind for kind in KINDS if kind.name == BOMBS[name][0])
    path = kind.make()
    path.write_bytes(BOMBS[name][1](path.read_bytes()))
    assert path.stat().st_size < SMALL
    found = rationed(kind.name, path)
    assert found["code"] in ((0, 1) if kind.name in READ else (1,)), found
    assert found["told"].startswith("error: ") or not found["code"], found
    assert found["bytes"] < MOST_BYTES, found
