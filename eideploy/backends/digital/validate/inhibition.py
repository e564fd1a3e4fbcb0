"""Which layers are folded, by what the target's core takes for either form."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from math import ceil

from eideploy.backends.digital.cycles import CYCLE_KINDS, count_cycles
from eideploy.backends.digital.placed import chosen, laid_out
from eideploy.backends.digital.program import Program, Stage
from eideploy.circuit import Array, Circuit, Ranges
from eideploy.execute.integer import run_integer
from eideploy.execute.trace import Trace
from eideploy.options.choices import Form
from eideploy.pipeline import to_integers
from eideploy.recipe import Recipe
from eideploy.target import Target
from eideploy.validate.ladder import affordable


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cycles of a layer's stage per inference, and rows of weights, in both forms.

    Where a program counts otherwise they are of its unit, and bytes; there a form fits if the
    memory holds what the layer takes while it runs.
    """

    factored_cycles: float
    folded_cycles: float
    factored_rows: int
    folded_rows: int
    factored_fits: bool = True
    folded_fits: bool = True

    @property
    def may_change(self) -> bool:
        """Whether there is a choice."""
        return self.factored_fits == self.folded_fits

    @property
    def is_better_folded(self) -> bool:
        """Whether the layer is folded where rows suffice."""
        return self.saved > 0 if self.may_change else self.folded_fits

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


class Forms:
    """A float circuit by a recipe, in the forms that its layers may take, each made and run once.

    names    of the layers that may be folded
    integer  returns its integer circuit with some of them folded
    run      returns what an integer circuit does with some samples of the calibration
    """

    def __init__(
        self, circuit: Circuit, recipe: Recipe, *, target: Target, ranges: Ranges, samples: Array
    ) -> None:
        """Take what the passes are told, and samples (B, ...) or (B, T, ...) of the calibration."""
        self.names = tuple(layer.name for layer in circuit.layers if not layer.is_folded)
        self.target, self.samples = target, samples[: affordable(circuit)]
        self.integer: Callable[[tuple[str, ...]], Circuit] = cache(
            lambda names: to_integers(circuit, recipe, target=target, ranges=ranges, folded=names)
        )
        self.run: Callable[[Circuit], Trace] = cache(
            lambda integer: run_integer(integer, self.samples, keep=CYCLE_KINDS)
        )
        self.program: Callable[[tuple[str, ...]], Program] = cache(
            lambda names: chosen(laid_out(self.integer(names), target), self.run)
        )


def formed(
    circuit: Circuit, recipe: Recipe, *, target: Target, ranges: Ranges, samples: Array
) -> tuple[Program, Decision]:
    """Return the program of a float circuit by a recipe, whether or not it fits, and its form.

    Args:
        circuit: the float circuit.
        recipe: its form of inhibition: factored, folded or auto.
        target: whose program it is.
        ranges: of the calibration.
        samples: (B, ...) or (B, T, ...) of it.
    """
    forms = Forms(circuit, recipe, target=target, ranges=ranges, samples=samples)
    decision = decide(recipe.inhibition, forms, target)
    return forms.program(decision.folded), decision


def decide(form: Form, forms: Forms, target: Target) -> Decision:
    """Return which layers of a float circuit are folded.

    "auto" folds a layer where that takes the target fewer cycles, or instructions, at the activity
    of calibration samples; where memory does not suffice, those that save most for what they take.

    Args:
        form: what was asked for.
        forms: of the circuit.
        target: with a core of its own, or that of the forms.
    """
    if form == "folded":
        return Decision(form=form, folded=forms.names)
    if form == "factored" or not target.core.runs_folded:
        return Decision(form=form)
    factored = laid_out(forms.integer(()), target)
    costs = _counted(forms) if factored.count else _costs(factored, forms.run(factored.circuit))
    return Decision(
        form=form,
        folded=_chosen(costs, target.memory.weight_rows),
        samples=len(forms.samples),
        costs=costs,
        unit=factored.unit,
    )


def _counted(forms: Forms) -> dict[str, Cost]:
    """Return the costs of programs that count for themselves, each by its own activity."""
    factored, folded = (forms.program(names) for names in ((), forms.names))
    counts = [count_cycles(one, forms.run(one.circuit)).per_stage for one in (factored, folded)]
    return {
        name: Cost(
            factored_cycles=float(counts[0][name].sum(0).mean()),
            folded_cycles=float(counts[1][name].sum(0).mean()),
            factored_rows=factored.rows[name],
            folded_rows=folded.rows[name],
            factored_fits=factored.sums[name] <= factored.most_sums,
            folded_fits=folded.sums[name] <= folded.most_sums,
        )
        for name in factored.rows
    }


def _costs(program: Program, trace: Trace) -> dict[str, Cost]:
    """Return the costs of a core's stages, at the activity of its factored program."""
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
    """Return the layers to fold: those that save cycles, as far as the memories reach.

    Where rows do not suffice, layers change to the form that takes fewer, those first that lose
    fewest cycles a row.
    """
    folded = {name for name, cost in costs.items() if cost.is_better_folded}

    def rows() -> int:
        return sum(c.folded_rows if n in folded else c.factored_rows for n, c in costs.items())

    def freed(name: str) -> int:
        return costs[name].more_rows * (1 if name in folded else -1)

    def lost(name: str) -> float:
        return costs[name].saved * (1 if name in folded else -1) / freed(name)

    while rows() > most_rows:
        smaller = [name for name in costs if freed(name) > 0 and costs[name].may_change]
        if not smaller:
            break
        folded ^= {min(smaller, key=lost)}
    return tuple(name for name in costs if name in folded)
