"""Job: what a microcontroller offers."""

from eideploy.backends.c.controller import Controller
from eideploy.flow.result import Result
from eideploy.report.text import table


def check(controller: Controller) -> Result:
    """Print the memories and the processor of a microcontroller."""
    offered = {
        **{f"memory.{key}": value for key, value in vars(controller.memories).items()},
        **{f"processor.{key}": value for key, value in vars(controller.processor).items()},
        **{f"instructions.{key}": value for key, value in vars(controller.instructions).items()},
    }
    rows = [
        [key, f"{value:,}" if isinstance(value, int) else f"{value or '-'}"]
        for key, value in offered.items()
    ]
    text = "\n".join(
        [
            f"target {controller.name} is well-formed: {controller.description}",
            f"divides by {', '.join(sorted(controller.divider))}",
            "",
            table(["resource", "offered"], rows),
        ]
    )
    content = {
        "target": controller.name,
        "clock_hz": controller.clock_hz,
        "divider": sorted(controller.divider),
        **offered,
    }
    return Result(text=text, content=content)
