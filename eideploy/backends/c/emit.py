"""A network as C: net.c and net.h, a self-test on stored samples, and what builds them."""

import re
from collections.abc import Sequence
from math import prod
from pathlib import Path
from string import Template
from textwrap import indent

import numpy as np

from eideploy import shipped
from eideploy.backends.c import (
    BUILDING,
    HEADER,
    README,
    SELF_TEST,
    SOURCE,
    VECTORS,
    VECTORS_HEADER,
    WATCH,
)
from eideploy.backends.c.constants import definition, values_text
from eideploy.backends.c.network import Network
from eideploy.backends.c.syntax import text_literal
from eideploy.backends.c.unit import Member, sums_type
from eideploy.circuit import Array
from eideploy.execute.integer import run_integer
from eideploy.files import write_atomic

# Of arithmetic.c, each below its comment.
FUNCTION = re.compile(r"/\*[^*]*\*/\nstatic inline \w+ (\w+)\([^)]*\)\n(?P<body>\{.*?\n\})", re.S)
SAMPLES, DENSITY = 8, 0.3  # of the self-test


def emit(network: Network, folder: Path, *, names: Sequence[str] = (), sizes: str = "") -> None:
    """Write a network as C, with a self-test; of the same network the same bytes.

    net.c, net.h            the network
    main.c, test_vectors.*  a program that runs samples, drawn at random, and compares their sums
    Makefile, CMakeLists.txt, README.md, which says `sizes`, too

    Args:
        network: the parts of the files.
        folder: which exists.
        names: of the classes; none: their numbers.
        sizes: what is said of the target's memories.
    """
    levels, totals = _tested(network)
    texts = {
        **network_files(network, names),
        **self_test(network, levels, totals),
        **{name: _read(name) for name in BUILDING},
        README: _readme(network, sizes),
    }
    for name, text in texts.items():
        write_atomic(folder / name, text.encode("ascii"))


def network_files(network: Network, names: Sequence[str] = ()) -> dict[str, str]:
    """Return net.c and net.h, by their names."""
    return {SOURCE: _source(network), HEADER: _header(network, names)}


def arduino_files(network: Network, names: Sequence[str] = ()) -> dict[str, str]:
    """Return a library for Arduino, by the paths of its files."""
    test = self_test(network, *_tested(network))
    example = "examples/selftest"
    return {
        "library.properties": _read("arduino/library.properties"),
        **{f"src/{name}": text for name, text in network_files(network, names).items()},
        f"{example}/selftest.ino": _read("arduino/selftest.ino"),
        **{f"{example}/{name}": test[name] for name in (VECTORS, VECTORS_HEADER)},
    }


def watch_file(network: Network, name: str = WATCH) -> str:
    """Return a program that runs samples, and writes what the neurons hold after every step.

    Args:
        network: which it runs.
        name: of the program: WATCH, for this machine, or one in qemu/.
    """
    watched = "\n".join(f"WRITE(s.{member.name});" for member in network.watched)
    return _filled(name, watched=indent(watched, " " * 16))


def _tested(network: Network) -> tuple[Array, Array]:
    """Return samples in levels, the same ones for the same network, and the sums that they give.

    They stay over all steps where the network keeps what it makes of such samples, else they
    change.
    """
    node, rng = network.input, np.random.default_rng(0)
    shape = (SAMPLES, 1 if network.plan.keeps else network.circuit.steps, *node.size)
    levels = np.where(rng.random(shape) < DENSITY, rng.integers(0, node.top + 1, shape), 0)
    # The highest may stand for more than the input takes.
    by_step = np.minimum(levels * node.step, node.high)
    samples = by_step[:, 0] if network.plan.keeps else by_step
    return levels, run_integer(network.circuit, samples).totals


def self_test(network: Network, levels: Array, totals: Array) -> dict[str, str]:
    """Return a program that runs samples in levels (B, T or 1, ...), and compares their sums."""
    samples, steps = levels.shape[:2]
    sizes = {"samples": str(samples), "steps": str(steps), "total_type": network.total.kind}
    vectors = _filled(
        VECTORS,
        inputs=values_text(levels.reshape(samples, steps, -1)),
        totals=values_text(totals),
        **sizes,
    )
    return {
        SELF_TEST: _read(SELF_TEST),
        VECTORS: vectors,
        VECTORS_HEADER: _filled(VECTORS_HEADER, **sizes),
    }


def _readme(network: Network, sizes: str) -> str:
    return _filled(
        README,
        samples=str(SAMPLES),
        sizes=sizes,
        constants=str(network.constant_bytes),
        state=str(network.state_bytes),
        steps=str(network.circuit.steps),
        step=f"{network.input.step:.17g}",
        top=str(network.input.top),
        shape=_shape(network),
        logit=f"{network.circuit.logit_unit:.17g}",
    )


def _shape(network: Network) -> str:
    size = network.circuit.input.size
    return " x ".join(map(str, size)) + (", channel slowest" if len(size) > 1 else "")


def _source(network: Network) -> str:
    readers = [weights.function for weights in network.weights]
    functions = "\n\n".join([*readers, *network.functions.values()])
    arrays = [weights.definition for weights in network.weights]
    arrays += [definition(name, values) for name, values in network.tables.items()]
    return _filled(
        SOURCE,
        arithmetic="\n\n".join(_called(functions)),
        constants="\n\n".join(arrays),
        functions=functions,
        begins=indent(network.beginning, "    "),
        calls=indent("\n".join([*network.remembering, *network.calls]), "    "),
        again=indent("\n".join([*network.remembering, *network.again]), "    "),
    )


def _header(network: Network, names: Sequence[str]) -> str:
    structs = [
        f"typedef struct {{\n{_declared(members)}\n}} {sums_type(name)};"
        for name, members in network.sums.items()
    ]
    union = "\n".join(f"{sums_type(name)} {name}_sums;" for name in network.sums)
    return _filled(
        HEADER,
        inputs=str(prod(network.input.size)),
        shape=_shape(network),
        steps=str(network.circuit.steps),
        classes=str(network.readout.n_e),
        names=_braces(names or [str(n) for n in range(network.readout.n_e)]),
        input_type=network.input_type,
        step=f"{network.input.step:.17g}",
        top=str(network.input.top),
        sums="\n\n".join(structs),
        state=_declared(network.state),
        union=indent(union, " " * 8),
    )


def _braces(names: Sequence[str]) -> str:
    """Return names as a macro has them, a line each."""
    return "{ \\\n" + "".join(f"    {text_literal(name)}, \\\n" for name in names) + "}"


def _declared(members: Sequence[Member]) -> str:
    return "\n".join(f"    {member.text}" for member in members)


def _called(text: str) -> list[str]:
    """Return the functions of arithmetic.c that `text` calls, or that these call, in order."""
    known = {match[1]: match for match in FUNCTION.finditer(_read("arithmetic.c"))}
    needed: list[str] = []
    for name, match in reversed(known.items()):  # none calls one that stands behind it
        if re.search(rf"\b{name}\(", text):
            needed.insert(0, match[0])
            text += match["body"]
    return needed


def _filled(name: str, **values: str) -> str:
    return Template(_read(name)).substitute(values)


def _read(name: str) -> str:
    return (shipped.folder("targets") / "c" / "bundle" / name).read_text("utf-8")
