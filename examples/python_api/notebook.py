"""A walk through the Python API in cells. Usage: notebook.py [KEY=VALUE]..., or cell by cell.

Editors that know `# %%` (VS Code, Spyder, PyCharm) run it cell by cell, and
`jupytext --to notebook notebook.py` makes a notebook of it. A KEY=VALUE is a setting of the
training, e.g. training.epochs=8.
"""

# %% [markdown]
# ## Train
# Handwritten digits, three convolutions; two minutes, fewer with fewer epochs.

# %%
import sys

import numpy as np

import eideploy as ei

SETTINGS = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
trained = ei.train_network("digits-conv", overrides=SETTINGS)
print(trained.text)

# %% [markdown]
# ## Look at the network
# A run holds the circuit as arrays, without torch.

# %%
run = ei.load_run(trained.folder)
digits = ei.load_data("digits")
print(f"{run.circuit.steps} time steps, layers {', '.join(n.name for n in run.circuit.nodes)}")

# %% [markdown]
# ## Compile it, and see what the division costs
# The same files that `eideploy compile` writes; then every division in memory.

# %%
built = ei.compile_run(trained.folder, target="digital", division="lut:8x8")
print(built.text, "\n")
ranges = ei.observe(run.circuit, digits.train_x[:256])
for name in ("exact", "lut:8x8", "shift"):
    program = ei.compile_circuit(
        run.circuit,
        target=ei.load_target("digital"),
        scheme=ei.load_scheme("int8"),
        ranges=ranges,
        divider=ei.division(name),
        zero_policy="minimum",
    )
    found = ei.compare(run.circuit, program, digits.test_x, digits.test_y)
    print(f"{name:<8} agreement {found.agreement:.2%}, {found.cycles.median:.0f} cycles")

# %% [markdown]
# ## One image, spike by spike
# The trace of the integer simulator has every spike and sum.

# %%
program = ei.load_build(built.folder).program
trace = ei.run_integer(program.circuit, digits.test_x[:1], keep=ei.CYCLE_KINDS)
cycles = ei.count_cycles(program, trace)
said = int(np.argmax(trace.logits[0]))
print(f"it says {said} after {int(cycles.per_inference[0])} cycles, and is a {digits.test_y[0]}")

# %% [markdown]
# ## What is wrong is said
# Every error has what, where and fix.

# %%
try:
    ei.compile_run(trained.folder, division="mitchell")
except ei.EideployError as error:
    print(f"refused: {error.what}; {error.fix}")

# %% [markdown]
# ## Report
# One page with all of it, to be opened in a browser.

# %%
print(ei.report_on(built.folder, samples=64).content["page"])
