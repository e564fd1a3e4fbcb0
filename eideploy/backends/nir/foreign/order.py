"""What of a graph cannot be read, all of it at once; and the order of what can."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from eideploy.backends.nir.foreign.file import PASS, Graph
from eideploy.backends.nir.foreign.operations import OPERATIONS

WHY = {
    "MaxPool2d": "a maximum of spikes or membranes is no sum; use AvgPool2d or SumPool2d",
}
SPIKING = ("LIF", "IF", "CubaLIF", "Threshold")
LEAKING = ("LI", "I", "CubaLI")
KNOWN = ("Input", "Output", "Delay", *OPERATIONS, *SPIKING, *LEAKING, PASS)


SPIKING_OF = {"LI": "LIF", "I": "IF", "CubaLI": "CubaLIF"}


def merged(graph: Graph) -> Graph:
    """Return a graph where an integrator and the one Threshold that reads it are neurons.

    Nothing resets them; what some tools feed back for that is a connection like others.
    """
    behind = defaultdict(list)
    for a, b in graph.edges:
        behind[a].append(b)
    reads, nodes = before(graph), dict(graph.nodes)
    for name, node in graph.nodes.items():
        (after,) = behind[name] if len(behind[name]) == 1 else ("",)
        threshold = graph.nodes.get(after, {})
        alone = threshold.get("type") == "Threshold" and len(reads[after]) == 1
        if alone and node["type"] in SPIKING_OF and "threshold" in threshold:
            kind, fires = SPIKING_OF[node["type"]], threshold["threshold"]
            nodes[name] = {**node, "type": kind, "v_threshold": fires, "resets": "none"}
            nodes[after] = {"type": PASS}
    return replace(graph, nodes=nodes)


def kind_faults(graph: Graph) -> list[str]:
    """Return a line for every node of a kind that is not known."""
    return [
        f"{name} ({node['type']}): {WHY.get(node['type'], 'no kind of node that NIR 1.0 has')}"
        for name, node in graph.nodes.items()
        if node["type"] not in KNOWN
    ]


def edge_faults(graph: Graph) -> list[str]:
    """Return a line for everything that is wrong with the edges."""
    lost = [
        f"{a} -> {b}: an edge of a node that is not there"
        for a, b in graph.edges
        if not {a, b} <= graph.nodes.keys()
    ]
    if lost:
        return lost
    into, out = {b for _, b in graph.edges}, {a for a, _ in graph.edges}
    faults = []
    for name, node in graph.nodes.items():
        kind = node["type"]
        if (name not in into and kind != "Input") or (name not in out and kind != "Output"):
            why = "nothing leads to it" if name not in into else "it leads nowhere"
            faults.append(f"{name}: {why}")
        if kind == "Input" and name in into:
            faults.append(f"{name}: an input that reads {', '.join(before(graph)[name])}")
    counts = Counter(node["type"] for node in graph.nodes.values())
    faults += [
        f"the graph: has {counts[kind]} nodes of type {kind}, must be 1"
        for kind in ("Input", "Output")
        if counts[kind] != 1
    ]
    loop = _endless(graph)
    if loop:
        faults.append(f"{', '.join(loop)}: a loop without neurons, whose sums never end")
    return faults


def before(graph: Graph) -> Mapping[str, list[str]]:
    """Return what each node reads, in order of the names."""
    sources: dict[str, list[str]] = defaultdict(list)
    for a, b in sorted(graph.edges):
        sources[b].append(a)
    return sources


def stands(node: Mapping[str, object]) -> bool:
    """Return whether a node keeps something from one step to the next."""
    return node["type"] in SPIKING + LEAKING


def _endless(graph: Graph) -> list[str]:
    """Return the nodes of loops that hold no neurons."""
    edges = [
        (a, b) for a, b in graph.edges if not stands(graph.nodes[a]) and not stands(graph.nodes[b])
    ]
    left = {name for edge in edges for name in edge}
    while True:
        inner = {n for n in left if any(a == n for a, _ in edges) and any(b == n for _, b in edges)}
        edges = [(a, b) for a, b in edges if a in inner and b in inner]
        if inner == left:
            return [name for name in graph.nodes if name in left]
        left = inner


def in_order(graph: Graph) -> list[str]:
    """Return the names of all nodes, each behind what it reads at the same step.

    Of a loop, first comes what is nearest to the input; what it reads of nodes behind it, it reads
    one step late.
    """
    reads = before(graph)
    near = _distances(graph)
    order: list[str] = []
    done: set[str] = set()
    left = sorted(graph.nodes, key=lambda name: (near.get(name, len(near)), name))
    while left:
        ready = [name for name in left if done.issuperset(reads[name])]
        if not ready:  # every node is behind a loop: it opens at neurons
            open_at = [name for name in left if stands(graph.nodes[name])]
            reached = [name for name in open_at if done.intersection(_behind(reads, name, graph))]
            ready = (reached or open_at)[:1]
        order += ready
        done.update(ready)
        left = [name for name in left if name not in done]
    return order


def _behind(reads: Mapping[str, list[str]], name: str, graph: Graph) -> set[str]:
    """Return what a node reads through linear nodes, and what these read."""
    names: set[str] = set()
    todo = list(reads[name])
    while todo:
        one = todo.pop()
        if one not in names:
            names.add(one)
            if not stands(graph.nodes[one]):
                todo += reads[one]
    return names


def _distances(graph: Graph) -> dict[str, int]:
    behind: dict[str, list[str]] = defaultdict(list)
    for a, b in graph.edges:
        behind[a].append(b)
    distances: dict[str, int] = {}
    now: Iterable[str] = [n for n, node in graph.nodes.items() if node["type"] == "Input"]
    steps = 0
    while now:
        distances |= dict.fromkeys(now, steps)
        now = list(dict.fromkeys(b for a in now for b in behind[a] if b not in distances))
        steps += 1
    return distances
