"""What an epoch has come to so far."""

import torch
from torch import Tensor

from eideploy.model.metrics import Partial
from eideploy.model.processes import Group


class Sums:
    """Loss and right answers over the images of an epoch, kept on the device until asked for."""

    def __init__(self, begun: Partial, like: Tensor, *, counts: bool) -> None:
        self.look = begun.look
        self.images = begun.images  # over all processes; what was begun counts in the first
        self.loss = torch.tensor(begun.loss * counts, dtype=like.dtype, device=like.device)
        self.right = torch.tensor(begun.right * counts, device=like.device)

    def partial(self, group: Group, *, batches: int, generator: dict[str, object]) -> Partial:
        """Return the sums over all processes."""
        return Partial(
            batches=batches,
            images=self.images,
            loss=float(group.sum(self.loss)),
            right=int(group.sum(self.right)),
            generator=generator,
            look=self.look,
        )
