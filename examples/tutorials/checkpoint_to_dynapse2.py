"""From a DeepEISNN checkpoint to DYNAP-SE2. Usage: checkpoint_to_dynapse2.py [KEY=VALUE]...

KEY=VALUE is a setting of the network for the chip, as training.epochs=3.
"""

# %% [markdown]
# # A DeepEISNN checkpoint, on DYNAP-SE2
#
# The [published code](https://github.com/vwOvOwv/DeepEISNN) saves a network as `model.safetensors`
# beside a `config.json`. This tutorial takes such a folder to DYNAP-SE2, a mixed-signal chip, and
# asks a simulation of the chip what is left of its accuracy. **No board has run any of this.** It
# takes four minutes, and needs a C++ compiler.
#
# Paste the cells into a notebook or a Python session in an empty folder, or run the whole script.
#
# ## A checkpoint
#
# To use your own checkpoint, name its folder instead of `checkpoint`. So that you need not download
# anything, this cell trains a small network on digits and saves it as the published code would.
# Every layer has its excitatory and inhibitory weights under one number, and its inhibition under
# the next.

# %%
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

import eideploy as ei

CHIP = (
    {  # a smaller and shorter training than the preset's, which takes 512 neurons and 90 epochs
        "network.excitatory": 192,
        "network.inhibitory": 48,
        "network.output_inhibitory": 12,
        "network.outputs": 10,
        "training.epochs": 15,
    }
    | dict(word.split("=", 1) for word in sys.argv[1:])
)
NAMES = {
    "excitatory.weight": (0, "weight_ee"),
    "inhibitory.weight": (0, "weight_ie"),
    "lateral.weight": (1, "weight_ei"),
    "gain_i": (1, "gain_i"),
    "gain_e": (1, "gain_e"),
    "bias": (1, "bias"),
}

# without clipping, as the published code trains
settings = {"training.epochs": 20, "training.clip_ratio": 0.0}
trained = ei.train_network("digits-mlp", overrides=settings)
ours = load_file(trained.folder / "checkpoint.safetensors")
theirs = {}
for name, values in ours.items():
    kind, _, rest = name.partition("/")
    layer = ("encoder.1.", "body.1.", "readout.")
    place = next((k for k, start in enumerate(layer) if rest.startswith(start)), None)
    if kind == "parameter" and place is not None:
        ahead, called = NAMES[rest.removeprefix(layer[place])]
        theirs[f"layers.{2 + 5 * place + ahead}.{called}"] = np.atleast_2d(values)
for called, size in (("gain_i", 2), ("gain_e", 10), ("bias", 10)):  # saved, but not used
    theirs[f"layers.13.{called}"] = np.ones((1, size), np.float32)
folder = Path("checkpoint")
folder.mkdir(exist_ok=True)
save_file(theirs, folder / "model.safetensors")
config = {"type": "EI-SNN", "arch": "MLP", "dataset": "MNIST", "T": 4, "neuron": {"tau": 2.0}}
(folder / "config.json").write_text(json.dumps(config))
print(trained.text.splitlines()[1])

# %% [markdown]
# ## Import
#
# Widths, kernels and poolings follow from the tensors. The config names the data set MNIST, whose
# images are larger than these, so you have to give the size. The result is a run like any other,
# which also compiles for a digital core.

# %%
imported = ei.import_checkpoint("checkpoint", size="8x8")
print(imported.text)

# %% [markdown]
# ## What a chip can hold
#
# A neuron of DYNAP-SE2 has 64 synapses, and its four dendrites add and divide currents by their
# physics. The network above has more synapses than that. eideploy therefore trains another network,
# within the chip's limits, to give the same answers as the first one. It needs no labels, only
# images in the range that the network was trained on. 192 neurons and 15 epochs are few. Without
# these settings, the preset takes 512 and 90, and more time.

# %%
digits = ei.load_data("digits")
np.save("images.npy", digits.train_x)
chip_run = ei.train_network(
    finetune=imported.folder, target="dynapse2", distil_on="images.npy", overrides=CHIP
)
print(chip_run.text)

# %% [markdown]
# ## Map it
#
# Mapping places every neuron on a core, gives its synapses tags and memory cells, and finds the
# bias currents. `patch.json` is the configuration. `load.py` beside it brings the configuration to
# a board, and can check it without one.

# %%
built = ei.compile_run(chip_run.folder, target="dynapse2")
print(built.text)
loader = built.folder / "dynapse2" / "load.py"
checked = subprocess.run(
    [sys.executable, loader.name, "check"],
    cwd=loader.parent,
    check=True,
    capture_output=True,
    text=True,
)
print(checked.stdout)

# %% [markdown]
# The report on the build has every table and figure. Its figures can be files of their own:

# %%
ei.report_on(built.folder, figures="figures", format="png")

# %% [markdown]
# ![Four cores with their populations; one is free](figures/cores-chip-0-populations.png)
#
# Every square is a neuron. A darker one in the next figure has more of its 64 synapses in use.
#
# ![The same cores by synapses in use](figures/cores-chip-0-cams-in-use.png)
#
# ## Ask the simulated chip
#
# The simulation reads the chip's memories and biases, not the network. It draws boards whose biases
# and transistors deviate, as they do on a real chip. The size of the deviations is an assumption,
# stated in [DYNAP-SE2 training](../../docs/dynapse2_training.md).

# %%
np.save("test.npy", digits.test_x[:100])
np.save("labels.npy", digits.test_y[:100])
found = ei.simulate_chip(built.folder, input="test.npy", labels="labels.npy", chips=2)
print(found.text)

# %% [markdown]
# The network is small and its training short. The larger network of the preset loses less to
# mismatch ([figures](../../docs/dynapse2_training.md#what-was-measured)).
#
# Next: [the first session on a board](../../docs/dynapse2.md#on-a-board), or the digital core,
# which keeps every spike: `eideploy compile runs/checkpoint-1 --target digital`.
