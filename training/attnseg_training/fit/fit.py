"""Train one network: `fit`."""

from __future__ import annotations

import dataclasses
import math
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import findings, load_dataset
from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.fit.batches import Views
from attnseg_training.fit.distributed import Processes
from attnseg_training.fit.first_step import check_first_step
from attnseg_training.fit.initial_weights import run_spec
from attnseg_training.fit.shutdown import GracefulShutdown
from attnseg_training.fit.start import (
    _named,
    protocol_words,
    start_network,
    training_splits,
)
from attnseg_training.fit.trainer import Trainer
from attnseg_training.fit.validation import Validation, snapshot
from attnseg_training.losses import loss_function
from attnseg_training.runs.folder import RunFolder
from attnseg_training.runs.provenance import (
    card_of,
    expect_data,
    fingerprint,
    record,
    run_preprocessing,
    settings_without_folders,
)
from attnseg_training.runs.trackers import check_tracker, tracker
from napari_attnseg.cards import ModelCard
from napari_attnseg.errors import AttnSegError
from napari_attnseg.models.encoders import synchronise_norms
from napari_attnseg.models.network import channels_last
from napari_attnseg.run_files import LogRow, Progress, Watch
from napari_attnseg.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class FitResult:
    """Result of a run.

    Attributes
    ----------
    folder : Path
        Run folder.
    best_epoch : int
        Epoch of the weights that were kept, from 1.
    best_dice : float
        Its Dice on the images that are measured each epoch.
    train, val : int
        Numbers of training images and of images measured each epoch.
    left_out : mapping of str to int
        What else lies in the data folder, counted by suffix or kind.
    """

    folder: Path
    best_epoch: int
    best_dice: float
    train: int
    val: int
    left_out: Mapping[str, int] = field(default_factory=dict)


def fit(
    config: TrainConfig,
    out: Path,
    resume: bool = False,
    watch: Watch = lambda progress: None,
    stopping: Callable[[], None] = lambda: None,
    before_download: Callable[[ModelSpec], None] = lambda spec: None,
    before_first_step: Callable[[], None] = lambda: None,
    warn: Callable[[str], None] = lambda sentence: None,
) -> FitResult:
    """Train one network and keep the weights of the epoch with the best Dice.

    Dice is measured on the validation images after each epoch, unless the protocol
    says otherwise; with ``all`` the last weights are kept.

    Parameters
    ----------
    config : TrainConfig
        Settings of the run.
    out : Path
        Run folder; ``best.safetensors``, ``last.safetensors``, ``log.csv``,
        ``curves.png``, ``snapshots/``, ``config.toml`` and ``run.json`` appear in it.
    resume : bool
        Resume from the last training state of that folder.
    watch : callable
        Called after every step and every epoch.
    stopping : callable
        Called in a signal handler when a signal asks the run to stop, which it does
        after the current step.
    before_download : callable
        Called with the model whose encoders are about to be downloaded, if they are.
    before_first_step : callable
        Called when everything is prepared; what is wrong with settings, data, weights
        or folder has been raised before.
    warn : callable
        Called before the first step with each sentence on what was found in the data
        and does not stop the run, or was allowed.

    Raises
    ------
    RuleError
        If the data break a rule that `config.allow` does not allow.
    AttnSegError
        If data, weights, device or folder cannot be used. What was finished stays.
    """
    run, place = _prepare(config, out, resume, before_download, warn)
    # A run killed between two files may have logged an epoch it has no state of.
    rows = [row for row in run.folder.rows() if row.epoch <= place.epoch]
    main = run.processes.main
    with (
        GracefulShutdown(stopping) as shutdown,
        tracker(config.tracker if main else "", out, asdict(config)) as log,
    ):
        if main and place.epoch < config.epochs:
            before_first_step()
        while place.epoch < config.epochs:
            _train_epoch(run, place, watch, shutdown)
            if main:
                _close_epoch(run, place, rows, watch, log)
            place = _Place(place.epoch + 1)
    with run.processes.main_first():  # the others read what it wrote last
        rows = run.folder.rows()
    if main:
        shutil.rmtree(run.folder.cache, ignore_errors=True)
    top = rows[-1] if config.on_all else max(rows, key=lambda r: r.val_dice)
    return FitResult(out, top.epoch, top.val_dice, run.train, run.val, run.left_out)


def expect_run(folder: Path, config: TrainConfig) -> None:
    """Check that a finished run had these settings and data.

    Raises
    ------
    InputError
        If it had others.
    """
    RunFolder(folder).expect_settings(config)
    data = load_dataset(Path(config.data), config.split_seed)
    named = _named(training_splits(data, config.protocol))
    expect_data(folder, fingerprint(named), config)


@dataclass(frozen=True, slots=True)
class _Run:
    """Parts of a run; `card` makes the model card of the epochs so far."""

    config: TrainConfig
    folder: RunFolder
    processes: Processes
    trainer: Trainer
    views: Views
    validation: Validation
    card: Callable[[list[LogRow]], ModelCard]
    train: int
    val: int
    left_out: Mapping[str, int]

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self.train // self.config.batch or 1


