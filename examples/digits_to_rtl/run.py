"""Train on the digits, write SystemVerilog, and run it. Usage: run.py [KEY=VALUE]...

A KEY=VALUE is a setting of the training, e.g. training.epochs=8.
"""

import shutil
import sys

import eideploy as ei


def main(settings: dict[str, str]) -> None:
    """Print where the core lies, what it takes, and what Verilator makes of it."""
    run = ei.train_network("digits-conv", overrides=settings)
    print(run.text)
    build = ei.compile_run(run.folder, target="digital", division="lut:8x8")
    modules = sorted(path.name for path in (build.folder / "rtl").glob("*.sv"))
    print(f"\n{len(modules)} SystemVerilog files in {build.folder / 'rtl'}")
    for use in build.content["uses"]:
        print(f"  {use['resource']:<18} {use['used']:>7} of {use['offered']}")
    if shutil.which("verilator") is None:
        print("\nVerilator is not installed: `eideploy doctor` says how to get it")
        return
    found = ei.simulate_build(build.folder, executor="rtl", samples=20)
    print(f"\n{found.text}")
    if found.exit_code:
        sys.exit(found.exit_code)


if __name__ == "__main__":
    main(dict(word.split("=", 1) for word in sys.argv[1:]))
