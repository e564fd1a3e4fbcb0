"""Where a training runs, in which precision, and how its bits are kept the same."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch

from eideploy.config import Training
from eideploy.errors import ConfigError

DTYPES = {"float64": torch.float64}  # of the parameters; float32 with every other precision


def choose_device(training: Training) -> torch.device:
    """Return the device of this process; with several processes each takes a GPU of its own.

    Raises:
        ConfigError: CUDA is asked for, and torch finds no such device.
    """
    has_gpu = torch.cuda.is_available()
    if training.device == "cpu" or (training.device == "auto" and not has_gpu):
        return torch.device("cpu")
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if not has_gpu or local >= torch.cuda.device_count():
        raise ConfigError(
            f"torch finds {torch.cuda.device_count()} CUDA devices, process {local} needs one",
            where="training.device",
            fix="set training.device to cpu, start fewer processes, or install a CUDA build "
            "of torch",
        )
    torch.cuda.set_device(local)
    return torch.device("cuda", local)


def parameters_in(training: Training) -> torch.dtype:
    """Return the type in which parameters are kept and updated."""
    return DTYPES.get(training.precision, torch.float32)


def mixed(training: Training, device: torch.device) -> torch.autocast:
    """Return the context of a forward pass; in bfloat16 the sums of currents lose bits, no more."""
    enabled = training.precision == "bfloat16"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


@contextmanager
def reproducible(threads: int) -> Iterator[None]:
    """Let torch take deterministic kernels only, on so many threads; restore all afterwards.

    TF32 is off: it rounds what float32 promises. Fresh memory is not filled, which costs time.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # which cuBLAS asks for
    deterministic, count = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    tf32, memory = torch.backends.cudnn.allow_tf32, torch.utils.deterministic
    fill = memory.fill_uninitialized_memory  # type: ignore[attr-defined]
    memory.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.allow_tf32 = False
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(threads)  # on small networks a second thread costs more than it gives
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(deterministic)
        torch.set_num_threads(count)
        torch.backends.cudnn.allow_tf32 = tf32
        memory.fill_uninitialized_memory = fill  # type: ignore[attr-defined]


class Stop:
    """Whether the user, or a scheduler, has asked the training to end after this batch."""

    def __init__(self, *, patient: bool) -> None:
        self.asked, self.patient = False, patient

    def ask(self, number: int, _: FrameType | None) -> None:
        """Take a signal; a second Ctrl-C does not wait for the batch."""
        if self.asked and number == signal.SIGINT and not self.patient:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def stoppable(*, patient: bool) -> Iterator[Stop]:
    """Yield what Ctrl-C and SIGTERM set until the block ends; they are as before afterwards.

    `patient` waits for the batch however often it is asked: torchrun passes Ctrl-C on, so that
    each process is asked twice.
    """
    stop = Stop(patient=patient)
    if threading.current_thread() is not threading.main_thread():  # which alone gets signals
        yield stop
        return
    before = {number: signal.signal(number, stop.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
