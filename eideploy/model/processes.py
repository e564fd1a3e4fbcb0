"""The processes that train one network together, as torchrun starts them; or one alone."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from eideploy.model.batches import Batch


@dataclass(frozen=True, kw_only=True)
class Group:
    """This process among `size`; process 0 alone writes. Every call is one that all make."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def sum(self, value: Tensor) -> Tensor:
        """Return the sum over all processes."""
        if self.size > 1:
            value = value.clone()
            distributed.all_reduce(value)
        return value

    def any(self, *, asked: bool) -> bool:
        """Return whether any process asks; through the CPU, so that no GPU is waited for."""
        return bool(self.sum(torch.tensor(int(asked)))) if self.size > 1 else asked

    def send(self, data: bytes) -> bytes:
        """Return what process 0 gives."""
        if self.size == 1:
            return data
        length = torch.tensor(len(data))
        distributed.broadcast(length, 0)
        content = torch.empty(int(length), dtype=torch.uint8)
        if self.first:
            content = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        distributed.broadcast(content, 0)
        return content.numpy().tobytes()

    def spread(self, network: nn.Module) -> nn.Module:
        """Return a network whose gradients are the mean over all processes."""
        if self.size == 1:
            return network
        # a 1x1 kernel lies alike in both memory formats, but its strides are named by one
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        return DistributedDataParallel(network, broadcast_buffers=False)

    def share(self, batch: Batch) -> tuple[Tensor, Tensor, int]:
        """Return the samples and classes of this process, and how many of them count.

        Where there are fewer samples than processes some count none, and take one as a stand-in.
        """
        x, y = batch.x[self.rank :: self.size], batch.y[self.rank :: self.size]
        return (x, y, len(x)) if len(x) else (batch.x[:1], batch.y[:1], 0)


ALONE = Group()


@contextmanager
def joined() -> Iterator[Group]:
    """Yield the group that torchrun started this process in, met on the way in."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Group(rank=distributed.get_rank(), size=distributed.get_world_size())
        distributed.barrier()  # a process that left early would break off what others still send
    finally:
        distributed.destroy_process_group()
