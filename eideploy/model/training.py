"""Training, from E-I Init to the last epoch, the same bit for bit whether interrupted or not."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import islice
from math import ceil, isfinite
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from eideploy.config import Config, Training
from eideploy.data import Dataset
from eideploy.errors import ConfigError, DivergedError
from eideploy.model.batches import Batch, ahead, batches, batches_in, warmup_batches
from eideploy.model.beginning import begin, sent
from eideploy.model.checkpoint import BEST, State, as_begun, begun_again, begun_with, save_state
from eideploy.model.collapse import LOWER, diagnosis, interval, seen_after, seen_within
from eideploy.model.conditions import Conditions, OnOther, added, conditions
from eideploy.model.device import Stop, choose_device, mixed, reproducible, stoppable
from eideploy.model.distributions import first_gradients, gradient_norms
from eideploy.model.evaluate import accuracy
from eideploy.model.health import measure_health
from eideploy.model.metrics import EpochMetrics, LayerHealth, Look, Partial, Setback, best_of
from eideploy.model.networks import Network
from eideploy.model.optimiser import OPTIMISERS, Projected, rate_at
from eideploy.model.processes import ALONE, Group
from eideploy.model.shared_norm import standing_in
from eideploy.model.sums import Sums

OnEpoch = Callable[[tuple[EpochMetrics, ...]], None]
OnBatch = Callable[[int], None]
OnSetback = Callable[[Setback], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainResult:
    """A finished training: the network, on the CPU, and one entry of metrics per epoch.

    conditions  what its bits depended on, an entry for every change, as after a resume elsewhere
    setbacks    the epochs that were begun again, as the training had collapsed
    """

    network: Network
    metrics: tuple[EpochMetrics, ...]
    conditions: tuple[Conditions, ...]
    setbacks: tuple[Setback, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """What a training goes by, beside its state.

    stand_in  what computes logits: the network, or what stands for it
    model     that, with what spreads it over processes
    teacher   whose logits the loss asks for, too, as far as training.distillation says
    """

    dataset: Dataset
    device: torch.device
    group: Group
    stand_in: Network
    model: nn.Module
    teacher: Network | None
    stop: Stop
    on_batch: OnBatch


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """Norms of gradients, on the device.

    first  of the first batch, by layer and parameter, with those of the parameters
    last   of the last batch of an epoch, by layer
    """

    first: dict[str, dict[str, tuple[Tensor, Tensor]]] = field(default_factory=dict)
    last: dict[str, Tensor] = field(default_factory=dict)

    def by(self, layers: tuple[LayerHealth, ...]) -> tuple[LayerHealth, ...]:
        """Return what is known of layers, with the gradients of the first batch if it was seen."""
        norms = {
            name: {key: (float(gradient), float(own)) for key, (gradient, own) in of.items()}
            for name, of in self.first.items()
        }
        return tuple(
            replace(layer, gradients=norms.get(layer.layer, layer.gradients)) for layer in layers
        )


def train(
    config: Config,
    dataset: Dataset,
    folder: Path | None,
    *,
    on_other: OnOther = lambda _, __: None,
    on_epoch: OnEpoch = lambda _: None,
    on_batch: OnBatch = lambda _: None,
    on_setback: OnSetback = lambda _: None,
    resume: bool = False,
    group: Group = ALONE,
    start: Network | None = None,
    stand_in: Callable[[Network], Network] = lambda network: network,
    teacher: Network | None = None,
) -> TrainResult:
    """Train the network of `config` on `dataset`; after each epoch write `folder`'s checkpoint.

    Everything random follows from (config.seed, epoch): two runs, and a run that was interrupted
    and resumed, give the same bits. Torch is left as it was found. Ctrl-C and SIGTERM end the
    training after the batch in hand, with a checkpoint; KeyboardInterrupt follows.

    Args:
        config: what to train.
        dataset: what on; `config.data.name` is not looked up here.
        folder: an existing folder for `checkpoint.safetensors`; process 0 alone needs one.
        on_other: called where a resume finds other conditions, with those before and those of now.
        on_epoch: called after each epoch with the metrics so far, its checkpoint already written.
        on_batch: called after each batch with the number of its images, over all processes.
        on_setback: called where an epoch is begun again, its checkpoint already written.
        resume: continue from the checkpoint of `folder`, or begin where there is none yet.
        group: the processes that train together; each batch is divided among them.
        start: whose parameters to begin with, instead of E-I Init.
        stand_in: makes what computes the logits instead of the network, out of its parameters.
        teacher: a network to imitate, as far as `training.distillation` says.

    Raises:
        ConfigError: the network cannot be built, or the checkpoint to resume was made with another
            configuration.
        DivergedError: the loss is not finite any more, or the training collapsed as often as
            `training.setbacks` allows and once more; the epochs before are in the checkpoint.
        DataError: the data set has nothing for E-I Init to go by, or the folder is not writable.
        FormatError: the checkpoint to resume is damaged.
    """
    if config.training.distillation and teacher is None:
        raise ConfigError(
            "there is no network to imitate",
            where="training.distillation",
            fix="set it to 0, or go on with a finished run: eideploy train --finetune RUN",
        )
    device = choose_device(config.training)
    patient = group.size > 1
    with reproducible(config.training.threads), stoppable(patient=patient) as stop:
        begun = begin(config, dataset, folder, start, resume=resume) if group.first else None
        state = sent(begun, group)
        state.network.to(device)
        state.network.use_kernel(config.training.kernel)
        if group.first and not _ended(state, dataset):
            now = conditions(state.network, device, processes=group.size)
            state = replace(state, conditions=added(state.conditions, now, on_other))
        standing = stand_in(state.network)
        job = Job(
            dataset=dataset,
            device=device,
            group=group,
            stand_in=standing,
            model=group.spread(standing),
            teacher=teacher,
            stop=stop,
            on_batch=on_batch,
        )
        while not _ended(state, dataset):
            if group.any(asked=stop.asked):
                raise KeyboardInterrupt
            before, state = state, run_epoch(state, job)
            if folder is not None and group.first:
                _save(state, folder, ended=len(state.metrics) > len(before.metrics))
            if state.partial is not None:
                raise KeyboardInterrupt
            if len(state.setbacks) > len(before.setbacks):
                on_setback(state.setbacks[-1])
            else:
                on_epoch(state.metrics)
    return TrainResult(
        network=state.network.cpu(),
        metrics=state.metrics,
        conditions=state.conditions,
        setbacks=state.setbacks,
    )


def _save(state: State, folder: Path, *, ended: bool) -> None:
    """Write the checkpoint; before it the best epoch's, where that is the one that ended."""
    if ended and best_of(state.metrics) is state.metrics[-1]:
        save_state(replace(state, momentum={}), folder, BEST)
    save_state(state, folder)


