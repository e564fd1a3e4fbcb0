"""Every core that a spec may ask for is one that the tools take, and computes what it should."""

import subprocess
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from eideploy.backends.digital.bundle import sources, write_core
from eideploy.backends.digital.parameters import DIVIDERS, Edges, General, misfits
from eideploy.backends.digital.rtl.bench import in_icarus
from eideploy.numeric.fixed import top
from eideploy.target import Memory, Widths
from tests.helpers.random_circuits import circuits
from tests.rtl.directed import every_bound
from tests.rtl.support import agree_on, bounds_of, compared, placed, shape, tight

GENERATED = {"phases": [Phase.explicit, Phase.generate], "suppress_health_check": list(HealthCheck)}


def drawn(draw, kind, most=1 << 24):
    """Return every field of a part of the spec within its bounds, often at an end of them."""
    values = {}
    for name, (low, highest) in bounds_of(kind).items():
        high = min(highest, most)
        values[name] = draw(
            st.one_of(st.sampled_from([low, high]), st.integers(low, high)), label=name
        )
    return values


def generals():
    """Draw what a core's general neurons have."""
    factor, flag = st.integers(1, 12), st.booleans()
    return st.builds(
        General,
        leak_bits=factor,
        synapse_bits=st.just(0) | factor,
        spike_bits=st.sampled_from([1, 2, 8]),
        **dict.fromkeys(("late", "above", "keeps", "rest", "lowest"), flag),
    )


@st.composite
def cores(draw):
    """Draw a core that a spec may ask for and the SystemVerilog can be."""
    method = draw(st.sampled_from(list(DIVIDERS)), label="method")
    update_lanes = draw(st.sampled_from([1, 2, 8]), label="update lanes")
    lanes = update_lanes * draw(st.sampled_from([2, 1, 4]), label="lanes, of update lanes")
    later = draw(st.sampled_from([0, 1, 300]), label="later")
    core = shape(
        method,
        lanes=max(2, lanes),
        update_lanes=update_lanes,
        beside=draw(st.sampled_from([0, 1, 2, 8]), label="inhibitory lanes"),
        pipelined=draw(st.booleans(), label="pipelined"),
        later=later,
        **drawn(draw, Widths),
    )
    table_bits, entry_bits = (1, 1)
    if method == "lut":
        table_bits, entry_bits = (draw(st.integers(low, low + 15)) for low in (1, 2))
    memory = Memory(**drawn(draw, Memory, draw(st.sampled_from([3, 1 << 24]), label="deepest")))
    memory = replace(memory, table_entries=max(memory.table_entries, 1 << table_bits))
    return replace(
        core,
        target=replace(core.target, memory=memory),
        table_bits=table_bits,
        entry_bits=entry_bits,
        general=draw(st.none() | generals()),
        edges=draw(st.sampled_from([Edges(), Edges(late=True), Edges(late=True, banks=True)])),
    )


def make(folder, *command):
    said = subprocess.run(["make", *command], cwd=folder, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr


def lint_is_clean(folder, count):
    """Check random cores, and those whose accumulator or divisor is narrower than a product."""

    @settings(max_examples=count, **GENERATED)
    @given(core=cores())
    @example(core=shape("lut", accumulator=24))
    @example(core=shape("lut", divisor=24))
    def check(core):
        assert misfits(core) == []
        write_core(core, folder)
        make(folder, "lint")

    check()


@pytest.mark.rtl
def test_every_width_that_a_spec_may_have_is_built_without_a_warning(tmp_path):
    lint_is_clean(tmp_path, 25)


@pytest.mark.rtl_full
def test_every_width_that_a_spec_may_have_is_built_without_a_warning_at_length(tmp_path):
    lint_is_clean(tmp_path, 600)


@pytest.mark.rtl
@pytest.mark.parametrize("end", ["low", "high"])
def test_the_testbench_takes_ports_of_any_width(end, tmp_path):
    """It is compiled against what Verilator makes of the ports: integers, or arrays of words."""
    widths = {
        name: {"low": low, "high": high}[end] for name, (low, high) in bounds_of(Widths).items()
    }
    lanes = {"low": 2, "high": 64}[end]
    write_core(shape("shift", lanes=lanes, update_lanes=lanes // 2, **widths), tmp_path)
    run = partial(subprocess.run, cwd=tmp_path, capture_output=True, text=True, check=True)
    core = [f"rtl/{path.name}" for path in sources(tmp_path / "rtl")]
    run(
        [
            "verilator",
            "--cc",
            "--top-module",
            "eideploy_core",
            "--prefix",
            "Vcore",
            "--Mdir",
            "obj",
            *core,
        ]
    )
    place = run(["verilator", "--getenv", "VERILATOR_ROOT"]).stdout.strip()
    headers = [f"-I{folder}" for folder in ("obj", "tb", f"{place}/include")]
    run(["g++", "-fsyntax-only", "-Wall", "-Werror", *headers, "tb/testbench.cpp"])


def least_cores_are_right(folder, count):
    """Run random networks on the cores that have no bit and no row more than they take."""
    lanes = st.sampled_from([(2, 1), (2, 2), (4, 1), (4, 2), (8, 4)])
    faster = st.fixed_dictionaries(
        {"beside": st.sampled_from([0, 1, 2]), "pipelined": st.booleans()}
    )

    @st.composite
    def networks(draw):
        method = draw(st.sampled_from(list(DIVIDERS)), label="method")
        circuit = draw(circuits(method=method), label="circuit")
        p, at_once = draw(lanes, label="lanes")
        return circuit, tight(circuit, method, lanes=p, update_lanes=at_once, **draw(faster))

    assert agree_on(networks(), folder, examples=count, run=in_icarus) == count


@pytest.mark.icarus
def test_the_least_core_of_a_network_computes_what_any_other_does(tmp_path):
    least_cores_are_right(tmp_path, 12)


@pytest.mark.rtl_full
@pytest.mark.icarus
def test_the_least_core_of_a_network_computes_what_any_other_does_at_length(tmp_path):
    least_cores_are_right(tmp_path, 300)


@pytest.mark.icarus
@pytest.mark.parametrize("faster", [{}, {"beside": 1, "pipelined": True}], ids=["", "faster"])
@pytest.mark.parametrize("method", DIVIDERS)
def test_every_proven_bound_is_kept_at_its_very_end(method, faster, tmp_path):
    circuit, x = every_bound(method)
    core = tight(circuit, method, **faster)
    widths = core.target.widths
    found, _, expected = compared(placed(circuit, core), core, tmp_path, x, run=in_icarus)
    assert found.total == 0, found
    for node in circuit.layers:
        num = numerators(node, expected.inputs[node.name])
        assert (num.min(), num.max()) == (-1 << widths.accumulator - 1, top(widths.accumulator))
    for sums in expected.inhibition.values():
        assert sums.max() == (1 << widths.inhibition) - 1
    for divisors in expected.divisors.values():
        assert divisors.max() == (1 << widths.divisor) - 1


def numerators(node, x):
    """Return NUM (T, B, n_E) of a fully connected layer that reads x (T, B, n_in)."""
    w = node.projection
    if node.is_folded:
        return x @ w.w_num.T
    return (x @ w.w_ee.T << w.shift) - x @ w.w_ie.T @ w.w_ei.T
