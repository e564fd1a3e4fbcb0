"""What a module does to its input: it is run once, and told call by call."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from eideploy.nn.neurons import LIF

LIBRARIES = tuple(str(Path(module).parent) for module in (torch.__file__, __file__))


class Reader(Protocol):
    """What is told."""

    def is_whole(self, module: nn.Module) -> bool:
        """Return whether a module is one operation, whatever it does within."""

    def read_module(self, module: nn.Module, arguments: tuple[Any, ...], out: object) -> None:
        """Take note of a module that was called."""

    def read_function(
        self, name: str, arguments: tuple[Any, ...], named: Mapping[str, Any], out: object
    ) -> None:
        """Take note of a function of torch that was called, with arguments by place and by name."""


def record(module: nn.Module, sample: Tensor, reader: Reader) -> Any:  # noqa: ANN401
    """Run a module on a sample in evaluation, without gradients, and return what it returns."""
    within = 0

    def enter(called: nn.Module, _: Any) -> None:  # noqa: ANN401
        nonlocal within
        within += within > 0 or reader.is_whole(called)

    def leave(called: nn.Module, arguments: Any, named: Any, out: Any) -> None:  # noqa: ANN401
        nonlocal within
        if within:
            within -= 1
            if not within:
                reader.read_module(called, (*arguments, *named.values()), out)

    class Functions(TorchFunctionMode):
        def __torch_function__(
            self,
            func: Callable[..., Any],
            types: Any,  # noqa: ANN401
            args: tuple[Any, ...] = (),
            kwargs: dict[str, Any] | None = None,
        ) -> Any:  # noqa: ANN401
            out = func(*args, **(kwargs or {}))
            if not within:
                name = getattr(func, "__name__", str(func)).strip("_")
                reader.read_function(name, args, kwargs or {}, out)
            return out

    hooks = (
        register_module_forward_pre_hook(enter),
        register_module_forward_hook(leave, with_kwargs=True),
    )
    try:
        with torch.no_grad(), _evaluating(module), Functions():
            return module(sample)
    finally:
        for hook in hooks:
            hook.remove()


def line() -> str:
    """Return file and line, outside of torch and of this package, that are running."""
    frame = sys._getframe()  # noqa: SLF001 (no other way)
    while frame.f_back and frame.f_code.co_filename.startswith(LIBRARIES):
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Let dropout and the like do nothing, and neurons not be fused with their layers."""
    training = {one: one.training for one in module.modules()}
    fused = {one: one.fused for one in module.modules() if isinstance(one, LIF)}
    module.eval()
    for lif in fused:
        lif.fused = False
    try:
        yield
    finally:
        for one, was in training.items():
            one.training = was
        for lif, was in fused.items():
            lif.fused = was
