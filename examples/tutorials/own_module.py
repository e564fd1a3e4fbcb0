"""A PyTorch network of one's own, from training to RTL. Usage: own_module.py [STEPS]."""

# %% [markdown]
# # Your own PyTorch module, to SystemVerilog
#
# You can put the layers of the method into any `torch.nn.Module` and train it in your own loop.
# This tutorial does so with a network that has a branch. It then compiles the network, and runs the
# core in Verilator if that is installed. It takes two minutes.
#
# Paste the cells into a notebook or a Python session in an empty folder, or run the whole script.
#
# ## Data
#
# There are four kinds of images, each bright in another corner, in plain arrays.

# %%
import sys

import numpy as np
import torch
from torch import nn

import eideploy as ei
import eideploy.nn as einn

TRAINING_STEPS = int(sys.argv[1]) if sys.argv[1:] and sys.argv[1].isdigit() else 60
rng = np.random.default_rng(0)
y = np.arange(400) % 4
x = rng.random((400, 1, 8, 8), np.float32) * 0.4
for image, corner in zip(x, y, strict=True):
    row, column = divmod(int(corner), 2)
    image[0, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 0.3
x /= x.max()
train_x, test_x, train_y, test_y = x[:320], x[320:], y[:320], y[320:]
np.savez("corners.npz", x_train=train_x, y_train=train_y, x_test=test_x, y_test=test_y)

# %% [markdown]
# ## Network and loop
#
# The layers have torch's names ([Layers for PyTorch](../../docs/nn.md)). `initialise` fills the
# weights from the first batch; after that, any optimiser works.


# %%
class Net(nn.Module):
    """Two convolutions, the second beside a branch that goes around it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.lif1 = einn.Conv2d(1, 8, 3, padding=1), einn.LIF()
        self.conv2, self.lif2 = einn.Conv2d(8, 8, 3, padding=1), einn.LIF()
        self.pool, self.readout = einn.AvgPool2d(2), einn.Readout(8 * 4 * 4, 4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits of images (B, 1, 8, 8), which are shown at four steps."""
        spikes = self.lif1(self.conv1(images.expand(4, *images.shape)))
        spikes = spikes + self.lif2(self.conv2(spikes))
        return self.readout(self.pool(spikes).flatten(2)).mean(0)


torch.manual_seed(0)
model, inputs, classes = Net(), torch.from_numpy(train_x), torch.from_numpy(train_y)
einn.initialise(model, inputs[:64])
optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
for step in range(TRAINING_STEPS):
    batch = slice(64 * (step % 5), 64 * (step % 5 + 1))
    loss = nn.functional.cross_entropy(model(inputs[batch]), classes[batch])
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()

# %% [markdown]
# ## To a circuit, and to integers
#
# `export` turns the module into a circuit, and `compile_circuit` turns that into an integer
# program. `compare` runs both on the test images.

# %%
circuit = ei.export(model, inputs[:8])
print(ei.circuit_text(circuit))
program = ei.compile_circuit(circuit, samples=train_x[:256])
compared = ei.compare(circuit, program, test_x, test_y)
print(f"agreement {compared.agreement:.2%}, accuracy {compared.integer_accuracy:.2%}")

# %% [markdown]
# ## Look inside
#
# `eideploy.plot` makes figures with matplotlib, which a notebook shows.

# %%
trace = ei.run_float(circuit, test_x[:1], keep=frozenset({"spikes", "currents", "divisors"}))
ei.plot.raster(trace).savefig("own_module.png")
ei.plot.divisors(trace).savefig("own_module_divisors.png")

# %% [markdown]
# ![Spikes of every layer over the time steps](own_module.png)
#
# ![The divisors of every layer](own_module_divisors.png)
#
# ## A run and a build, for every command
#
# `save_run` keeps the network as a run, and `compile_run` compiles it to a build. The core runs in
# Verilator on 8 test images, and every spike, membrane, logit and cycle is compared with the
# integers.

# %%
run = ei.save_run(circuit, "corners.npz", name="corners")
print(run.text)
built = ei.compile_run(run.folder)
try:
    print(ei.simulate_build(built.folder, executor="rtl", samples=8).text)
except ei.UsageError as error:
    print(f"not run: {error.what}; {error.fix}")

# %% [markdown]
# Next: [what a module may contain](../../docs/nn.md#to-a-circuit), or [make a bitstream for an FPGA
# board](../../docs/boards.md).
