"""A network in C computes what the simulator computes, at every step, and warns of nothing."""

import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eideploy.backends.c.constants import Packed
from eideploy.backends.c.emit import emit, network_files
from eideploy.backends.c.executor import STRICT, Compiled, compiler
from eideploy.backends.c.network import Network
from eideploy.backends.c.plan import BY_EVENTS, Plan, Way, may_be_dense, may_be_kept
from eideploy.backends.c.syntax import text_literal
from eideploy.circuit import Add, IntegerIntegrator, Neurons
from eideploy.divisions import constant, exact, lut, mitchell, none, pwl, shift, shift2
from eideploy.errors import CapacityError
from eideploy.execute import definition
from eideploy.execute.integer import run_integer
from eideploy.execute.trace import KEEP_ALL, Trace
from eideploy.neurons import Array, IntegerGeneralLIF, IntegerNeuron
from tests.execute.test_steps import compiled, given_samples, recurrent
from tests.helpers.layers import circuit as of_nodes
from tests.helpers.layers import ints, lif, linear, readout, source
from tests.helpers.random_circuits import circuits, general, looped, samples

# Undefined behaviour, as a shift beyond the width or a signed sum that wraps, ends the program.
CHECKED = ("-O0", "-fsanitize=undefined", "-fno-sanitize-recover")
METHODS = (exact(), lut(3, 4), pwl(2, 6), shift(), shift2(), mitchell(), constant(), none())


def assert_same(circuit, x, folder, flags=CHECKED, expected=None, plan=BY_EVENTS):
    """Compile a circuit; every membrane, spike and sum at every step is the simulator's."""
    expected = expected or run_integer(circuit, x, keep=KEEP_ALL)
    watched = Compiled(Network(circuit, plan), folder, flags).watched(x)
    np.testing.assert_array_equal(watched.totals, expected.totals)
    for what in ("membranes", "spikes"):
        by_node = getattr(watched, what)
        assert by_node.keys() == getattr(expected, what).keys()
        for name, array in by_node.items():
            np.testing.assert_array_equal(
                array.swapaxes(0, 1), getattr(expected, what)[name], err_msg=f"{what} of {name}"
            )


def by_definition(circuit, x):
    """Return what the definition does with samples (B, ...) or (B, T, ...), as a trace has it."""
    ran = {node.name: [] for node in circuit.of(Neurons)}
    spikes, sums = {name: [] for name in ran}, []
    for sample in x:
        state, moments = definition.init(circuit), []
        still = sample.shape == circuit.input.size
        for t in range(circuit.steps):
            state, moment = definition.step(circuit, state, sample if still else sample[t])
            moments.append(moment)
            for name in ran:
                ran[name].append(state.membranes[name].astype(np.int64))
                spikes[name].append(moment.outputs[name].astype(np.int64))
        sums.append(definition.totals(circuit, moments).astype(np.int64))

    def over_time(by_node):
        rows = {name: np.array(steps) for name, steps in by_node.items()}
        shape = len(x), circuit.steps
        return {name: a.reshape(*shape, *a.shape[1:]).swapaxes(0, 1) for name, a in rows.items()}

    totals = np.array(sums)
    return Trace(logits=totals, totals=totals, membranes=over_time(ran), spikes=over_time(spikes))


@st.composite
def plans(draw, circuit):
    """Return a plan that computes some of the layers otherwise than by events."""
    names = [layer.name for layer in circuit.layers]
    dense, kept = (set(those(circuit)) & draw(st.sets(st.sampled_from(names)))
                   for those in (may_be_dense, may_be_kept))  # fmt: skip
    return Plan(ways={name: Way(dense=name in dense, kept=name in kept) for name in names})


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), circuit=circuits())
def test_any_circuit_is_the_same_in_c(data, circuit, tmp_path):
    """Compared with the definition itself, which the simulator equals, by any plan."""
    x, plan = data.draw(samples(circuit), label="samples"), data.draw(plans(circuit), label="plan")
    assert_same(circuit, x, tmp_path, expected=by_definition(circuit, x), plan=plan)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), circuit=circuits())
def test_all_that_may_be_dense_and_kept_is_the_same_in_c(data, circuit, tmp_path):
    x = data.draw(samples(circuit), label="samples")
    assert_same(circuit, x, tmp_path, plan=everything(circuit))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), circuit=looped(neurons=general))
def test_general_neurons_are_the_same_in_c(data, circuit, tmp_path):
    assert_same(circuit, data.draw(samples(circuit), label="samples"), tmp_path)