def run_epoch(state: State, job: Job) -> State:
    """Train for one epoch, in place, and return the state with its metrics added.

    A partial epoch is finished. Where a stop is asked for, the epoch is left partial. Where the
    training collapsed, the state is that at the beginning of the epoch, with one setback more.

    Raises:
        DivergedError: the loss is not finite any more, or too many setbacks.
    """
    config, dataset, epoch = state.config, job.dataset, len(state.metrics)
    watched = config.training.setbacks > 0
    if watched:
        state = as_begun(state)
    optimiser = OPTIMISERS[config.training.optimizer](
        state.network.named_parameters(),
        momentum=config.training.momentum,
        weight_decay=config.training.weight_decay,
        project=config.ablation.sign,
    )
    optimiser.load_buffers({n: m.to(job.device) for n, m in state.momentum.items()})
    begun = state.partial or Partial(
        batches=0, images=0, loss=0.0, right=0, generator={}, look=Look(best=state.best)
    )
    sums = Sums(begun, next(state.network.parameters()), counts=job.group.first)
    done, rate, count = begun.batches, 0.0, batches_in(config, dataset, epoch)
    coming = batches(config, dataset, epoch, done=done, generator=begun.generator or None)
    gradients = Seen()
    for batch in ahead(islice(coming, count - done)):
        rate = _rate(config.training, epoch, done, len(dataset.train), len(state.setbacks))
        at = {"first": epoch == done == 0, "last": done == count - 1}
        look = functools.partial(_look, state.network, gradients, **at)
        _step(batch, job, config.training, optimiser, rate, sums, look)
        done += 1
        job.on_batch(len(batch.x))
        if watched and done % interval(config.training.batch) == 0:
            so_far = sums.partial(job.group, batches=done, generator={})
            sums.look, fault = seen_within(so_far, state.network, dataset)
            if fault:
                return _set_back(state, fault, done)
        if done < count and job.group.any(asked=job.stop.asked):
            partial = sums.partial(job.group, batches=done, generator=batch.generator)
            return replace(
                state,
                momentum=optimiser.buffers,
                partial=partial,
                initial=gradients.by(state.initial),
            )
    total = sums.partial(job.group, batches=done, generator={})
    best, initial = state.best, gradients.by(state.initial)
    if watched:
        best, fault = seen_after(total, state.network, job.stand_in, dataset, job.group)
        if fault:
            return _set_back(state, fault, done)
    metrics = EpochMetrics(
        epoch=epoch + 1,
        epochs=config.training.epochs,
        rate=rate,
        loss=_finite(total.loss / total.images, epoch + 1),
        train_accuracy=total.right / total.images,
        test_accuracy=accuracy(job.stand_in, dataset.test, job.group),
        health=measure_health(state.network, dataset.test, gradients.last)
        if job.group.first
        else (),
        before=() if epoch else initial,
        setbacks=len(state.setbacks),
    )
    return replace(
        state,
        momentum=optimiser.buffers,
        metrics=(*state.metrics, metrics),
        initial=initial,
        partial=None,
        begun={},
        best=best,
    )


