"""Measure the speed of training against a baseline loop of the same network.

Both are timed in turns, so that other work on the machine disturbs both equally.
"""

from __future__ import annotations

import copy
import dataclasses
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from attnseg_training.benchmark.machine import machine
from attnseg_training.benchmark.textbook_loop import TextbookLoop
from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.fit.batches import Views
from attnseg_training.fit.start import start_network, training_splits
from attnseg_training.fit.trainer import Trainer
from attnseg_training.runs.provenance import run_preprocessing
from napari_attnseg.cards import versions
from napari_attnseg.devices import resolve_device
from napari_attnseg.errors import InputError
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.network import channels_last

TEXTBOOK, OURS, FILLING = "textbook", "attnseg-train", "attnseg-train, filling cache"
#: Part of a step: images, masks and tokens of a batch, augmented.
LOADING = "attnseg-train, loading alone"


@dataclass(frozen=True, slots=True)
class TrainingSpeed:
    """Seconds of each round of each way to train the same network.

    Attributes
    ----------
    config : TrainConfig
        The settings that were timed; its `bf16` is what `attnseg-train` used.
    device : str
        Device that it ran on.
    threads, workers : int
        CPU threads of torch, and processes that load images for the textbook loop.
    steps : int
        Steps per round.
    seconds : dict of str to list of float
        Way → one time per round. If a frozen ViT's tokens are cached, an epoch that
        still has to compute them is a way of its own.
    """

    config: TrainConfig
    device: str
    threads: int
    workers: int
    steps: int
    seconds: dict[str, list[float]]

    def images_per_s(self, way: str) -> float:
        """Images per second: median over the rounds."""
        return self.steps * self.config.batch / statistics.median(self.seconds[way])

    def ratio(self, way: str = OURS) -> float:
        """Speed-up over the textbook loop: median of the rounds' ratios."""
        pairs = zip(self.seconds[TEXTBOOK], self.seconds[way], strict=True)
        return statistics.median(slow / fast for slow, fast in pairs)

    @property
    def _training(self) -> list[str]:
        """The ways to train, the textbook's first."""
        return [way for way in self.seconds if way != LOADING]

    def loader_share(self) -> float:
        """Share of a step that loading takes: median over the rounds."""
        pairs = zip(self.seconds[LOADING], self.seconds[OURS], strict=True)
        return statistics.median(part / whole for part, whole in pairs)

    def whole_run(self) -> float:
        """Speed-up over all epochs; the first ones fill the token cache."""
        if FILLING not in self.seconds:
            return self.ratio()
        epochs = self.config.epochs
        filling = min(self.config.views, epochs)
        taken = filling / self.ratio(FILLING) + (epochs - filling) / self.ratio()
        return epochs / taken

    def summary(self) -> dict[str, Any]:
        """Return the whole result, JSON-ready."""
        shown = ("model", "batch", "epochs", "views", "freeze", "freeze_norm", "bf16")
        return {
            "benchmark": "training",
            "device": self.device,
            "machine": machine(self.device),
            "threads": self.threads,
            "workers": self.workers,
            "versions": {"python": platform.python_version(), **versions()},
            "config": {name: getattr(self.config, name) for name in shown},
            "size": model_spec(self.config.model).size,
            "steps_per_round": self.steps,
            "rounds": len(self.seconds[TEXTBOOK]),
            "seconds_per_round": self.seconds,
            "images_per_s": {way: self.images_per_s(way) for way in self._training},
            "ratio": {way: self.ratio(way) for way in self._training[1:]},
            "loader_share": self.loader_share(),
            "ratio_whole_run": self.whole_run(),
        }


def benchmark_training(
    config: TrainConfig,
    steps: int = 5,
    rounds: int = 5,
    workers: int = 0,
    bf16: bool | None = None,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> TrainingSpeed:
    """Time both loops in turns, each after one step of warm-up.

    Parameters
    ----------
    config : TrainConfig
        Settings of the training; `bf16` is ignored.
    steps, rounds : int
        Steps per round; rounds of each way.
    workers : int
        Processes that load images for the textbook loop.
    bf16 : bool, optional
        Whether `attnseg-train` computes in bfloat16; None: the faster of both. The
        textbook loop computes in float32.
    watch : callable
        Called with (rounds done, rounds in all).

    Raises
    ------
    AttnSegError
        If data, weights or device cannot be used.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    device = resolve_device(config.device)
    spec = model_spec(config.model)
    data = load_dataset(Path(config.data), config.split_seed)
    if len(data.classes) > 1:
        raise InputError(
            "The benchmark's textbook loop reads masks of one class, but "
            f"{config.data} has {len(data.classes)}; choose other data."
        )
    samples, _ = training_splits(data)
    wanted = steps * config.batch
    if len(samples) < wanted:
        raise InputError(
            f"Expected at least {wanted} training images for {steps} steps of "
            f"{config.batch}, found {len(samples)}; ask for fewer --steps."
        )
    samples = samples[:wanted]
    network = start_network(spec, config, data)[0].to(device)
    trainer = Trainer(channels_last(network), config, steps)  # which also freezes
    plain = copy.deepcopy(network)
    # torch's stubs lack this overload of Module.to.
    plain.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    textbook = TextbookLoop(plain, samples, config, workers)
    rule = run_preprocessing(spec).intensity
    store = ImageStore(samples, spec.size, device, rule)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache:
        kept = Path(cache) if "transformer" in config.freeze else None  # as fit
        views = Views(trainer.network, store, config, kept)
        uncached = Views(trainer.network, store, config, None)

        def train(views: Views) -> Iterator[float]:
            for step in range(steps):
                first = step * config.batch
                index = list(range(first, first + config.batch))
                yield trainer.step(views, index, 0, step)

        def load() -> Iterator[float]:
            for step in range(steps):
                first = step * config.batch
                with torch.autocast(trainer.device.type, torch.bfloat16, config.bf16):
                    views.load(list(range(first, first + config.batch)), 0)
                yield 0.0

        ways: dict[str, Callable[[], Iterator[float]]]
        ways = {TEXTBOOK: textbook.epoch, OURS: partial(train, views), LOADING: load}
        if views.cache is not None:
            ways[FILLING] = partial(train, uncached)
            _seconds(train(views), device)  # the tokens that later epochs find
        next(textbook.epoch())
        trainer.config = config = _with_bf16(trainer, ways[OURS], device, bf16)
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for done in range(rounds):
            watch(done, rounds)
            for way, run in ways.items():
                seconds[way].append(_seconds(run(), device))
        watch(rounds, rounds)
    threads = torch.get_num_threads()
    return TrainingSpeed(config, device, threads, workers, steps, seconds)


def default_workers(device: str) -> int:
    """Default number of loading processes: some with a GPU, none on the CPU."""
    return 0 if resolve_device(device) == "cpu" else min(8, os.cpu_count() or 1)


def _with_bf16(
    trainer: Trainer,
    run: Callable[[], Iterator[float]],
    device: str,
    wanted: bool | None,
) -> TrainConfig:
    """The trainer's settings with bfloat16 as asked for, or as tried out."""
    tried = {}
    for bf16 in (False, True) if wanted is None else (wanted,):
        trainer.config = dataclasses.replace(trainer.config, bf16=bf16)
        next(run())  # what is slow once
        tried[bf16] = _seconds(run(), device)
    return dataclasses.replace(trainer.config, bf16=min(tried, key=tried.__getitem__))


def _seconds(losses: Iterable[float], device: str) -> float:
    start = time.perf_counter()
    for _ in losses:
        pass
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return time.perf_counter() - start
