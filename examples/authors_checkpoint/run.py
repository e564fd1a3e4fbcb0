"""Compile a checkpoint of the authors' code. Usage: run.py CKPT SAMPLES.npy.

SAMPLES.npy holds samples as the network was trained on: (B, channels, height, width).
"""

import sys

import eideploy as ei


def main(checkpoint: str, samples: str) -> None:
    """Print what was imported, and what becomes of it in integers."""
    run = ei.import_checkpoint(checkpoint)
    print(run.text)
    print(ei.circuit_text(ei.load_run(run.folder).circuit), "\n")
    build = ei.compile_run(run.folder, target="digital-large", calibrate_on=samples)
    found = ei.simulate_build(build.folder, input=samples)
    print(found.text)


if __name__ == "__main__":
    main(*sys.argv[1:])
