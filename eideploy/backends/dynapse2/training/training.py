"""Train a network for the chip by surrogate gradients through its dynamics.

Every group of samples is shown to a chip of its own (docs/dynapse2_training.md).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.network import Coding
from eideploy.backends.dynapse2.config import ChipConfig
from eideploy.backends.dynapse2.dpi.coding import event_counts
from eideploy.backends.dynapse2.dpi.mismatch import Mismatch, erring, varied
from eideploy.backends.dynapse2.dpi.units import step_of
from eideploy.backends.dynapse2.dpi.wiring import Wiring
from eideploy.backends.dynapse2.training import synapses as syn
from eideploy.backends.dynapse2.training.dynamics import LANES, Wires, Workspace, wires
from eideploy.backends.dynapse2.training.plan import Plan
from eideploy.backends.dynapse2.training.synapses import Synapses

MIX = (0.0, 0.5, 1.0, 1.0)  # of the largest CVs, group after group
FIRST, SECOND = 0.9, 0.99  # decays of the optimiser's means
WARMUP = 50  # batches
SMALL = 1e-10
Augment = Callable[[Array, np.random.Generator], Array]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """How an epoch went, on the training samples as they were shown, on chips with mismatch.

    rate_hz  of the excitatory neurons; synapses: of all neurons
    """

    epoch: int
    loss: float
    accuracy: float
    rate_hz: float
    synapses: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Progress:
    """A training between two epochs; all that is random in the next follows from its number.

    batches  that the optimiser has stepped over
    """

    synapses: Synapses
    batches: int
    epochs: tuple[Epoch, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """What is learned: samples (N, ...) in 0..1, and for each what is aimed at (N, classes)."""

    samples: Array
    aims: Array
    augment: Augment


class _Trainer:
    def __init__(self, config: ChipConfig, plan: Plan, task: Task, begun: Progress) -> None:
        self.config, self.plan, self.task = config, plan, task
        self.coding = coding_of(config)
        self.dt = config.training.dt_ms * 1e-3
        self.steps = round(self.coding.duration_s / self.dt)
        self.synapses, self.done = begun.synapses, begun.batches
        self.group_count = max(1, config.training.batch // LANES)
        self.batches = len(task.samples) // (self.group_count * LANES)
        training = config.training
        self.rooms = [
            Workspace(
                plan.inputs, plan.neurons, self.steps, slope=training.slope, dead=training.dead
            )
            for _ in range(min(training.threads, self.group_count))
        ]

    def epoch(self, number: int, pool: ThreadPoolExecutor) -> Epoch:
        """Train one epoch, numbered from 0."""
        training = self.config.training
        share = number / training.epochs
        if share >= training.prune_from:
            gone = (share - training.prune_from) / (training.prune_to - training.prune_from)
            syn.prune(self.plan, self.synapses, min(1.0, gone))
        rng = np.random.default_rng((self.config.seed, 1, number))
        order = rng.permutation(len(self.task.samples))
        self._rewire()
        size = self.group_count * LANES
        measured = [
            self._batch(order[b * size : (b + 1) * size], rng, pool, share=share)
            for b in range(self.batches)
        ]
        loss, right, rate = np.mean(measured, 0)
        return Epoch(
            epoch=number + 1,
            loss=float(loss),
            accuracy=float(right),
            rate_hz=float(rate),
            synapses=len(self.synapses.link),
        )

    def _rewire(self) -> None:
        """Take in which synapses there are; those of a link learn at the pace of their mean."""
        plan, synapses = self.plan, self.synapses
        receptor = syn.receptors(plan, synapses)
        self.group = syn.groups(plan, synapses)
        self.wires: Wires = wires(synapses.target, synapses.source, receptor, plan.neurons)
        self.wiring: Wiring = plan.wiring(synapses.source, synapses.target, receptor)
        mean = np.bincount(synapses.link, synapses.strength) / np.maximum(
            np.bincount(synapses.link), 1
        )
        self.pace = mean[synapses.link]

    def _batch(
        self, chosen: Array, rng: np.random.Generator, pool: ThreadPoolExecutor, *, share: float
    ) -> tuple[float, float, float]:
        samples = np.clip(self.task.augment(self.task.samples[chosen], rng), 0, 1)
        samples = dimmed(samples.reshape(len(chosen), -1), self.config.training.dimmest, rng)
        aims = self.task.aims[chosen]
        own = self.synapses
        least = syn.steps(own.strength, self.group)
        mask = own.strength / least[self.group]
        if share >= self.config.training.quantise_from:
            mask = syn.masks(own.strength, self.group)
        wiring = replace(self.wiring, gain=syn.gains(self.plan, least))

        def lane(first: int) -> list[tuple[Array, tuple[float, float, float]]]:
            return [
                self._group(
                    g,
                    samples[g * LANES : (g + 1) * LANES],
                    aims[g * LANES : (g + 1) * LANES],
                    (wiring, mask),
                    self.rooms[first],
                )
                for g in range(first, self.group_count, len(self.rooms))
            ]

        count = len(self.rooms)
        lanes = list(pool.map(lane, range(count)))
        parts = [lanes[g % count][g // count] for g in range(self.group_count)]  # in one order
        self.done += 1
        by_mask = np.mean([gradient for gradient, _ in parts], 0)
        self._learn(by_mask / least[self.group])
        loss, right, rate = np.mean([measured for _, measured in parts], 0)
        return float(loss), float(right), float(rate)

    def _group(
        self,
        number: int,
        samples: Array,
        aims: Array,
        shown_to: tuple[Wiring, Array],
        room: Workspace,
    ) -> tuple[Array, tuple[float, float, float]]:
        """Return the gradient by masks; and loss, accuracy and rate."""
        training, plan = self.config.training, self.plan
        share, seed = MIX[number % len(MIX)], (self.config.seed, 2, self.done, number)
        wiring, mask = shown_to
        chip = varied(wiring, Mismatch.uniform(training.mismatch * share), seed)
        chip = erring(chip, training.bias_error * share, (*seed, 1))
        step = step_of(chip, self.dt)
        charge = step.strength * plan.base  # of a mask of 1
        events = event_counts(samples, self.coding, self.dt)
        spikes = room.forward(events, step, mask * charge, self.wires)
        outputs = len(plan.output_class)
        logits = training.temperature * votes(spikes[-outputs:].sum(1), plan)
        loss, of_logits = cross_entropy(logits, aims.T)
        of_counts = of_logits[plan.output_class] * training.temperature * plan.classes / outputs
        of_spikes = np.zeros((plan.neurons, 1, LANES), np.float32)
        of_spikes[-outputs:, 0] = of_counts
        gradient = room.backward(of_spikes) * charge
        start = plan.start["excitatory"] - plan.inputs
        excitatory = spikes[start : start + plan.sizes["excitatory"]]
        right = float((logits.argmax(0) == aims.argmax(1)).mean())
        return gradient, (loss, right, float(excitatory.mean()) / self.dt)

    def _learn(self, gradient: Array) -> None:
        """Step by Adam, in units of each dendrite's mean strength; strengths stay >= 0."""
        own, training = self.synapses, self.config.training
        scaled = gradient * self.pace
        own.first = FIRST * own.first + (1 - FIRST) * scaled
        own.second = SECOND * own.second + (1 - SECOND) * scaled**2
        total = training.epochs * self.batches
        rate = training.rate * min(1.0, self.done / WARMUP)
        rate *= 0.5 + 0.5 * np.cos(np.pi * self.done / total)
        mean = own.first / (1 - FIRST**self.done)
        size = np.sqrt(own.second / (1 - SECOND**self.done)) + SMALL
        own.strength = np.maximum(own.strength - rate * self.pace * mean / size, 0.0)


