"""Run by a Python that has rockpool: its alias classes take the live tree and give our JSON.

    python rockpool_alias.py BUILD/dynapse2 MOCK/samna/dynapse2.py

rockpool is AGPL: nothing of it is copied, it is asked here alone, in a process of its own.
"""

import importlib.util
import json
import sys
from pathlib import Path


def main(build, mock):
    sys.path.insert(0, build)
    spec = importlib.util.spec_from_file_location("mock_se2", mock)
    se2 = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(se2)
    from patchfile import read_patch
    from rockpool.devices.dynapse.samna_alias import modules as alias
    from session import apply

    configuration = se2.Dynapse2Configuration()
    apply(configuration, read_patch(Path(build) / "patch.json"), se2)
    neurons = parameters = 0
    for chip in configuration.chips:
        for core in chip.cores:
            for neuron in core.neurons:
                found = alias.Dynapse2Neuron.from_samna(neuron)
                ours = se2._neuron(neuron)
                theirs = json.loads(found.to_json())["value0"]
                if list(theirs) != list(ours) or theirs != ours:
                    raise SystemExit(f"{theirs}\n{ours}")
                neurons += 1
            for name, parameter in core.parameters.items():
                found = alias.Dynapse2Parameter.from_samna(parameter)
                theirs = json.loads(found.to_json())["value0"]
                if theirs != se2._parameter(parameter):
                    raise SystemExit(f"{name}: {theirs}\n{se2._parameter(parameter)}")
                parameters += 1
    sys.stdout.write(f"{neurons} neurons, {parameters} parameters equal\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
