"""Which layers are folded on a board: by what its own core takes."""

import numpy as np
import pytest

from eideploy.backends.digital.board.form import sized_in_form
from eideploy.backends.digital.board.size import roomy
from eideploy.divisions import lut
from eideploy.execute.observe import observe
from eideploy.recipe import Recipe
from eideploy.scheme import load_scheme
from eideploy.target import load_target
from tests.helpers.float_circuits import conv_net, mlp


@pytest.mark.parametrize("make", [mlp, conv_net])
def test_auto_takes_no_more_cycles_than_factored_on_the_core_of_a_board(make):
    rng = np.random.default_rng(5)
    circuit = make(rng)
    samples = rng.random((4, *circuit.input.size))
    ranges = observe(circuit, samples)
    target = roomy(load_target("ulx3s-25f"))

    def of(form):
        recipe = Recipe(
            scheme=load_scheme("int8"),
            divider=lut(8, 8),
            zero_policy="minimum",
            inhibition=form,
        )
        return sized_in_form(circuit, recipe, target, ranges=ranges, samples=samples, lanes=4)

    auto, decision = of("auto")
    factored, _ = of("factored")
    assert factored.program.target.core.inhibitory_lanes
    assert auto.cycles <= factored.cycles
    folded = {stage.name for stage in auto.program.stages if stage.is_folded}
    assert folded == set(decision.folded)
