"""Write a test sample of a build as the events that stream.c reads.

python feed.py BUILD [SAMPLE]
"""

import sys
from pathlib import Path

import numpy as np

import eideploy
from eideploy.data.origin import Place
from eideploy.execute.integer import quantize_input
from eideploy.flow.samples import samples_of


def main() -> None:
    """Print a line for every entry that is not zero, and one where a step ends."""
    build = eideploy.load_build(Path(sys.argv[1]))
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    x, _ = samples_of(build, input_file=None, split=None, count=number + 1, place=Place())
    circuit = build.integer
    sample = np.asarray(x)[number]
    still = sample.shape == circuit.input.size
    frames = np.broadcast_to(sample, (circuit.steps, *circuit.input.size)) if still else sample
    for frame in quantize_input(circuit, frames):
        levels = frame.ravel()
        for entry in np.flatnonzero(levels):
            print(entry, levels[entry])
        print(".")


if __name__ == "__main__":
    main()
