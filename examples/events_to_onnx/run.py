"""Train on an event camera's recordings, write ONNX, run it elsewhere. Usage: run.py [KEY=VALUE]...

A KEY=VALUE is a setting of the training, e.g. training.epochs=8.
"""

import sys

import numpy as np
import onnxruntime

import eideploy as ei

SAMPLES = 100


def main(settings: dict[str, str]) -> None:
    """Print what onnxruntime makes of both models, beside the integer simulator."""
    run = ei.train_network("digits-events-vgg8", overrides=settings)
    build = ei.compile_run(run.folder, emit=["onnx"])
    program = ei.load_build(build.folder).program
    events = ei.load_data("digits-events", steps=program.circuit.steps)
    x, y = events.test_x[:SAMPLES], events.test_y[:SAMPLES]  # (B, T, polarity, H, W): counts
    feed = {"input": np.asarray(x, np.float32)}
    for file, output in (("model.onnx", "logits"), ("model.int.onnx", "totals")):
        session = onnxruntime.InferenceSession(build.folder / file)
        (found,) = session.run([output], feed)
        print(f"{file:<16} accuracy {(found.argmax(1) == y).mean():6.2%} of {len(y)} recordings")
    totals = ei.run_integer(program.circuit, feed["input"]).totals
    print(f"integer sums that differ from the simulator's: {(found != totals).sum()}")
    sys.exit(int((found != totals).any()))


if __name__ == "__main__":
    main(dict(word.split("=", 1) for word in sys.argv[1:]))
