"""Which core a board gets, and which layers are folded on it."""

from dataclasses import replace

import numpy as np
import pytest

from eideploy.backends.digital.board import form
from eideploy.backends.digital.board.form import sized_in_form
from eideploy.backends.digital.board.size import cores, roomy
from eideploy.divisions import lut
from eideploy.errors import CapacityError, UsageError
from eideploy.execute.observe import observe
from eideploy.recipe import Recipe
from eideploy.scheme import load_scheme
from eideploy.target import load_target, spec_of
from tests.helpers.float_circuits import conv_net, mlp

LANES = 4


def sizing(make):
    """Return what sizes a core to a network on ulx3s-25f: of a form, and other options."""
    rng = np.random.default_rng(5)
    circuit = make(rng)
    samples = rng.random((4, *circuit.input.size))
    ranges, board = observe(circuit, samples), roomy(load_target("ulx3s-25f"))

    def of(inhibition, *, target=board, **options):
        recipe = Recipe(
            scheme=load_scheme("int8"), divider=lut(8, 8), zero_policy="minimum",
            inhibition=inhibition,
        )  # fmt: skip
        how = {"ranges": ranges, "samples": samples, "lanes": LANES} | options
        return sized_in_form(circuit, recipe, target, **how)

    return of, board, samples


@pytest.mark.parametrize("make", [mlp, conv_net])
def test_auto_takes_no_more_cycles_than_either_form_on_the_core_of_a_board(make):
    of, _, _ = sizing(make)
    auto, decision = of("auto")
    factored, folded = of("factored")[0], of("folded")[0]
    assert factored.program.target.core.inhibitory_lanes
    assert auto.cycles <= min(factored.cycles, folded.cycles)
    own = {stage.name for stage in auto.program.stages if stage.is_folded}
    assert own == set(decision.folded)


def test_auto_takes_the_smallest_core_of_any_form_that_meets_a_latency():
    of, target, samples = sizing(conv_net)
    both = [of(inhibition)[0] for inhibition in ("factored", "folded")]
    slowest = max(one.milliseconds for one in both)
    auto, _ = of("auto", latency_ms=slowest)
    every = [
        core
        for one in (*both, of("auto")[0])
        for core in cores(one.program.circuit, target, samples, LANES)
        if core.milliseconds <= slowest
    ]
    assert auto.milliseconds <= slowest
    assert auto.needs.lookup_tables == min(core.needs.lookup_tables for core in every)


@pytest.mark.parametrize("only", ["factored", "folded"])
def test_auto_fits_where_either_form_does(only, monkeypatch):
    of, target, _ = sizing(conv_net)
    other = "folded" if only == "factored" else "factored"
    monkeypatch.setattr(
        form, "cores",
        lambda circuit, target, *rest: (
            replace(core, needs=core.needs if is_of(only, circuit) else huge(core.needs))
            for core in cores(circuit, target, *rest)
        ),
    )  # fmt: skip
    found, decision = of("auto", target=target)
    assert is_of(only, found.program.circuit)
    assert len(decision.folded) == (len(found.program.circuit.layers) if only == "folded" else 0)
    with pytest.raises(CapacityError, match="does not fit ulx3s-25f"):
        of(other, target=target)


def is_of(inhibition, circuit):
    return {layer.is_folded for layer in circuit.layers} == {inhibition == "folded"}


def huge(needs):
    return replace(needs, lookup_tables=10**9)


def test_a_core_is_sized_once_to_every_form(monkeypatch):
    of, _, _ = sizing(mlp)
    sized = []
    monkeypatch.setattr(
        form, "cores", lambda circuit, *rest: sized.append(circuit) or cores(circuit, *rest)
    )
    of("auto")
    assert len(sized) == len({tuple(n.is_folded for n in circuit.layers) for circuit in sized})


@pytest.mark.parametrize(("says", "still", "once"), [
    (None, True, True), (None, False, False), (False, True, False), (True, True, True),
])  # fmt: skip
def test_a_core_takes_a_sample_once_as_its_spec_says_else_as_the_samples_are(says, still, once):
    of, board, x = sizing(mlp)
    target = replace(board, core=replace(board.core, static_input=says))
    samples = x if still else np.repeat(x[:, None], 3, axis=1)
    assert of("factored", target=target, samples=samples)[0].program.is_static is once


def test_a_core_that_takes_a_sample_once_refuses_sequences():
    of, board, x = sizing(mlp)
    target = replace(board, core=replace(board.core, static_input=True))
    moving = np.stack([x, x, 0 * x], axis=1)
    with pytest.raises(UsageError, match="takes a sample once") as refused:
        of("factored", target=target, samples=moving)
    assert "say static_input = false" in refused.value.fix


def test_the_spec_of_a_board_may_say_one_key_of_the_core(tmp_path):
    spec = spec_of("ulx3s-25f").read_text()
    for said, expected in (("", None), ("[core]\nstatic_input = false\n\n", False)):
        own = tmp_path / "own.toml"
        own.write_text(spec.replace("[board]\n", f"{said}[board]\n"))
        core = load_target(str(own)).core
        assert core.static_input is expected
        assert replace(core, static_input=None) == load_target("ulx3s-25f").core
