"""The architectures that go by a name, as published."""

from collections.abc import Mapping

from eideploy.config import Architecture, Width


def _vgg(*stages: tuple[int, ...]) -> Architecture:
    """Return a VGG of these stages, each followed by a pooling."""
    widths: tuple[Width, ...] = ()
    for stage in stages:
        widths += (*stage, "P")
    return Architecture(widths=widths)


NAMED: Mapping[str, Architecture] = {
    "vgg8": _vgg((64,), (128,), (256,), (512,), (512,)),
    "vgg11": _vgg((64,), (128,), (256,) * 2, (512,) * 2, (512,) * 2),
    "vgg16": _vgg((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3),
    "vgg19": _vgg((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4),
    "resnet18": Architecture(kind="resnet", widths=(64, 128, 256, 512)),
}
