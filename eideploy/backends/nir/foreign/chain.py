"""What of a graph cannot be compiled, all of it at once; and the order of what can."""

from collections import Counter, defaultdict

from eideploy.backends.nir.foreign.file import PASS, Graph

WHY = {
    "CubaLIF": "its synapses filter the current over time; use LIF, or IF",
    "CubaLI": "a leaky integrator that does not spike, behind a filter; use LIF, or IF",
    "LI": "a leaky integrator that does not spike; use LIF, or end with Linear",
    "I": "an integrator that does not spike; use IF, or end with Linear",
    "Delay": "the core delays no spikes",
    "Threshold": "spikes without a membrane; use LIF, or IF",
    "Conv1d": "maps have a height and a width; write it as Conv2d of height 1",
}
KNOWN = (
    "Input",
    "Output",
    "Linear",
    "Affine",
    "Scale",
    "Conv2d",
    "SumPool2d",
    "AvgPool2d",
    "Flatten",
    "LIF",
    "IF",
    PASS,
)


def kind_faults(graph: Graph) -> list[str]:
    """Return a line for every node of a kind that is not known."""
    return [
        f"{name} ({node['type']}): {WHY.get(node['type'], 'no kind of node that NIR 1.0 has')}"
        for name, node in graph.nodes.items()
        if node["type"] not in KNOWN
    ]


def edge_faults(graph: Graph) -> list[str]:
    """Return a line for every node that makes the graph another thing than a chain."""
    lost = [
        f"{a} -> {b}: an edge of a node that is not there"
        for a, b in graph.edges
        if not {a, b} <= graph.nodes.keys()
    ]
    if lost:
        return lost
    loop = _on_loops(graph)
    faults = [f"{', '.join(loop)}: a recurrent connection"] if loop else []
    behind, before = defaultdict(list), defaultdict(list)
    for a, b in graph.edges:
        behind[a].append(b)
        before[b].append(a)
    for name, node in graph.nodes.items():
        if name in loop:
            continue
        kind, into, out = node["type"], before[name], behind[name]
        if len(out) > 1:
            faults.append(f"{name}: branches to {', '.join(out)}")
        if len(into) > 1:
            faults.append(f"{name}: sums the branches {', '.join(into)}")
        if (not into and kind != "Input") or (not out and kind != "Output"):
            faults.append(f"{name}: {'nothing leads to it' if not into else 'it leads nowhere'}")
    counts = Counter(node["type"] for node in graph.nodes.values())
    faults += [
        f"the graph: has {counts[kind]} nodes of type {kind}, must be 1"
        for kind in ("Input", "Output")
        if counts[kind] != 1
    ]
    return faults


def in_order(graph: Graph) -> list[str]:
    """Return the names from input to output, of a graph without faults."""
    behind = dict(graph.edges)
    name = next(n for n, node in graph.nodes.items() if node["type"] == "Input")
    order = [name]
    while name in behind:
        name = behind[name]
        order.append(name)
    return [name for name in order if graph.nodes[name]["type"] != PASS]


def _on_loops(graph: Graph) -> list[str]:
    """Return the nodes that are left when those that begin or end a path were taken away."""
    left, edges = list(graph.nodes), list(graph.edges)
    while True:
        kept = [n for n in left if any(a == n for a, _ in edges) and any(b == n for _, b in edges)]
        edges = [(a, b) for a, b in edges if a in kept and b in kept]
        if len(kept) == len(left):
            return kept
        left = kept
