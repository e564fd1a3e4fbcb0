"""Dale's law as a projection after the step: weights and gains that fell below 0 become 0 (M14).

A layer projects what it is about to use, whatever changed it: an optimiser, an average over models,
a line of the user's. After a step of `torch.optim` it is projected at once, so that nobody sees a
negative weight in between.
"""

from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook

MARK = "projected"  # on a parameter, its version when it was projected last


@torch.no_grad()
def project(parameter: Tensor) -> None:
    """Clamp a parameter at 0, in place, unless nothing has changed it since the last time."""
    if parameter.is_inference():
        return  # nothing can change it
    if getattr(parameter, MARK, None) != parameter._version:  # noqa: SLF001 (no other way)
        parameter.clamp_(min=0)
        setattr(parameter, MARK, parameter._version)  # noqa: SLF001 (no other way)


def _after_step(optimiser: Optimizer, *_: Any) -> None:  # noqa: ANN401
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            if hasattr(parameter, MARK):
                setattr(parameter, MARK, None)  # fused optimisers change it at the same version
                project(parameter)


register_optimizer_step_post_hook(_after_step)
