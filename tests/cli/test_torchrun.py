"""Two processes train what one would with the same batches.

They add the same numbers in another order: a sum over a batch becomes the sum of two halves, so a
loss differs by a few units in the last place. In float64 that is 1e-16 a step, which spikes pass on
only where a membrane lies that close to its threshold; hence 1e-9 over the epochs of these tests.
"""

import csv
import os
import socket
import subprocess
import sys

import pytest

from tests.cli.support import PATIENCE_S, TINY, process

# 1437 images leave a last batch of one, so that the second process has none of its own
EXACT = (*TINY, "--set", "training.precision=float64", "--set", "training.batch=359")
SAME = {"rel": 1e-9}


def losses(run):
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [float(r["loss"]) for r in rows], [
        float(r[k]) for r in rows for k in ("train_accuracy", "test_accuracy")
    ]


def pair(*argv, struck=()):
    """Start two processes as torchrun does, without its supervision; the first may be struck."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    return [
        process(*argv, more={**place, "RANK": rank, "LOCAL_RANK": rank}, struck=strike)
        for rank, strike in (("0", struck), ("1", ()))
    ]


def test_two_processes_under_torchrun_give_the_losses_of_one(empty, call):
    assert call("train", *EXACT, "--out", "one").code == 0
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    subprocess.run(
        [*launch, "-m", "eideploy.cli", "train", *EXACT, "--out", "two"],
        check=True, capture_output=True, timeout=PATIENCE_S,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    (one, rates_of_one), (two, rates_of_two) = losses(empty / "one"), losses(empty / "two")
    assert two == pytest.approx(one, **SAME)
    assert rates_of_two == rates_of_one
    names = [{p.name for p in (empty / run).iterdir()} for run in ("one", "two")]
    assert names[0] == names[1]


def test_two_processes_normalise_a_baseline_over_the_whole_batch(empty, call):
    baseline = (
        *(*EXACT, "--set", "network.normalization=batch"),
        *("--set", "training.clip_ratio=0"),  # clipped, it is at chance after these few batches
    )
    assert call("train", *baseline, "--out", "one").code == 0
    commands = pair("train", *baseline, "--out", "two")
    told = [command.communicate(timeout=PATIENCE_S)[1] for command in commands]
    assert [command.returncode for command in commands] == [0, 0], told
    (one, rates_of_one), (two, rates_of_two) = losses(empty / "one"), losses(empty / "two")
    assert two == pytest.approx(one, **SAME)
    assert rates_of_two == rates_of_one


@pytest.mark.slow
def test_two_processes_stop_together_and_one_goes_on_from_there(empty, call):
    long = (*EXACT, "--set", "training.epochs=4")
    struck = ("SIGINT", empty / "two/metrics.csv")
    first, second = pair("train", *long, "--out", "two", struck=struck)
    told = [command.communicate(timeout=PATIENCE_S)[1] for command in (first, second)]
    assert (first.returncode, second.returncode) == (130, 130), told
    assert "continue with eideploy train --resume two" in told[0]
    assert call("train", "--resume", "two").code == 0
    assert call("train", *long, "--out", "one").code == 0
    assert losses(empty / "two")[0] == pytest.approx(losses(empty / "one")[0], **SAME)
