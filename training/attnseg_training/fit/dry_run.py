"""What a run would cost, found by doing its first steps: ``fit --dry-run``."""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.fit.batches import Views
from attnseg_training.fit.initial_weights import run_spec
from attnseg_training.fit.start import start_network, training_splits
from attnseg_training.fit.trainer import Trainer
from napari_attnseg.devices import resolve_device
from napari_attnseg.models.network import channels_last

#: Steps that are timed, after one that warms up.
STEPS = 3


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What was found, before anything was written.

    Attributes
    ----------
    train, val : int
        Images of each part.
    size : int
        Side in pixels of the network's input.
    parameters, trainable : int
        Of the network; and those that the run changes.
    steps : int
        Per epoch.
    seconds : float
        Per step, median of `STEPS`.
    memory : int or None
        Peak in bytes: of the device, or of the process on a CPU; None if unknown.
    device : str
        What it ran on.
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


def rehearse(config: TrainConfig) -> Rehearsal:
    """Do the first steps of a run without a run folder.

    A frozen transformer is run in each of them, as in a run's first epochs; later ones
    find its tokens on disk and are faster.

    Raises
    ------
    AttnSegError
        Whatever `fit` would raise for these settings.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    device = resolve_device(config.device)
    data = load_dataset(Path(config.data), config.split_seed)
    spec = run_spec(config, len(data.classes))
    samples, val = training_splits(data, config.protocol)
    wanted = min(len(samples), config.batch * (STEPS + 1))
    store = ImageStore(samples[:wanted], spec.size, device)
    torch.manual_seed(config.seed)
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