def _set_back(state: State, fault: str, batches: int) -> State:
    """Return the state that the epoch began with, from where it goes on at a lower rate.

    Raises:
        DivergedError: that has been done as often as it may.
    """
    epoch, training = len(state.metrics) + 1, state.config.training
    fault += diagnosis(state.network, begun_with(state))
    if len(state.setbacks) == training.setbacks:
        raise DivergedError(
            f"the training collapsed {training.setbacks + 1} times, now in epoch {epoch}: {fault}",
            where="training.rate",
            fix="choose a lower training.rate, or a lower training.clip_ratio above 0",
        )
    rate = training.peak * LOWER ** (len(state.setbacks) + 1)
    return begun_again(state, Setback(epoch=epoch, batches=batches, reason=fault, rate=rate))


def _look(network: Network, gradients: Seen, *, first: bool, last: bool) -> None:
    """Look at the gradients of the first batch of all, and of the last of an epoch."""
    if first:
        gradients.first.update(first_gradients(network))
    if last:
        gradients.last.update(gradient_norms(network))


def _step(
    batch: Batch,
    job: Job,
    training: Training,
    optimiser: Projected,
    rate: float,
    sums: Sums,
    look: Callable[[], None],
) -> None:
    """Train on a batch; nothing here waits for the device. `look` may see the gradients."""
    x, y, counted = job.group.share(batch)
    if job.device.type == "cuda":
        x, y = x.pin_memory(), y.pin_memory()
    x = x.to(job.device, sums.loss.dtype, non_blocking=True)
    y = y.to(job.device, non_blocking=True)
    with mixed(training, job.device), standing_in(stands_in=not counted):
        logits = job.model(x).to(sums.loss.dtype)
    loss = _loss(logits, x, y, job.teacher, training)
    # the mean over processes, which backward takes, is then the mean over the whole batch
    (loss * (counted * job.group.size / len(batch.x))).backward()  # type: ignore[no-untyped-call]
    look()
    if training.clip_ratio:
        optimiser.clip(training.clip_ratio)
    optimiser.step(rate)
    sums.images += len(batch.x)
    sums.loss += loss.detach() * counted
    sums.right += (logits.argmax(1) == y)[:counted].sum()


def _loss(
    logits: Tensor, x: Tensor, y: Tensor, teacher: Network | None, training: Training
) -> Tensor:
    """Return the cross entropy (M16), of which a share asks for what the teacher says."""
    loss = cross_entropy(logits, y, label_smoothing=training.label_smoothing)
    if teacher is None or not training.distillation:
        return loss
    with torch.no_grad():
        taught = teacher(x).softmax(1).to(logits.dtype)
    share = training.distillation
    return (1 - share) * loss + share * cross_entropy(logits, taught)


def _ended(state: State, dataset: Dataset) -> bool:
    epoch = len(state.metrics)
    return epoch == state.config.training.epochs or not batches_in(state.config, dataset, epoch)


def _rate(training: Training, epoch: int, place: int, images: int, setbacks: int) -> float:
    per_epoch = ceil(images / training.batch)
    return LOWER**setbacks * rate_at(
        epoch * per_epoch + place,
        warmup=warmup_batches(training, images),
        total=training.epochs * per_epoch,
        peak=training.peak,
        start=training.warmup_rate,
    )


def _finite(loss: float, epoch: int) -> float:
    if not isfinite(loss):
        raise DivergedError(
            f"the loss is {loss} in epoch {epoch}, so the training diverged",
            where="training.rate",
            fix="choose a lower training.rate or a longer training.warmup_epochs",
        )
    return loss
