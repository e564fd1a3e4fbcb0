"""The patch in a configuration captured from samna as JSON; what it does not own keeps its bytes.

The text is not parsed and written anew: only the tokens of the fields that the patch sets are
replaced, so numbers, spaces and fields that this file has never heard of stay as they were.
"""

import json
import re

from patchfile import LoadError, bits

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
CODES = {"coarseValue": 0, "fineValue": 1}
SYNAPSE = {"dendrite": 0, "tag": 2, "stp": 3, "preciseDelay": 4, "mismatchedDelay": 5}
FLAGS = ("stp", "preciseDelay", "mismatchedDelay")
DESTINATION = {"xHop": 1, "yHop": 2, "tag": 3}
DEPTH = 5  # value0, chips, i, cores, value_k


def merge(template, patch):
    """Return the text of a captured configuration with the patch's fields set.

    Raises:
        LoadError: not all fields that the patch sets are there, each once.
    """
    json.loads(template)  # a damaged file is refused whole
    camel = {name: "latch" + _camel(name) for name in patch.head["latches"]}
    shared = _shared(patch)
    pieces, last, owned = [], 0, 0
    for path, start, end in scalars(template, {"parameters", *shared}):
        value = (
            _owned(path, patch, camel) if path[3:4] == ["cores"] else _common(path, patch, shared)
        )
        if value is not None:
            pieces += [template[last:start], json.dumps(value)]
            last, owned = end, owned + 1
    if owned != _needed(patch):
        raise LoadError(
            f"the template has {owned} of the {_needed(patch)} fields that the patch sets: it is "
            "of another version of samna, or of fewer chips",
            where="the template",
            fix="capture one from the board that the build is for: load.py capture",
        )
    return "".join(pieces) + template[last:]


def scalars(text, maps=("parameters",)):
    """Yield path, start and end of every value that is no object or list, in the text's order.

    A path has keys and list indices; below one of `maps` the index is the parameter's name.
    """
    path, kinds, key, name = [], [], None, None
    for found in TOKEN.finditer(text):
        token = found.group()
        if token in "{[":
            if kinds:
                path.append(key)
            kinds.append(token)
            key = 0 if token == "[" else None
        elif token in "}]":
            kinds.pop()
            key = path.pop() if kinds else None
        elif token == ",":
            key = key + 1 if kinds[-1] == "[" else None
        elif token == ":":
            continue
        elif kinds[-1] == "{" and key is None:
            key = token[1:-1]
        else:
            if key == "key" and path[-2:-1] and path[-2] in maps:
                name = token[1:-1]
            whole = [*path, key]
            if whole[-4:-3] and whole[-4] in maps:
                whole[-3] = name
            yield whole, found.start(), found.end()


def _camel(name):
    return "".join(part.capitalize() for part in name.split("_"))


def _needed(patch):
    """Return how many fields the patch sets."""
    size = patch.size
    neuron = size["cams"] * (len(SYNAPSE) + 4) + size["destinations"] * (len(DESTINATION) + 4)
    neurons = patch.chips * size["cores"] * size["neurons"]
    codes = 2 * sum(len(codes) for codes in patch.codes.values())
    shared = 2 * patch.chips * sum(map(len, _shared(patch).values()))
    return neurons * (neuron + len(patch.head["latches"])) + codes + shared


def _shared(patch):
    """Return the codes of parameters that cores share, by samna's key in JSON and by name."""
    listed = patch.head.get("chip_biases", {}).items()
    return {_camel(group)[:1].lower() + _camel(group)[1:]: codes for group, codes in listed}


def _common(path, patch, shared):
    """Return the patch's value of a parameter that cores share, or None where it has none."""
    if len(path) < DEPTH + 2 or path[:2] != ["value0", "chips"] or path[3] not in shared:
        return None
    code = shared[path[3]].get(path[4]) if path[2] < patch.chips else None
    return None if code is None or path[-1] not in CODES else code[CODES[path[-1]]]


def _owned(path, patch, camel):
    """Return the patch's value at a path of samna's JSON, or None where it has none."""
    if path[:2] != ["value0", "chips"] or path[3:4] != ["cores"] or len(path) < DEPTH + 3:
        return None
    at = path[2], _number(path[4])
    if at not in patch.codes:
        return None
    if path[5] == "parameters":
        code = patch.codes[at].get(path[6])
        return None if code is None or path[-1] not in CODES else code[CODES[path[-1]]]
    if path[5] != "neurons":
        return None
    synapses, destinations, latches = patch.neuron((*at, _number(path[6])))
    group, rest = path[7], path[8:]
    if not rest:
        return next((on for name, on in latches.items() if camel[name] == group), None)
    if group == "synapses":
        return _synapse(synapses[_number(rest[0])], rest[1:])
    return (
        _destination(destinations[_number(rest[0])], rest[1:]) if group == "destinations" else None
    )


def _synapse(row, rest):
    if rest[0] == "weight":
        return bits(row[1])[_number(rest[1])]
    if rest[0] not in SYNAPSE:
        return None
    value = row[SYNAPSE[rest[0]]]
    return bool(value) if rest[0] in FLAGS else value


def _destination(row, rest):
    if rest[0] == "core":
        return bits(row[0])[_number(rest[1])]
    return row[DESTINATION[rest[0]]] if rest[0] in DESTINATION else None


def _number(key):
    return int(key.removeprefix("value"))
