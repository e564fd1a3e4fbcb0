"""An ONNX graph under construction: operators in, names of values out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, ValueInfoProto, helper, numpy_helper, shape_inference

OPSET, IR_VERSION = 21, 10  # onnxruntime 1.18 and all later ones load them
Array = NDArray[Any]
Value = str  # the name of a value in the graph


@dataclass(frozen=True, kw_only=True)
class Words:
    """The integers that a graph computes with.

    highest   the highest bit of a number: all are below 2^(highest + 1), and sums of two of them
              are exact
    """

    kind: type[np.signedinteger[Any]]
    unsigned: type[np.unsignedinteger[Any]]
    highest: int


WIDE = Words(kind=np.int64, unsigned=np.uint64, highest=62)
# Runtimes that compare, divide and multiply matrices of int32 in float32 are exact below 2^24.
NARROW = Words(kind=np.int32, unsigned=np.uint32, highest=22)


class Graph:
    """Collects operators and constants; `scope` is the circuit's node that they belong to.

    A graph that stands `within` another one may read all values of that, and keeps its constants
    there.
    """

    def __init__(
        self, scope: str = "", words: Words = WIDE, *, within: "Graph | None" = None
    ) -> None:
        self.scope, self.words, self.within = scope, words, within
        self.nodes: list[Any] = []
        self.names: set[str] = set() if within is None else within.names
        self.constants: dict[tuple[Any, ...], tuple[str, Array]] = (
            {} if within is None else within.constants
        )

    def op(
        self,
        kind: str,
        *inputs: Value | Array | np.generic,
        to: str = "",
        more: tuple[str, ...] = (),
        **attributes: Any,  # noqa: ANN401 - what the operator takes
    ) -> Value:
        """Append an operator and return its first output; arrays among the inputs are constants.

        Args:
            kind: the operator's name.
            inputs: values of this graph, or arrays; "" leaves an optional input out.
            to: the first output's name, within the scope (default: the operator's).
            more: the names of its other outputs, within the scope.
            attributes: of the operator, with an underscore behind a name that is taken here.
        """
        names = [x if isinstance(x, str) else self.constant(np.asarray(x)) for x in inputs]
        first = self.fresh(to or kind)
        outputs = [first, *map(self.fresh, more)]
        own = {key.removesuffix("_"): value for key, value in attributes.items()}
        self.nodes.append(helper.make_node(kind, names, outputs, name=first, **own))
        return first

    def cast(self, x: Value, kind: type[np.generic], to: str = "") -> Value:
        """Return `x` as `kind`."""
        return self.op("Cast", x, to=to, to_=helper.np_dtype_to_tensor_dtype(np.dtype(kind)))

    def whole(self, number: int | Array) -> Array:
        """Return whole numbers as the graph's own integers."""
        return np.asarray(number).astype(self.words.kind)

    def constant(self, array: Array, to: str = "constant") -> Value:
        """Return a constant, the same for equal arrays."""
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = self.fresh(to), array
        return self.constants[key][0]

    def splice(self, other: "Graph", values: Mapping[str, Value]) -> None:
        """Append the operators of a graph within this one; `values` are those it is of."""
        for node in other.nodes:
            node.input[:] = [values.get(name, name) for name in node.input]
        self.nodes += other.nodes

    def proto(
        self, name: str, inputs: list[ValueInfoProto], outputs: list[ValueInfoProto]
    ) -> GraphProto:
        """Return the finished graph."""
        own = {} if self.within else self.constants
        initializers = [numpy_helper.from_array(a, n) for n, a in own.values()]
        return helper.make_graph(self.nodes, name, inputs, outputs, initializers)

    def fresh(self, name: str) -> Value:
        """Return a name for a value that no other has, within the scope."""
        wanted = f"{self.scope}/{name}" if self.scope else name
        unique, number = wanted, 1
        while unique in self.names:
            number += 1
            unique = f"{wanted}_{number}"
        self.names.add(unique)
        return unique


def declared(
    name: str, kind: type[np.generic], shape: list[str | int] | None = None
) -> ValueInfoProto:
    """Return the declaration of an input or output; names in `shape` are dimensions that vary."""
    coded = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    return helper.make_tensor_value_info(name, coded, shape)


def model(graph: GraphProto, *, version: str, metadata: Mapping[str, str]) -> ModelProto:
    """Return `graph` as a model, every value's type and, where it is fixed, shape written down."""
    result = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="eideploy",
        producer_version=version,
    )
    helper.set_model_props(result, dict(metadata))
    return shape_inference.infer_shapes(result, check_type=True, strict_mode=True)
