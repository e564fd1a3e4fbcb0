"""Which layers are folded, by what the target's core takes for either form."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil

from eideploy.backends.digital.cycles import CYCLE_KINDS, count_cycles
from eideploy.backends.digital.placed import chosen, laid_out
from eideploy.backends.digital.program import Program, Stage
from eideploy.circuit import Array, Circuit, Ranges
from eideploy.execute.integer import run_integer
from eideploy.options.choices import Form
from eideploy.pipeline import to_integers
from eideploy.recipe import Recipe
from eideploy.target import Target
from eideploy.validate.ladder import affordable


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cycles of a layer's stage per inference, and rows of weights, in both forms.

    Where a program counts otherwise they are of its unit, and bytes.
    """

    factored_cycles: float
    folded_cycles: float
    factored_rows: int
    folded_rows: int

    @property
    def saved(self) -> float:
        """Cycles that folding saves."""
        return self.factored_cycles - self.folded_cycles

    @property
    def more_rows(self) -> int:
        """Rows of weights that folding takes beyond those of the factored form."""
        return self.folded_rows - self.factored_rows


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Which layers are folded, and why.

    form     what was asked for
    folded   the layers that are, in the circuit's order
    samples  that "auto" measured activity on; 0 where it did not
    costs    by layer, where it did
    unit     of what the costs count
    """

    form: Form
    folded: tuple[str, ...] = ()
    samples: int = 0
    costs: Mapping[str, Cost] = field(default_factory=dict)
    unit: str = "cycles"


def decided(
    circuit: Circuit, recipe: Recipe, *, target: Target, ranges: Ranges, samples: Array
) -> tuple[Circuit, Decision]:
    """Return the integer circuit by a recipe, and which layers are folded in it.

    Args:
        circuit: the float circuit.
        recipe: its form of inhibition: factored, folded or auto.
        target: whose core takes it.
        ranges: of the calibration.
        samples: (B, ...) or (B, T, ...) of it.
    """
    lower = partial(to_integers, circuit, recipe, target=target, ranges=ranges)
    decision = decide(
        recipe.inhibition, circuit, lambda names: laid_out(lower(folded=names), target), samples
    )
    return lower(folded=decision.folded), decision


def decide(
    form: Form, circuit: Circuit, lay_out: Callable[[Collection[str]], Program], samples: Array
) -> Decision:
    """Return which layers of a float circuit are folded.

    "auto" folds a layer where that takes the target's core fewer cycles, at the activity of the
    factored program on calibration samples; where the rows of weights do not suffice, those that
    save most a row.

    Args:
        form: what was asked for.
        circuit: the float circuit.
        lay_out: returns its program with these layers folded, whether or not it fits the memories.
        samples: (B, ...) or (B, T, ...) of calibration.
    """
    names = tuple(layer.name for layer in circuit.layers if not layer.is_folded)
    if form == "factored":
        return Decision(form=form)
    if form == "folded":
        return Decision(form=form, folded=names)
    program = lay_out(())
    if not program.target.core.runs_folded:
        return Decision(form=form)
    some = samples[: affordable(circuit)]
    costs = _counted(program, lay_out(names), some) if program.count else _costs(program, some)
    most = program.target.memory.weight_rows
    return Decision(
        form=form,
        folded=_chosen(costs, most),
        samples=len(some),
        costs=costs,
        unit=program.unit,
    )


def _counted(factored: Program, folded: Program, samples: Array) -> dict[str, Cost]:
    """Return the costs of programs that count for themselves, each by its own activity."""
    counts = [
        count_cycles(one, run_integer(one.circuit, samples, keep=CYCLE_KINDS)).per_stage
        for one in (chosen(program, samples) for program in (factored, folded))
    ]
    return {
        name: Cost(
            factored_cycles=float(counts[0][name].sum(0).mean()),
            folded_cycles=float(counts[1][name].sum(0).mean()),
            factored_rows=factored.rows[name],
            folded_rows=folded.rows[name],
        )
        for name in factored.rows
    }


def _costs(program: Program, samples: Array) -> dict[str, Cost]:
    trace = run_integer(program.circuit, samples, keep=CYCLE_KINDS)
    lanes = program.target.core.lanes
    folded = replace(program, stages=tuple(_as_folded(s, lanes) for s in program.stages))
    cycles = [count_cycles(one, trace).per_stage for one in (program, folded)]
    return {
        stage.name: Cost(
            factored_cycles=float(cycles[0][stage.name].sum(0).mean()),
            folded_cycles=float(cycles[1][stage.name].sum(0).mean()),
            factored_rows=_fan_in(stage) * stage.rows + stage.n_i * stage.groups_e,
            folded_rows=_fan_in(stage) * other.rows,
        )
        for stage, other in zip(program.stages, folded.stages, strict=True)
    }


def _as_folded(stage: Stage, lanes: int) -> Stage:
    """Return what of a factored stage's folded form the cycle model looks at."""
    n_i = 0 if stage.is_readout else stage.n_e
    groups_i = ceil(n_i / lanes)
    rows = groups_i + stage.groups_e
    return replace(stage, is_folded=True, n_i=n_i, groups_i=groups_i, rows=rows)


def _fan_in(stage: Stage) -> int:
    return (stage.inhibitory_base - stage.weight_base) // stage.rows


def _chosen(costs: Mapping[str, Cost], most_rows: int) -> tuple[str, ...]:
    """Return the layers to fold: those that save cycles, as far as the weight memory reaches."""
    chosen = [name for name, cost in costs.items() if cost.saved > 0]
    rows = sum(cost.factored_rows for cost in costs.values())
    while rows + sum(costs[name].more_rows for name in chosen) > most_rows:
        larger = [name for name in chosen if costs[name].more_rows > 0]
        if not larger:
            break
        chosen.remove(min(larger, key=lambda name: costs[name].saved / costs[name].more_rows))
    return tuple(chosen)
