"""From a folder of pictures to hardware files. Usage: own_images.py [EPOCHS]."""

# %% [markdown]
# # Your own images, to hardware files
#
# A folder of pictures, with one subfolder for every class, is all that eideploy needs. This
# tutorial draws such pictures, trains a network on them, compiles it, and measures what was lost.
# To use your own pictures, name your own folder instead. It takes about a minute.
#
# Paste the cells into a notebook or a Python session in an empty folder, or run the whole script.
#
# ## Pictures
#
# There are three kinds of shapes of 16 by 16 pixels, with noise, at random places.

# %%
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import eideploy as ei

EPOCHS = int(next(iter(sys.argv[1:]), 12))
rng = np.random.default_rng(0)
SHAPES = ("bar", "cross", "square")


def drawn(shape: str) -> np.ndarray:
    """Return a picture (16, 16) of a shape, bytes."""
    image = rng.uniform(0, 60, (16, 16))
    y, x = rng.integers(2, 6, 2)
    if shape in ("bar", "cross"):
        image[y + 4, x : x + 9] += 180
    if shape == "cross":
        image[y : y + 9, x + 4] += 180
    if shape == "square":
        image[y : y + 8, [x, x + 7]] += 180
        image[[y, y + 7], x : x + 8] += 180
    return image.clip(0, 255).astype(np.uint8)


for shape in SHAPES:
    folder = Path("shapes") / shape
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(80):
        Image.fromarray(drawn(shape)).save(folder / f"{number:02}.png")

# %% [markdown]
# ## Look before you train
#
# `check_data` prints what eideploy sees: shapes, classes, values, and the network that suits them.

# %%
print(ei.check_data("shapes").text)

# %% [markdown]
# ## Train
#
# A fifth of each class is kept for testing. Without a preset, the network is chosen by the shape of
# the samples. Here a small network is enough, and with few samples, small batches work better.

# %%
SETTINGS = {
    "training.epochs": EPOCHS,
    "training.batch": 16,
    "training.rate": 0.1,
    "network.widths": [8, "P", 16, "P"],
}
trained = ei.train_network(data="shapes", overrides=SETTINGS)
print(trained.text)

# %% [markdown]
# ## Compile
#
# The build holds the core in SystemVerilog, the images of its memories, and a manifest.

# %%
built = ei.compile_run(trained.folder, target="digital", emit=["c"])
print(built.text.splitlines()[-1])
print(*sorted(path.name for path in built.folder.iterdir()), sep="  ")

# %% [markdown]
# ## What did it cost?
#
# The integer program runs beside the float network, on the pictures that were kept for testing.

# %%
simulated = ei.simulate_build(built.folder)
print(
    "\n".join(
        line for line in simulated.text.splitlines() if line.startswith(("accuracy", "prediction"))
    )
)

# %% [markdown]
# This figure shows how one picture passes through the network:

# %%
build = ei.load_build(built.folder)
picture = np.asarray(Image.open("shapes/cross/00.png"), np.float32)[None, None] / 255
trace = ei.run_integer(build.program.circuit, picture, keep=frozenset({"spikes"}))
figure = ei.plot.raster(trace)
figure.savefig("own_images.png")

# %% [markdown]
# ![Spikes of every layer over the time steps](own_images.png)
#
# ## Ask it
#
# `predict_samples` takes pictures as they are, and resizes them if necessary.

# %%
print(ei.predict_samples(["shapes/bar/00.png", "shapes/square/00.png"]).text)

# %% [markdown]
# Next: [bring it to an FPGA board](../../docs/boards.md), [choose number formats and a
# division](../../docs/choose_formats.md), or open the report that `eideploy report` writes.
