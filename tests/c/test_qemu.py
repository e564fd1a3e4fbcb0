"""The network in C gives the same sums on microcontrollers, as far as QEMU emulates them."""

import numpy as np
import pytest

from eideploy.backends.c.emit import emit
from eideploy.backends.c.qemu import MACHINES, run
from tests.c.test_network import integers


@pytest.mark.qemu
@pytest.mark.parametrize("name", MACHINES)
def test_every_stored_sample_gives_its_sums(name, tmp_path):
    emit(integers(), tmp_path)
    counted = run(MACHINES[name], tmp_path)
    assert counted.equal == [True] * 8
    assert min(counted.instructions) > 0
    assert np.ptp(counted.instructions) > 0, "samples differ in how many events they have"
