"""Calls of jobs, for mypy: it has to refuse the lines that say so, and no other."""

from pathlib import Path

import eideploy as ei

SETTINGS = {"training.epochs": 6, "network.widths": [8, "P"]}
ei.train_network("digits-mlp", seed=1, overrides=SETTINGS)
built = ei.compile_run(Path("run"), scheme="int4", division=ei.division("shift"), emit=["nir"])
found = ei.simulate_build(built.folder, samples=100).content["agreement"]
ei.simulate_chip(chips=3, calibrate=2)
ei.sweep_runs(["a"], schemes=[Path("mine.toml"), "int4"], contrast=[0.5])
ei.finetune_run("a", lut="8bit")
ei.distil_run("a", "dynapse2", seed=1)
ei.import_checkpoint("a.nir", reading=ei.Reading(steps=4, reset="zero"))
ei.compile_run("run", taget="dynapse2")  # refused
ei.compile_run("run", emit=["nir"], nir_dialect=["flat"])  # refused
ei.compile_run("run", monitor="some")  # refused
ei.simulate_build("a", "b")  # refused
ei.simulate_build("a", split="half")  # refused
ei.finetune_run()  # refused
ei.verify_build(samples="all")  # refused
