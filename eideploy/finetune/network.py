"""A network as the integers that it compiles to, which training goes through."""

from dataclasses import dataclass
from functools import singledispatchmethod

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, linear

from eideploy.circuit import (
    Add,
    AvgPool,
    Circuit,
    Factored,
    Flatten,
    IntegerInput,
    Layer,
    Neurons,
    Node,
    Ranges,
)
from eideploy.circuit.limits import LayerLimits, limits, require_held
from eideploy.errors import UsageError
from eideploy.finetune.arithmetic import fire, quotient, whole
from eideploy.model.export import export
from eideploy.model.networks import Network
from eideploy.neurons import IntegerLIF
from eideploy.nn.direct import convolution, sums_directly
from eideploy.nn.functional import scale_gradient
from eideploy.nn.layers import EILayer, Shunting
from eideploy.numeric.fixed import EXACT_FLOAT32, EXACT_FLOAT64
from eideploy.passes.calibrate import calibrate
from eideploy.passes.lower_division import lower_division
from eideploy.passes.quantize import Units, quantize_with_units
from eideploy.recipe import Recipe
from eideploy.target import Target

EXACT = torch.float64
EXACT_BITS = EXACT_FLOAT64.bit_length() - 1  # of whole numbers that it holds


@dataclass(frozen=True, kw_only=True, eq=False)
class Goal:
    """What a network is fine-tuned for.

    ranges  calibration of the network that fine-tuning begins with; it stays as it is
    target  it must offer the division
    """

    recipe: Recipe
    ranges: Ranges
    target: Target

    def integers(self, circuit: Circuit) -> Circuit:
        """Return the integer circuit of a float one, as `compile` makes it.

        Raises:
            CapacityError: sums that float64 does not hold; the target divides otherwise.
        """
        return self.integers_with_units(circuit)[0]

    def integers_with_units(self, circuit: Circuit) -> tuple[Circuit, dict[str, Units]]:
        """Return the integer circuit and the units of its layers."""
        calibrated = calibrate(circuit, ranges=self.ranges)
        recipe, target = self.recipe, self.target
        integer, units = quantize_with_units(calibrated, recipe.scheme, target.widths)
        lowered = lower_division(
            integer, divider=recipe.divider, zero_policy=recipe.zero_policy, target=target
        )
        require_held(lowered, EXACT_BITS, by="fine-tuning")
        return lowered, dict(units)


