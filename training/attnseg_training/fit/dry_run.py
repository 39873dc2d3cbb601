"""Estimate the cost of a run by its first steps: ``fit --dry-run``."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.fit.batches import Views
from attnseg_training.fit.first_step import check_first_step
from attnseg_training.fit.initial_weights import run_spec
from attnseg_training.fit.start import start_network, training_parts
from attnseg_training.fit.trainer import Trainer
from attnseg_training.runs.provenance import run_preprocessing
from napari_attnseg.devices import resolve_device
from napari_attnseg.models.network import channels_last
from napari_attnseg.spec import ModelSpec

#: Number of timed steps, after one warm-up step.
STEPS = 3


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Size and speed of a run, measured without writing anything.

    Attributes
    ----------
    train, val : int
        Numbers of training and validation images.
    size : int
        Side of the network's input in pixels.
    parameters, trainable : int
        Number of parameters, and of those that are trained.
    steps : int
        Steps per epoch.
    seconds : float
        Seconds per step, median of `STEPS`.
    memory : int or None
        Peak memory in bytes, of the device or, on a CPU, of the process; None if
        unknown.
    device : str
        Device that was measured.
    """

    train: int
    val: int
    size: int
    parameters: int
    trainable: int
    steps: int
    seconds: float
    memory: int | None
    device: str

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, with units in the names."""
        values = asdict(self)
        values["seconds_per_step"] = values.pop("seconds")
        values["memory_bytes"] = values.pop("memory")
        return values


def rehearse(
    config: TrainConfig,
    before_download: Callable[[ModelSpec], None] = lambda spec: None,
) -> Rehearsal:
    """Do the first steps of a run without a run folder.

    `before_download` is called as by `fit`.

    A frozen transformer is evaluated in each step, as in the first epochs of a run.
    Later epochs read its tokens from the disk and are faster.

    Raises
    ------
    AttnSegError
        As `fit` for these settings.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    device = resolve_device(config.device)
    data = load_dataset(Path(config.data), config.split_seed)
    spec = run_spec(config, len(data.classes))
    samples, val = training_parts(data, config)
    check_first_step(spec, config, len(samples))
    wanted = min(len(samples), config.batch * (STEPS + 1))
    rule = run_preprocessing(spec).intensity
    store = ImageStore(samples[:wanted], spec.size, device, rule)
    torch.manual_seed(config.seed)
    if config.downloads:
        before_download(spec)
    network, _ = start_network(spec, config, data)
    network = channels_last(network.to(device))
    trainer = Trainer(network, config, STEPS + 1)
    views = Views(network, store, config, None)
    taken = []
    for step in range(STEPS + 1):
        first = step * config.batch
        index = [i % wanted for i in range(first, first + config.batch)]
        start = time.perf_counter()
        trainer.step(views, index, 0, step)  # its loss is a number: the device is done
        taken.append(time.perf_counter() - start)
    parameters = list(network.parameters())
    return Rehearsal(
        len(samples),
        len(val),
        spec.size,
        sum(p.numel() for p in parameters),
        sum(p.numel() for p in parameters if p.requires_grad),
        len(samples) // config.batch or 1,
        statistics.median(taken[1:]),
        _peak_memory(device),
        device,
    )


def _peak_memory(device: str) -> int | None:
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":  # which has no such module
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
