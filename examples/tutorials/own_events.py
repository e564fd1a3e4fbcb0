"""From recordings of an event camera to a compiled network. Usage: own_events.py [EPOCHS]."""

# %% [markdown]
# # Your own events
#
# The recording of an event camera is a list of events: pixel x and y, time t in microseconds,
# polarity p. You can train on a folder of such files, with one subfolder for every class. This
# tutorial makes recordings of a bar that moves to the left or to the right. It takes about a
# minute.
#
# Paste the cells into a notebook or a Python session in an empty folder, or run the whole script.
#
# ## Recordings
#
# The fields are those of [tonic](https://tonic.readthedocs.io): a structured array in a `.npy`
# file. AEDAT 4, HDF5 and Prophesee's `.raw` and `.dat` are read as well.

# %%
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import eideploy as ei

EPOCHS = int(next(iter(sys.argv[1:]), 8))
EVENT = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", np.int8)])
rng = np.random.default_rng(0)


def recorded(direction: int) -> np.ndarray:
    """Return the events of a bar that moves by a pixel every 5 ms."""
    top, events = int(rng.integers(2, 8)), []
    for step in range(16):
        front = step if direction > 0 else 15 - step
        for y in range(top, top + 6):
            events.append((front, y, 5000 * step + rng.integers(0, 3000), 1))
            if 0 <= front - 2 * direction < 16:
                events.append((front - 2 * direction, y, 5000 * step + rng.integers(0, 3000), 0))
    noise = [(*rng.integers(0, 16, 2), *rng.integers(0, (80000, 2))) for _ in range(20)]
    return np.sort(np.array(events + noise, EVENT), order="t")


for name, direction in (("left", -1), ("right", 1)):
    folder = Path("bars") / name
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(60):
        np.save(folder / f"{number:02}.npy", recorded(direction))

# %% [markdown]
# ## Frames
#
# Events become frames: the number of events for every pixel, polarity and time step. Here 8 time
# steps of equal length.

# %%
events = np.load("bars/right/00.npy")
figure, axes = plt.subplots(1, 4, figsize=(8, 2.2))
for axis, part in zip(axes, range(0, 8, 2), strict=True):
    within = (events["t"] >= part * 10000) & (events["t"] < (part + 1) * 10000)
    frame = np.zeros((16, 16))
    np.add.at(frame, (events["y"][within], events["x"][within]), 1)
    axis.imshow(frame, cmap="gray_r")
    axis.set(title=f"step {part}", xticks=[], yticks=[])
figure.savefig("own_events.svg")
plt.close(figure)

# %% [markdown]
# ![Four frames of a bar that moves to the right](own_events.svg)
#
# ## Train and compile
#
# You have to give the size of the sensor, because a recording does not hold it.

# %%
SETTINGS = {
    "data.sensor": "16x16",
    "network.steps": 8,
    "network.widths": [8, "P", 16, "P"],
    "training.epochs": EPOCHS,
    "training.batch": 16,
    "training.rate": 0.1,
}
trained = ei.train_network("digits-conv", data="bars", overrides=SETTINGS)
print(trained.text)

# %%
built = ei.compile_run(trained.folder, target="digital")
simulated = ei.simulate_build(built.folder)
print(
    "\n".join(
        line for line in simulated.text.splitlines() if line.startswith(("accuracy", "prediction"))
    )
)

# %% [markdown]
# ## Cycles
#
# The core works on events only, so recordings with fewer events take fewer cycles:

# %%
print(next(line for line in simulated.text.splitlines() if line.startswith("cycles")))

# %% [markdown]
# Next: [write the network as ONNX](../events_to_onnx/README.md), or [how data are
# read](../../docs/data.md#data-of-your-own).
