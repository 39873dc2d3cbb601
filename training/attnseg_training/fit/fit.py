"""Train one network: `fit`."""

from __future__ import annotations

import dataclasses
import math
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.fit.callbacks import SILENT, FitCallbacks
from attnseg_training.fit.prepare import Place, Run, prepare
from attnseg_training.fit.shutdown import GracefulShutdown
from attnseg_training.fit.start import (
    _named,
    training_parts,
)
from attnseg_training.fit.validation import snapshot
from attnseg_training.runs.folder import RunFolder
from attnseg_training.runs.provenance import (
    expect_data,
    fingerprint,
)
from attnseg_training.runs.trackers import tracker
from napari_attnseg.errors import AttnSegError
from napari_attnseg.run_files import LogRow, Watch


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
        Dice of these weights on the images that are measured in each epoch.
    train, val : int
        Numbers of training images and of images that are measured in each epoch.
    left_out : mapping of str to int
        Other files of the data folder, counted by suffix or kind.
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
    callbacks: FitCallbacks = SILENT,
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
    callbacks : FitCallbacks
        Callbacks during training.

    Raises
    ------
    RuleError
        If the data break a rule that `config.allow` does not allow.
    AttnSegError
        If data, weights, device or folder cannot be used. Finished epochs stay in the
        folder.
    """
    run, place = prepare(config, out, resume, callbacks)
    # A run killed between two files may have logged an epoch it has no state of.
    rows = [row for row in run.folder.rows() if row.epoch <= place.epoch]
    main = run.processes.main
    with (
        GracefulShutdown(callbacks.stopping) as shutdown,
        tracker(config.tracker if main else "", out, asdict(config)) as log,
    ):
        if place.epoch < config.epochs:
            if main:
                callbacks.before_first_step()
            if run.processes.any_rank(shutdown.requested):
                raise KeyboardInterrupt
        while place.epoch < config.epochs:
            _train_epoch(run, place, callbacks.watch, shutdown)
            done = place.epoch + 1
            if main and (done % config.measure_every == 0 or done == config.epochs):
                _close_epoch(run, place, rows, callbacks.watch, log)
            place = Place(place.epoch + 1)
    with run.processes.main_first():  # the others read what it wrote last
        rows = run.folder.rows()
    if main:
        shutil.rmtree(run.folder.cache, ignore_errors=True)
    top = rows[-1] if config.on_all else max(rows, key=lambda r: r.val_dice)
    return FitResult(out, top.epoch, top.val_dice, run.train, run.val, run.left_out)


def expect_run(folder: Path, config: TrainConfig) -> None:
    """Check that a finished run used these settings and data.

    Raises
    ------
    InputError
        If it used different ones.
    """
    RunFolder(folder).expect_settings(config)
    data = load_dataset(Path(config.data), config.split_seed)
    named = _named(training_parts(data, config))
    expect_data(folder, fingerprint(named), config)


def _train_epoch(
    run: Run, place: Place, watch: Watch, shutdown: GracefulShutdown
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
    run: Run,
    place: Place,
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
        {**run.trainer.state(), **asdict(Place(done))},
        rows,
        config.measured_on,
    )
    if config.snapshot_every and done % config.snapshot_every == 0:
        title = f"Images of {config.measured_on}, after epoch {done}"
        run.folder.save_snapshot(done, snapshot(run.validation, title, card.classes))
    log(asdict(row), done)
    watch(dataclasses.replace(here, loss=row.loss, dice=row.val_dice))