def train(
    config: ChipConfig,
    plan: Plan,
    task: Task,
    *,
    on_epoch: Callable[[Progress], None],
    begun: Progress | None = None,
) -> Synapses:
    """Return the trained synapses; `chip_network` makes masks of them.

    The same configuration gives the same network, whatever the number of threads, and wherever it
    was `begun` anew: `on_epoch` gets what to go on from.
    """
    if begun is None:
        drawn = syn.draw(plan, np.random.default_rng((config.seed, 0)))
        begun = Progress(synapses=drawn, batches=0, epochs=())
    trainer, epochs = _Trainer(config, plan, task, begun), begun.epochs
    with ThreadPoolExecutor(len(trainer.rooms)) as pool:
        for number in range(len(epochs), config.training.epochs):
            epochs += (trainer.epoch(number, pool),)
            on_epoch(Progress(synapses=trainer.synapses, batches=trainer.done, epochs=epochs))
    return trainer.synapses


def coding_of(config: ChipConfig) -> Coding:
    """Return how samples become events."""
    shape = config.network
    return Coding(peak_rate_hz=shape.peak_rate_hz, duration_s=shape.duration_ms * 1e-3)


def dimmed(samples: Array, least: float, rng: np.random.Generator) -> Array:
    """Return samples (batch, pixels), each times a contrast that is log-uniform in least..1."""
    if least == 1:
        return samples  # and nothing is drawn
    contrast = np.exp(rng.uniform(np.log(least), 0, (len(samples), 1)))
    return np.asarray((samples * contrast).astype(samples.dtype))


def votes(counts: Array, plan: Plan) -> Array:
    """Return the mean spikes of a class's output neurons: (classes, lanes) of (outputs, lanes)."""
    return np.asarray(counts.reshape(plan.classes, -1, counts.shape[1]).mean(1))


def cross_entropy(logits: Array, aims: Array) -> tuple[float, Array]:
    """Return the mean loss and its gradient by the logits; both (classes, lanes)."""
    shifted = logits - logits.max(0)
    log_p = shifted - np.log(np.exp(shifted).sum(0))
    lanes = logits.shape[1]
    return float(-(aims * log_p).sum() / lanes), (np.exp(log_p) - aims) / lanes
