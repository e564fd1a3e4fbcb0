"""What 4-bit weights and shifts cost, and what fine-tuning wins back. Usage: run.py [KEY=VALUE]...

A KEY=VALUE is a setting of both trainings, e.g. training.epochs=8.
"""

import sys

import eideploy as ei


def main(settings: dict[str, str]) -> None:
    """Print the accuracy in integers, of the trained network and after fine-tuning."""
    plain = ei.train_network("digits-mlp", overrides=settings)
    tuned = ei.finetune_run(plain.folder, scheme="int4", division="shift", overrides=settings)
    print("network     scheme  division  float    integers  agreement")
    for name, run, scheme, division in (
        ("trained", plain, "int8", "lut:8x8"),
        ("trained", plain, "int4", "shift"),
        ("fine-tuned", tuned, "int4", "shift"),
    ):
        build = ei.compile_run(run.folder, scheme=scheme, division=division)
        found = ei.simulate_build(build.folder).content
        print(
            f"{name:<10}  {scheme:<6}  {division:<8}  {found['float_accuracy']:7.2%}  "
            f"{found['integer_accuracy']:8.2%}  {found['agreement']:9.2%}"
        )


if __name__ == "__main__":
    main(dict(word.split("=", 1) for word in sys.argv[1:]))
