"""From a snnTorch network to C on a microcontroller. Usage: snntorch_to_c.py [EPOCHS]."""

# %% [markdown]
# # A snnTorch network, in C
#
# eideploy also compiles ordinary spiking networks, which have no inhibition and do not divide. This
# tutorial trains one in snnTorch, exports it, and ends with C code that needs no floating point. It
# takes about a minute, and needs `pip install snntorch`.
#
# Paste the cells into a notebook or a Python session in an empty folder, or run the whole script.
#
# ## Train in snnTorch
#
# The integer neurons here have the same `reset_mechanism="zero"`. A beta of 0.75 is a time constant
# of 4 steps. This is a power of two, so the leak becomes a shift.

# %%
import shutil
import subprocess
import sys

import numpy as np
import snntorch
import torch
from snntorch import surrogate
from torch import nn

import eideploy as ei

EPOCHS = int(next(iter(sys.argv[1:]), 15))
digits = ei.load_data("digits")
x, y = torch.tensor(digits.train_x).flatten(1), torch.tensor(digits.train_y).long()
test_x, test_y = torch.tensor(digits.test_x).flatten(1), digits.test_y


class Net(nn.Module):
    """Two layers, shown the same image at every one of 8 steps."""

    def __init__(self) -> None:
        super().__init__()
        spikes = {"beta": 0.75, "reset_mechanism": "zero", "spike_grad": surrogate.fast_sigmoid()}
        self.linear1, self.leaky1 = nn.Linear(64, 48), snntorch.Leaky(**spikes)
        self.linear2, self.leaky2 = nn.Linear(48, 10), snntorch.Leaky(**spikes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the mean number of spikes of every class, (B, 10)."""
        hidden, out = self.leaky1.reset_mem(), self.leaky2.reset_mem()
        counted = []
        for _ in range(8):
            spikes, hidden = self.leaky1(self.linear1(images), hidden)
            spikes, out = self.leaky2(self.linear2(spikes), out)
            counted.append(spikes)
        return torch.stack(counted).mean(0)


torch.manual_seed(0)
torch.set_num_threads(1)  # so small a network is faster on one
net = Net()
optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
for _ in range(EPOCHS):
    for batch in torch.randperm(len(x)).split(64):
        loss = nn.functional.cross_entropy(4 * net(x[batch]), y[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
predicted = net(test_x).argmax(1).numpy()
print(f"snnTorch: {np.mean(predicted == test_y):.1%} of {len(test_y)} test images")

# %% [markdown]
# ## Export
#
# `export` runs the module once and records what it does. If a circuit cannot compute some of it,
# the error names every such operation with its line.

# %%
circuit = ei.export(net, x[:8])
print(ei.circuit_text(circuit))

# %% [markdown]
# ## Compile, and compare
#
# `compile_circuit` calibrates on samples and returns the integer program.

# %%
program = ei.compile_circuit(circuit, samples=x[:256].numpy())
compared = ei.compare(circuit, program, test_x.numpy(), test_y)
print(f"integers: {compared.integer_accuracy:.1%}, agreement {compared.agreement:.1%}")

# %% [markdown]
# These are the spikes of one test image, by the integers that the C code will compute:

# %%
spikes_only = frozenset({"spikes"})
trace = ei.run_integer(program.circuit, test_x[:1].numpy(), keep=spikes_only)
ei.plot.raster(trace).savefig("snntorch_to_c.png")

# %% [markdown]
# ![Spikes of both layers over the 8 steps](snntorch_to_c.png)
#
# ## C
#
# A run keeps the network, and `compile_run(emit=["c"])` writes its C. The self-test compares sums
# that the integer simulator computed.

# %%
run = ei.save_run(net, (x.numpy(), y.numpy(), test_x.numpy(), test_y), sample=x[:8])
built = ei.compile_run(run.folder, emit=["c"])
print(*sorted(path.name for path in (built.folder / "c").iterdir()), sep="  ")
if shutil.which("make") and shutil.which("cc"):
    tested = subprocess.run(
        ["make", "-s", "test"], cwd=built.folder / "c", capture_output=True, text=True, check=True
    )
    print(tested.stdout.strip())

# %% [markdown]
# Call `net_run` of `net.h` for a still image, and `net_init` and `net_step` for samples that arrive
# step by step. [C for microcontrollers](../../docs/c.md) has the instructions and bytes that it
# takes.
