"""What a patch does, by a simulator that shares no code with the one of this tool."""

import ast
import shutil
from pathlib import Path

import numpy as np
import pytest

from eideploy import native
from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.dpi import classify
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.backends.dynapse2.patch import PATCH, write_patch
from tests.backends.dynapse2 import independent
from tests.backends.dynapse2.networks import SPEC
from tests.backends.dynapse2.small import images as small_images
from tests.backends.dynapse2.small import small_network


def test_it_shares_no_code_with_the_tool():
    tree = ast.parse(Path(independent.__file__).read_text(encoding="utf-8"))
    names = {n.name for node in ast.walk(tree) if isinstance(node, ast.Import) for n in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in names if name.startswith(("eideploy", "tests"))]


@pytest.mark.skipif(native.compiler() is None, reason="numpy alone takes minutes")
def test_it_counts_the_spikes_that_the_simulator_counts(tmp_path):
    network, images = small_network(), small_images(3)
    configuration = map_network(network, SPEC).configuration
    (tmp_path / "dynapse2").mkdir()
    write_patch(configuration, SPEC, tmp_path / "dynapse2" / PATCH)
    shutil.copyfile(SPEC.source, tmp_path / "target.toml")
    theirs = classify.show(decode(configuration, SPEC), images, network.coding)
    total, output = independent.counts(tmp_path, images)
    assert np.array_equal(output, configuration.neurons.output_class)
    assert total.sum() > 200
    # steps of 20 us against 0.1 ms: a spike more or less where one falls near the end
    assert np.abs(total - theirs.counts).sum() < 0.03 * total.sum()
    assert np.array_equal(independent.decided(tmp_path, images), theirs.decided)
