"""What every pass has changed, as a table."""

from eideploy.report.text import counted, percent, table
from eideploy.validate.ladder import Rung


def ladder_text(rungs: tuple[Rung, ...], samples: int) -> str:
    """Return the rungs as a table, a column each, with a line for every layer."""
    head = [f"on {counted(samples, 'calibration sample')}", *(rung.after for rung in rungs)]
    rows = [["agreement with float", *(percent(rung.agreement) for rung in rungs)]]
    if rungs[0].accuracy is not None:
        rows.insert(0, ["accuracy", *(percent(rung.accuracy or 0.0) for rung in rungs)])
    rows += [
        [f"{name}, spikes differ", *(percent(rung.mismatch[name], 3) for rung in rungs)]
        for name in rungs[0].mismatch
    ]
    rows.append(["first diverging layer", *(rung.first_diverging or "-" for rung in rungs)])
    return table(head, rows)