@pytest.mark.parametrize(
    ("bits", "spikes"), [(31, 255), (32, 1), (32, 255)], ids=lambda number: str(number)
)
def test_membranes_of_all_32_bits_are_the_same_in_c(bits, spikes, tmp_path):
    """What a reset subtracts from is wide, what it leaves is not."""
    rng = np.random.default_rng(0)
    most = (1 << (bits - 1)) - 1
    model = IntegerGeneralLIF(
        threshold=rng.integers(1, most, 6) if spikes == 1 else rng.integers(most // 300, most, 6),
        leak=rng.integers(0, 1 << 12, 6),
        leak_fraction=12,
        membrane_bits=bits,
        max_spikes=spikes,
    )
    highest, shapes = (255, 3, 3), ((6, 5), (3, 5), (6, 3))  # more excitation than inhibition
    weights = [rng.integers(0, n, shape) for n, shape in zip(highest, shapes, strict=True)]
    layer = linear("layer", "input", *weights, fraction=25, current_bits=31)
    end = readout("lif", [[1] * 6], [[1] * 6], [[1]])
    neurons = Neurons(name="lif", inputs=("layer",), model=model)
    circuit = of_nodes(source((5,), top=7), layer, neurons, end, steps=20)
    x = rng.random((3, 5)) * 7
    assert run_integer(circuit, x, keep=KEEP_ALL).spikes["lif"].any()
    assert_same(circuit, x, tmp_path)


@pytest.mark.parametrize("divider", METHODS, ids=lambda divider: divider.method)
def test_every_division_is_the_same_in_c(divider, tmp_path):
    @settings(max_examples=2, suppress_health_check=list(HealthCheck))
    @given(data=st.data(), circuit=circuits(method=divider.method))
    def check(data, circuit):
        assert_same(circuit, data.draw(samples(circuit), label="samples"), tmp_path)

    check()


def test_a_recurrent_network_is_the_same_in_c(tmp_path):
    rng = np.random.default_rng(0)
    circuit = recurrent(rng)
    x = given_samples(rng, circuit)
    assert_same(compiled(circuit, x), x, tmp_path)


@pytest.mark.parametrize("flags", [("-O3",), ("-Os", "-fsanitize=address")], ids=" ".join)
def test_neither_optimising_nor_watching_addresses_changes_anything(flags, tmp_path):
    rng = np.random.default_rng(1)
    circuit = recurrent(rng)
    x = given_samples(rng, circuit)
    assert_same(compiled(circuit, x), x, tmp_path, flags)


def test_the_files_alone_are_a_self_test(tmp_path):
    """As the README says: cc *.c, and the program compares."""
    circuit = integers()
    emit(Network(circuit), tmp_path)
    sources = sorted(map(str, tmp_path.glob("*.c")))
    program = tmp_path / "program"
    subprocess.run([compiler(), *sources, "-o", str(program)], check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    assert done.stdout == "8 of 8 equal\n"


def test_names_of_classes_are_those_of_the_header(tmp_path):
    circuit = integers()
    classes = circuit.shapes[circuit.output.name][0]
    names = ["T-shirt", 'say "a\\b"??/', "Stra\u00dfe", *(str(n) for n in range(3, classes))]
    emit(Network(circuit), tmp_path, names=names)
    (tmp_path / "names.c").write_text(
        '#include <stdio.h>\n#include "net.h"\nint main(void) {\n'
        "static const char *const names[NET_CLASSES] = NET_CLASS_NAMES;\n"
        'for (int n = 0; n < NET_CLASSES; ++n) { printf("%s\\n", names[n]); }\nreturn 0; }\n',
        "ascii",
    )
    program = tmp_path / "names"
    flags = [*STRICT, str(tmp_path / "names.c"), "-o", str(program)]
    subprocess.run([compiler(), *flags], check=True)
    said = subprocess.run([program], capture_output=True, check=True).stdout
    assert said.decode().splitlines() == names


def test_a_name_that_is_no_text_is_written_all_the_same():
    assert text_literal("\udcff.png") == '"\\077.png"'


def test_the_self_test_of_a_network_that_keeps_currents_lets_samples_stay(tmp_path):
    circuit = integers()
    emit(Network(circuit, everything(circuit)), tmp_path)
    assert "#define TEST_STEPS 1 " in (tmp_path / "test_vectors.h").read_text("ascii")
    done = subprocess.run(
        ["make", "-C", str(tmp_path), "test"], capture_output=True, text=True, check=True
    )
    assert "8 of 8 equal" in done.stdout


def test_the_self_test_fails_where_a_weight_is_another(tmp_path):
    emit(Network(integers()), tmp_path)
    path = tmp_path / "net.c"
    text = path.read_text("ascii")
    changed = re.sub(r"(_data\[\d+\] = \{\s+)(\d+)", lambda m: f"{m[1]}{int(m[2]) ^ 255}", text)
    assert changed != text
    path.write_text(changed, "ascii")
    done = subprocess.run(
        ["make", "-C", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert re.search(r"^[0-7] of 8 equal$", done.stdout, re.MULTILINE)


def test_the_same_network_makes_the_same_bytes(tmp_path):
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
        emit(Network(integers()), folder)
    first, second = ({p.name: p.read_bytes() for p in folder.iterdir()} for folder in folders)
    assert first == second


@pytest.mark.parametrize("read", [None, "mean", "last", "max"])
@pytest.mark.parametrize(
    "command",
    [("gcc", "-std=c99"), ("clang", "-std=c99"), ("g++", "-x", "c++"), ("clang++", "-x", "c++")],
    ids=" ".join,
)
def test_no_compiler_warns_of_it(command, read, tmp_path):
    """MISRA-minded: strictly C99, no conversion unsaid, and C++ as well."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    emit(Network(integers() if read is None else integrating(integers(), read)), tmp_path)
    strict = [flag for flag in STRICT if not flag.startswith("-std")]
    if command[-1] == "c++":
        strict += ["-Wno-c99-extensions", "-Wno-deprecated"] * command[0].startswith("clang")
    for name in ("net.c", "main.c", "test_vectors.c"):
        subprocess.run([*command, *strict, "-fsyntax-only", name], cwd=tmp_path, check=True)


def test_what_the_readme_says_of_the_state_is_what_the_compiler_says(tmp_path):
    """But for what is aligned: no more than the widest type behind every array."""
    circuit = integers()
    emit(Network(circuit), tmp_path)
    (tmp_path / "size.c").write_text(
        '#include <stdio.h>\n#include "net.h"\nint main(void) '
        '{ printf("%lu", (unsigned long)sizeof(net_state)); return 0; }\n',
        "ascii",
    )
    program = tmp_path / "size"
    subprocess.run([compiler(), str(tmp_path / "size.c"), "-o", str(program)], check=True)
    size = int(subprocess.run([program], capture_output=True, check=True).stdout)
    network = Network(circuit)
    arrays = len(network.state) + sum(map(len, network.sums.values()))
    assert network.state_bytes <= size <= network.state_bytes + 8 * (arrays + 1)
    assert f"| {network.state_bytes} |" in (tmp_path / "README.md").read_text("ascii")


def test_neurons_that_read_no_layer_are_refused():
    layers = [linear(name, "input", [[1]], [[1]], [[1]]) for name in ("one", "two")]
    add = Add(name="add", inputs=("one", "two"))
    circuit = of_nodes(source((1,)), *layers, add, lif("lif", "add", 1))
    with pytest.raises(CapacityError, match="the layer is read by add") as caught:
        Network(circuit)
    assert caught.value.where == "node one"


@pytest.mark.parametrize(
    "renamed",
    [
        {"lif1": "int", "conv1": "a b", "conv2": "a_b", "add": "memset"},
        {"conv1": "state", "conv2": "net", "conv3": "run", "linear4": "NET_STEPS", "lif1": "and"},
        {"add": "lif1_v", "conv1": "init", "lif2": "lif1_spikes"},
        {"conv1": "fire", "lif1": "shift", "conv2": "least", "conv3": "align", "lif3": "update"},
        {"add": "totals", "lif1": "integrated", "lif2": "filtered", "conv1": "integrate"},
        {"add": "integrated", "lif1": "sums", "conv1": "filtered"},
        {"add": "filtered", "lif1": "totals", "conv1": "s"},
    ],
    ids=["words", "header", "members", "functions", "readout", "integrated", "filtered"],
)
def test_nodes_may_be_called_as_anything_else_is_in_c(renamed, tmp_path):
    circuit = integrating(integers(), "last")
    x = given_samples(np.random.default_rng(2), circuit)
    assert_same(named(circuit, renamed), x, tmp_path)


def named(circuit, renamed):
    """Return a circuit with nodes of other names."""
    nodes = tuple(
        replace(
            node,
            name=renamed.get(node.name, node.name),
            inputs=tuple(renamed.get(name, name) for name in node.inputs),
            delayed=tuple(renamed.get(name, name) for name in node.delayed),
        )
        for node in circuit.nodes
    )
    return replace(circuit, nodes=nodes)


def test_neurons_with_several_numbers_each_are_the_same_in_c(tmp_path):
    model = Pushed(threshold=ints([5, 9]), push=ints([1, -2]), membrane_bits=16)
    layer = linear("layer", "input", [[3, 1], [0, 2]], [[1, 1]], [[1], [1]], fraction=4)
    neurons = Neurons(name="lif", inputs=("layer",), model=model)
    out = readout("lif", [[1, 2], [2, 0]], [[0, 0]], [[0], [0]])
    circuit = of_nodes(source((2,)), layer, neurons, out, steps=4)
    assert_same(circuit, np.array([[3.0, 100.0], [200.0, 7.0]]), tmp_path)


def test_wide_inhibition_that_reaches_no_neuron_does_not_overflow(tmp_path):
    layer = linear("layer", "input", [[1] * 9], [[127] * 9], [[0]], gain=181)
    circuit = of_nodes(
        source((9,), top=65535), layer, lif("lif", "layer", 1), readout("lif", [[1]], [[0]], [[0]])
    )
    assert_same(circuit, np.full((1, 9), 65535.0), tmp_path)


@pytest.mark.parametrize("bits", [8, 14, 15, 16, 22], ids=lambda bits: f"2^{bits}")
@pytest.mark.parametrize("plan", ["by events", "dense and kept"])
def test_powers_of_two_shift_in_as_many_bits_as_a_product_takes(bits, plan, tmp_path):
    """An input of 16 bits times 2^15 is below 2^31, times 2^16 above."""
    rng, most = np.random.default_rng(0), 1 << bits
    powers = [rng.choice([0, 1, 2, most], shape) for shape in ((6, 5), (3, 5))]
    through = rng.choice([0, 1, 2, 64], (6, 3))
    layer = linear("layer", "input", *powers, through, gain=3, fraction=2)
    spikes = [[most, 1, 0, 2, 4, 1]], [[0, 1, most, 2, 0, 1]], [[1]]
    circuit = of_nodes(
        source((5,), top=65535), layer, lif("lif", "layer", 6), readout("lif", *spikes), steps=3
    )
    x = rng.integers(0, 65536, (4, 5)).astype(float)
    x[0], x[1] = 65535, 0
    network = Network(circuit)
    assert all(weights.is_power for weights in network.weights if weights.largest > 2)
    by = BY_EVENTS if plan == "by events" else everything(circuit)
    assert_same(circuit, x, tmp_path, plan=by)
    text = network_files(Network(circuit, by))["net.c"]
    assert ("shifted(a" in text or "shifted((int64_t)x[" in text) == (bits > 15)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pushed(IntegerNeuron):
    """u = sat(v + I + push), push being a number of the neuron; a spike subtracts the threshold."""

    threshold: Array
    push: Array
    membrane_bits: int

    per_neuron: ClassVar = ("threshold", "push")

    def scalar(self, v, i, own):
        limit, whole = 1 << (self.membrane_bits - 1), v + i + own["push"]
        u = min(max(whole, -limit), limit - 1)
        fires = u >= own["threshold"]
        return u - own["threshold"] * fires, int(fires), u != whole

    def step(self, v, i, do):
        threshold, push = (do.per_neuron(own, v) for own in (self.threshold, self.push))
        u, clipped = do.saturated(v + i + push)
        z = u >= threshold
        return u - threshold * do.whole(z), z, clipped

    def reach(self, low, high, steps):
        return steps * (low + int(self.push.min())), steps * (high + int(self.push.max()))


@given(
    values=st.one_of(
        st.lists(st.integers(0, 255), min_size=1, max_size=40),
        st.lists(st.integers(-127, 127), min_size=1, max_size=40),
        st.lists(st.sampled_from([0, 1, 2, 4, 64]), min_size=1, max_size=40),
        st.lists(st.integers(0, 65535), min_size=1, max_size=40),
    )
)
def test_packed_weights_take_no_more_bits_than_the_largest_needs(values):
    packed = Packed(name="w", values=np.array(values))
    low, high = min(values), max(values)
    plain = max(high.bit_length(), 1) if low >= 0 else 1 + max(high, ~low).bit_length()
    assert packed.bits <= plain
    assert packed.size <= -(-packed.bits * len(values) // 8) + 2


def everything(circuit):
    """Return the plan of all that may be dense, and kept."""
    dense, kept = may_be_dense(circuit), may_be_kept(circuit)
    return Plan(ways={n: Way(dense=n in dense, kept=n in kept) for n in {*dense, *kept}})


def integrating(circuit, read):
    """Return the same whose output is read off integrators with a filter."""
    n = circuit.output.n_e
    by = IntegerIntegrator(
        read=read,
        leak=np.arange(n),
        leak_fraction=5,
        synapse_leak=np.full(n, 5),
        synapse_fraction=4,
    )
    current = replace(circuit.output.current, integrator=by)
    return replace(circuit, nodes=(*circuit.nodes[:-1], replace(circuit.output, current=current)))


def integers():
    """Return a small network of every kind of node."""
    rng = np.random.default_rng(0)
    circuit = recurrent(rng)
    return compiled(circuit, given_samples(rng, circuit))