def _prepare(
    config: TrainConfig,
    out: Path,
    resume: bool,
    before_download: Callable[[ModelSpec], None],
    warn: Callable[[str], None],
) -> tuple[_Run, _Place]:
    """Prepare data, network and folder of a run, and find its position."""
    if config.threads:
        torch.set_num_threads(config.threads)
    processes = Processes(config.device)
    device = processes.device
    with processes.main_first():
        run_spec(config)  # a wrong name is said before anything is written
        loss_of = loss_function(config.loss)
        check_tracker(config.tracker)
        folder = RunFolder.open(out, config, resume, processes.main)
        data = load_dataset(Path(config.data), config.split_seed)
        spec = run_spec(config, len(data.classes))
        parts = training_splits(data, config.protocol)
        check_first_step(spec, config, len(parts[0]), processes)
        reading = run_preprocessing(spec, folder.last_card() if resume else None)
    train, val = (
        ImageStore(part, spec.size, device, reading.intensity) for part in parts
    )
    allowed = train.seen.joined(val.seen).expect(config.allow)
    seen = findings.counts({"train": train.seen, "val": val.seen}, data.empty_masks)
    said = findings.warning(seen, len(train) + len(val))
    for sentence in filter(None, (*map(str, allowed), said)):
        if processes.main:
            warn(sentence)

    torch.manual_seed(config.seed)
    if processes.main and config.downloads:
        before_download(spec)
    network, before = start_network(spec, config, data)
    network = channels_last(network.to(device))
    if processes.count > 1 and device != "cpu":
        synchronise_norms(network)
    steps = len(train) // config.batch or 1
    trainer = Trainer(network, config, steps * config.epochs, processes)
    cache = None
    if "transformer" in config.freeze:
        cache = Path(config.cache) if config.cache else folder.cache
        if processes.machine:  # memory-mapped files are shared within a machine only
            cache /= f"machine-{processes.machine}"
    place = _Place()
    with processes.main_first():
        state = folder.load_state(device) if resume else None
    if state is not None:
        trainer.restore(state)
        place = _Place(**{name: state[name] for name in _PLACE})
    with processes.main_first():  # of the restored weights
        views = Views(network, train, config, cache)
    valid = Validation(trainer.average, val, cache, loss_of)

    protocol = protocol_words(data, config.protocol)
    origin = {"dataset": data.name, "protocol": protocol, **before}
    origin |= train.ignored_pixels(data.ignore)
    if processes.main:
        origin["config"] = settings_without_folders(config)
        found = {
            **({"findings": seen} if seen else {}),
            **({"allowed": [str(error.rule) for error in allowed]} if allowed else {}),
        }
        session = record(
            out, _named(parts), config, device, processes.count, data.rule, found
        )
        origin |= session
    images = f"{data.name}: {len(train)} training, {config.measured(len(val))}"
    card = partial(card_of, spec, reading, data.classes, images, origin)
    return (
        _Run(
            config,
            folder,
            processes,
            trainer,
            views,
            valid,
            card,
            len(train),
            len(val),
            data.left_out,
        ),
        place,
    )


def _train_epoch(
    run: _Run, place: _Place, watch: Watch, shutdown: GracefulShutdown
) -> None:
    """Train to the end of the epoch of `place`, which is updated."""
    config, epoch = run.config, place.epoch
    saved = start = time.perf_counter()
    before_stop = place.seconds
    order = np.random.default_rng((config.seed, epoch)).permutation(run.train)
    while place.step < run.steps:
        at = place.step * config.batch
        index = order[at : at + config.batch].tolist()
        step = epoch * run.steps + place.step
        loss = run.trainer.step(run.views, index, epoch, step)
        if not math.isfinite(loss):
            raise AttnSegError(
                f"The loss became {loss} in epoch {epoch + 1}, step "
                f"{place.step + 1}; what was finished before is kept in "
                f"{run.folder.path}: start again in another --out with a lower --lr."
            )
        place.losses.append(loss)
        place.step += 1
        now = time.perf_counter()
        place.seconds = before_stop + now - start
        watch(place.progress(config, run.steps))
        stop = run.processes.any_rank(shutdown.requested)
        late = now - saved > 60 * config.save_every
        if run.processes.main and (stop or late):
            run.folder.save_state({**run.trainer.state(), **asdict(place)})
            saved = now
        if stop:
            raise KeyboardInterrupt


def _close_epoch(
    run: _Run,
    place: _Place,
    rows: list[LogRow],
    watch: Watch,
    log: Callable[[dict[str, Any], int], None],
) -> None:
    """Measure a finished epoch; save its weights, log row and training state."""
    config, done = run.config, place.epoch + 1
    here = place.progress(config, run.steps)
    row = LogRow(
        done,
        float(np.mean(place.losses)),
        *run.validation.measure(config.batch),
        run.trainer.lr(done * run.steps - 1),
        place.seconds,
        here.images_per_s,
    )
    best = config.on_all or row.val_dice > max((r.val_dice for r in rows), default=-1)
    rows.append(row)
    card = run.card(rows)
    run.folder.save(
        run.trainer.average.state_dict(),
        card,
        best,
        {**run.trainer.state(), **asdict(_Place(done))},
        rows,
        config.measured_on,
    )
    if config.snapshot_every and done % config.snapshot_every == 0:
        title = f"Images of {config.measured_on}, after epoch {done}"
        run.folder.save_snapshot(done, snapshot(run.validation, title, card.classes))
    log(asdict(row), done)
    watch(dataclasses.replace(here, loss=row.loss, dice=row.val_dice))


@dataclass(slots=True)
class _Place:
    """Position of a run: epoch, from 0, and finished steps in it."""

    epoch: int = 0
    step: int = 0
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def progress(self, config: TrainConfig, steps: int) -> Progress:
        """Progress for callbacks, after at least one step of the epoch."""
        return Progress(
            epoch=self.epoch + 1,
            epochs=config.epochs,
            step=self.step,
            steps=steps,
            loss=self.losses[-1],
            images_per_s=self.step * config.batch / self.seconds,
            protocol=config.protocol,
        )


_PLACE = tuple(f.name for f in fields(_Place))
