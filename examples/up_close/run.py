"""Look at the method up close. Usage: run.py gradients|scaling|maps [OPTIONS].

gradients   the norm of the first gradients over that of the weights, W_EI's with and without 1/d
scaling     test accuracy where W_EI's gradient is divided by other powers of the fan-in d
maps        what the layers make of one digit of each class, drawn into maps.svg
"""

import argparse
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import eideploy.nn as einn
from eideploy.data import Dataset, load

STEPS, BATCH, RATE = 4, 32, 0.01
POWERS = "0,0.25,0.5,0.75,1,1.25,1.5"
NAMES = {"excitatory": "W_EE", "inhibitory": "W_IE", "lateral": "W_EI"}


class Net(nn.Module):
    """Six convolutions, with means of 2x2 behind the second and the fourth, and a readout."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        channels = 1
        for number, width in enumerate((16, 16, 32, 32, 64, 64)):
            stage = [einn.Conv2d(channels, width, 3, padding=1), einn.LIF()]
            if number in (1, 3):
                stage.append(einn.AvgPool2d(2))
            self.stages.append(einn.Sequential(*stage))
            channels = width
        self.readout = einn.Readout(64 * 2 * 2, 10)

    def maps(self, images: Tensor) -> Iterator[Tensor]:
        """Yield what each stage puts out, (T, B, channels, height, width)."""
        x = images.expand(STEPS, *images.shape)
        for stage in self.stages:
            x = stage(x)
            yield x

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of images (B, 1, 8, 8)."""
        *_, last = self.maps(images)
        return self.readout(last.flatten(2)).mean(0)

    @property
    def layers(self) -> list[nn.Module]:
        """The E-I layers, in order."""
        return [*(stage[0] for stage in self.stages), self.readout]


def begin(data: Dataset, seed: int, power: float) -> tuple[Net, np.random.Generator]:
    """Return a network by E-I Init, its gradients of W_EI divided by d**power."""
    rng = np.random.default_rng(seed)
    model = Net()
    einn.initialise(model, batch(data, rng.permutation(len(data.train))[:BATCH]), seed=seed)
    for layer in model.layers:
        layer.gradient_scale = layer.fan_in**-power
    return model, rng


def batch(data: Dataset, chosen: np.ndarray) -> Tensor:
    """Return training images (B, 1, 8, 8)."""
    return torch.from_numpy(data.train.batch(chosen))


def gradients(data: Dataset) -> None:
    """Print the norm of the first batch's gradient over that of the weights, by layer."""
    first = np.arange(BATCH)
    norms = {}
    for power in (0, 1):
        model, _ = begin(data, 0, power)
        loss(model, data, first).backward()
        norms[power] = [
            {name: relative(layer.get_submodule(part).weight) for part, name in NAMES.items()}
            for layer in model.layers
        ]
    print(f"{'layer':<9}{'d':>5}{'W_EE':>11}{'W_IE':>11}{'W_EI':>11}{'W_EI / d':>11}")
    for number, layer in enumerate(model.layers):
        raw, scaled = norms[0][number], norms[1][number]
        name = f"conv{number + 1}" if layer is not model.readout else "readout"
        columns = (raw["W_EE"], raw["W_IE"], raw["W_EI"], scaled["W_EI"])
        print(f"{name:<9}{layer.fan_in:>5}" + "".join(f"{n:>11.2e}" for n in columns))


def relative(weight: nn.Parameter) -> float:
    """Return the norm of the gradient over that of the weight."""
    return float(weight.grad.norm() / weight.detach().norm())


def loss(model: Net, data: Dataset, chosen: np.ndarray) -> Tensor:
    """Return the cross-entropy of training images."""
    return nn.functional.cross_entropy(
        model(batch(data, chosen)), torch.from_numpy(data.train.y[chosen])
    )


def train(data: Dataset, seed: int, power: float, epochs: int) -> Net:
    """Return a network trained by SGD, its rate rising for a tenth of the epochs, then a cosine."""
    model, rng = begin(data, seed, power)
    optimiser = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9, weight_decay=5e-4)
    batches = len(data.train) // BATCH
    rises = max(1, epochs * batches // 10)
    rate = torch.optim.lr_scheduler.SequentialLR(
        optimiser,
        [
            torch.optim.lr_scheduler.LinearLR(optimiser, 0.01, total_iters=rises),
            torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * batches - rises),
        ],
        [rises],
    )
    for _ in range(epochs):
        order = rng.permutation(len(data.train))
        for number in range(batches):
            error = loss(model, data, order[BATCH * number : BATCH * (number + 1)])
            optimiser.zero_grad()
            error.backward()
            optimiser.step()
            rate.step()
    return model


@torch.no_grad()
def accuracy(model: Net, data: Dataset) -> float:
    """Return the accuracy on the test images, in percent."""
    logits = model(torch.from_numpy(data.test.batch(slice(None))))
    return 100 * float((logits.argmax(1).numpy() == data.test.y).mean())


def scaling(data: Dataset, powers: Sequence[str], seeds: int, epochs: int) -> None:
    """Print the accuracy of every seed by what W_EI's gradient is divided by."""
    print("divided by  " + "".join(f"{f'seed {seed}':>9}" for seed in range(seeds)), flush=True)
    for power in powers:
        print(f"d^{power:<10}", end="")
        for seed in range(seeds):
            model = train(data, seed, float(power), epochs)
            print(f"{accuracy(model, data):>9.2f}", end="", flush=True)
        print()


def maps(data: Dataset, epochs: int) -> None:
    """Draw, for a digit of each class, the rate of every stage's most active channel."""
    model = train(data, 0, 1, epochs).requires_grad_(requires_grad=False)
    first = [int(np.argmax(data.test.y == number)) for number in range(data.classes)]
    images = torch.from_numpy(data.test.batch(np.array(first)))
    rates = [images[:, 0].numpy()]
    for spikes in model.maps(images):
        mean = spikes.mean(0)  # over time: (B, channels, height, width)
        most = mean.mean((2, 3)).argmax(1)
        rates.append(mean[torch.arange(len(mean)), most].numpy())
    figure = Figure(figsize=(len(rates), len(images)), layout="constrained")
    for row, cells in enumerate(figure.subplots(len(images), len(rates))):
        for column, cell in enumerate(cells):
            cell.imshow(rates[column][row], cmap="gray_r", vmin=0, vmax=1)
            cell.set(xticks=[], yticks=[])
            if row == 0:
                cell.set_title(f"conv{column}" if column else "digit", fontsize=9)
    figure.savefig("maps.svg")
    print(f"accuracy {accuracy(model, data):.2f} %, maps.svg")


def main() -> None:
    """Do what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("gradients", "scaling", "maps"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--powers", default=POWERS, help="of d, with commas between them")
    options = parser.parse_args()
    data = load("digits")
    if options.what == "gradients":
        gradients(data)
    elif options.what == "scaling":
        scaling(data, options.powers.split(","), options.seeds, options.epochs)
    else:
        maps(data, options.epochs)


if __name__ == "__main__":
    main()
