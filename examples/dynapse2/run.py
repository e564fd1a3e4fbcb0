"""From the digits to a DYNAP-SE2 configuration, simulated. Usage: run.py [KEY=VALUE]...

A KEY=VALUE is a setting of the training, e.g. training.epochs=3. No board has run any of this.
"""

import subprocess
import sys

import eideploy as ei


def main(settings: dict[str, str]) -> None:
    """Print what is mapped, what the loader says of it, and what mismatch makes of it."""
    run = ei.train_network("digits-dynapse2", overrides=settings)
    print(run.text, "\n")
    build = ei.compile_run(run.folder, target="dynapse2")
    print(build.text, "\n")
    loader = build.folder / "dynapse2" / "load.py"
    subprocess.run([sys.executable, loader.name, "check"], cwd=loader.parent, check=True)
    found = ei.simulate_chip(build.folder, samples=100, chips=2)
    print(f"\n{found.text}")


if __name__ == "__main__":
    main(dict(word.split("=", 1) for word in sys.argv[1:]))