class IntegerNetwork(nn.Module):
    """Stands for a network in training: its logits are those of the integer simulator.

    Every forward pass that records gradients quantizes the parameters as they are; others do so
    where a parameter has changed.

    Args:
        network: whose parameters are trained.
        goal: what it is quantized for.
        input_shape, high: of its samples.
    """

    def __init__(
        self, network: Network, goal: Goal, input_shape: tuple[int, int, int], high: float
    ) -> None:
        super().__init__()
        self.network, self.goal = network, goal
        self.input_shape, self.high = input_shape, high
        self.steps = network.steps
        self._made: tuple[tuple[int, ...], Circuit, dict[str, Units]] | None = None

    def integers(self) -> tuple[Circuit, dict[str, Units]]:
        """Return the integer circuit of the parameters as they are, and its units."""
        versions = tuple(p._version for p in self.network.parameters())  # noqa: SLF001 (no other)
        if self._made is None or self._made[0] != versions:
            circuit = export(self.network, self.input_shape, high=self.high)
            self._made = (versions, *self.goal.integers_with_units(circuit))
        return self._made[1:]

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (B, classes) of images (B, C, H, W) or sequences (B, T, C, H, W)."""
        circuit, units = self.integers()
        values = x.transpose(0, 1) if x.ndim == 5 else x[None]
        layers = [layer for _, layer in self.network.ei_layers()]
        walk = _Walk(circuit, units, layers)
        return walk.run(values.to(EXACT)).to(x.dtype)


class _Walk:
    """One pass through the circuit; values are (T or 1, B, ...), whole numbers in float64."""

    def __init__(self, circuit: Circuit, units: dict[str, Units], layers: list[EILayer]) -> None:
        self.circuit, self.units = circuit, units
        names = [layer.name for layer in circuit.layers]
        self.layers = dict(zip(names, layers, strict=True))
        self.limits = limits(circuit)

    def run(self, x: Tensor) -> Tensor:
        """Return the logits (B, classes)."""
        values: dict[str, Tensor] = {}
        for node in self.circuit.nodes:
            inputs = [values[name] for name in node.inputs] or [x]
            values[node.name] = self.apply(node, *inputs)
        out = values[self.circuit.output.name]
        return out.sum(0) * (self.circuit.logit_step / len(out))

    @singledispatchmethod
    def apply(self, node: Node, *inputs: Tensor) -> Tensor:
        raise NotImplementedError(node.kind)

    @apply.register
    def _apply_integer_input(self, node: IntegerInput, x: Tensor) -> Tensor:
        return torch.round(x / node.step).clamp(0, node.top)

    @apply.register
    def _apply_add(self, node: Add, x: Tensor, y: Tensor) -> Tensor:
        del node
        return x + y

    @apply.register
    def _apply_flatten(self, node: Flatten, x: Tensor) -> Tensor:
        del node
        return x.flatten(2)

    @apply.register
    def _apply_avg_pool(self, node: AvgPool, x: Tensor) -> Tensor:
        pooled = avg_pool2d(x.flatten(0, 1), node.kernel, divisor_override=1)
        return pooled.view(*x.shape[:2], *pooled.shape[1:])

    @apply.register
    def _apply_neurons(self, node: Neurons, current: Tensor) -> Tensor:
        name = node.inputs[0]
        layer = self.layers[name]
        assert isinstance(layer, Shunting)
        exact = self._per_unit(name, layer)  # a trained network's threshold is 1
        model = _trainable(node)
        threshold = whole(model.threshold, exact).view(-1, *(1,) * (current.ndim - 3))
        return fire(current, threshold, model, self.circuit.steps)

    @apply.register
    def _apply_layer(self, node: Layer, x: Tensor) -> Tensor:
        layer, units = self.layers[node.name], self.units[node.name]
        w = node.projection
        assert isinstance(w, Factored)  # fine-tuning compiles what the network is
        num, s, w_ei = self._balance(node, w, x)
        if w.g_i is None:
            return num
        assert isinstance(layer, Shunting)
        gain = whole(w.g_i, layer.gain_i.to(EXACT) / units.gain)
        den = _across(s * gain.view(-1, *(1,) * (s.ndim - 3)), w_ei)
        bias = whole(
            node.integer_current.bias, layer.bias.to(EXACT) * self._per_unit(node.name, layer)
        )
        return quotient(num, den, node) + bias.view(-1, *(1,) * (num.ndim - 3))

    def _per_unit(self, name: str, layer: Shunting) -> Tensor:
        """Return the membrane LSB in a unit of current, 2^f s_g / g_E, with g_E's gradient."""
        known = np.asarray(self.units[name].per_unit)
        g_e = layer.gain_e.to(EXACT)
        live = torch.from_numpy(known) * g_e.detach().clamp(min=1e-30)
        return live / g_e.clamp(min=1e-30)

    def _balance(self, node: Layer, w: Factored, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return NUM, s_I and Q_EI (A2..A4)."""
        layer, units, reach = self.layers[node.name], self.units[node.name], self.limits[node.name]
        unit, rows = (torch.from_numpy(np.asarray(a)) for a in (units.unit, units.rows))
        w_ee, w_ie, lateral = (
            part.get_parameter("weight").to(EXACT)
            for part in (layer.excitatory, layer.inhibitory, layer.lateral)
        )
        w_ei = scale_gradient(lateral.view(layer.n_e, layer.n_i), layer.gradient_scale)
        fine = unit / torch.from_numpy(2.0**units.shift)
        q_ee = whole(w.w_ee, w_ee / _column(unit, w_ee))
        q_ie = whole(w.w_ie, w_ie / _column(rows, w_ie))
        q_ei = whole(w.w_ei, w_ei * rows / fine[:, None])
        p, s = (_connect(node, x, q, reach) for q in (q_ee, q_ie))
        up = torch.from_numpy(2.0**units.shift).view(-1, *(1,) * (p.ndim - 3))
        return p * up - _across(s, q_ei), s, q_ei


def _column(scale: Tensor, like: Tensor) -> Tensor:
    return scale.view(-1, *(1,) * (like.ndim - 1))


def _connect(node: Layer, x: Tensor, weight: Tensor, reach: LayerLimits) -> Tensor:
    """Return the weights' sums of x, exact: in float32 where no sum passes 2^24."""
    small = max(reach.excitation, reach.inhibition) < EXACT_FLOAT32
    kind = torch.float32 if small and sums_directly(x.device, torch.float32) else EXACT
    merged, weight = x.flatten(0, 1).to(kind), weight.to(kind)
    if node.is_conv:
        geometry = node.geometry
        out = convolution(merged, weight, stride=geometry.stride, padding=geometry.padding)
    else:
        out = linear(merged, weight)
    return out.to(EXACT).view(*x.shape[:2], *out.shape[1:])


def _across(s: Tensor, weight: Tensor) -> Tensor:
    """Return W s over the neurons of every position, (T, B, n_E, ...)."""
    if s.ndim == 3:
        return linear(s, weight)
    return conv2d(s.flatten(0, 1), weight[:, :, None, None]).view(
        *s.shape[:2], len(weight), *s.shape[3:]
    )


def _trainable(node: Neurons) -> IntegerLIF:
    """Return the model of neurons whose gradients are known."""
    if not isinstance(node.model, IntegerLIF):
        raise UsageError(
            "fine-tuning takes LIF neurons alone, with a tau that is a power of two",
            where=f"node {node.name}, {node.kind}",
            fix="compile without fine-tuning, or train with tau 2, 4 or 8",
        )
    return node.model
