"""Compile a network of another tool by its NIR file. Usage: run.py [TOOL] [EPOCHS].

TOOL is snntorch (default), snntorch-0.9, spikingjelly or nirtorch.
"""

import sys

import nir
import numpy as np
import torch
from networks import trained

import eideploy as ei


def main(tool: str = "snntorch", epochs: str = "20") -> None:
    """Print how many predictions the digital core keeps of those that the tool makes."""
    network, images, test = trained(tool, int(epochs))
    with torch.no_grad():
        theirs = network.logits(test).argmax(1).numpy()
    nir.write(f"{tool}.nir", network.write())
    np.save("images.npy", images[:256].numpy())
    build = ei.compile_run(f"{tool}.nir", reading=network.reading, calibrate_on="images.npy")
    print(build.text, "\n")
    compiled = ei.load_build(build.folder)
    truth = ei.load_data("digits").test_y
    floats = ei.run_float(compiled.circuit, test.numpy()).logits.argmax(1)
    integers = ei.run_integer(compiled.program.circuit, test.numpy()).totals.argmax(1)
    for what, found in ((tool, theirs), ("float circuit", floats), ("integer program", integers)):
        kept, right = (found == theirs).mean(), (found == truth).mean()
        print(f"{what:<16} accuracy {right:7.2%}  same prediction as {tool} {kept:7.2%}")
    sys.exit(int((integers == theirs).mean() < 0.95))


if __name__ == "__main__":
    main(*sys.argv[1:])
