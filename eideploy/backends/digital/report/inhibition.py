"""Which layers are folded, in words."""

from eideploy.backends.digital.validate.inhibition import Decision
from eideploy.report.text import counted, table


def decision_text(decision: Decision) -> str:
    """Return the decision, with both costs where they were measured."""
    if not decision.costs:
        return f"inhibition  {decision.form}: {_summary(decision)}"
    what = "rows" if decision.unit == "cycles" else "bytes"
    head = [
        f"{decision.unit} per inference, {what} of weights",
        "factored",
        "folded",
        f"{what}, factored",
        "folded",
        "chosen",
    ]
    rows = [
        [
            name,
            f"{cost.factored_cycles:.0f}",
            f"{cost.folded_cycles:.0f}",
            f"{cost.factored_rows}",
            f"{cost.folded_rows}",
            "folded" if name in decision.folded else "factored",
        ]
        for name, cost in decision.costs.items()
    ]
    measured = f"activity of {counted(decision.samples, 'calibration sample')}"
    return f"inhibition  auto: {_summary(decision)}, by the {measured}\n\n{table(head, rows)}"


def _summary(decision: Decision) -> str:
    return f"{', '.join(decision.folded)} folded" if decision.folded else "no layer folded"
