"""Prepare the parts of a run before its first step, and find its position."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path

import torch

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import counted_findings, load_dataset
from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.fit.batches import Views
from attnseg_training.fit.callbacks import FitCallbacks
from attnseg_training.fit.distributed import Processes
from attnseg_training.fit.first_step import check_first_step
from attnseg_training.fit.initial_weights import run_spec
from attnseg_training.fit.start import (
    _named,
    protocol_words,
    start_network,
    training_parts,
)
from attnseg_training.fit.trainer import Trainer
from attnseg_training.fit.validation import Validation
from attnseg_training.losses import loss_function
from attnseg_training.runs.continuation import OTHER_DATA, learned_from_other_data
from attnseg_training.runs.folder import RunFolder
from attnseg_training.runs.provenance import (
    card_of,
    record,
    run_preprocessing,
    settings_without_folders,
)
from attnseg_training.runs.trackers import check_tracker
from napari_attnseg.cards import ModelCard
from napari_attnseg.models.encoders import synchronise_norms
from napari_attnseg.models.network import channels_last
from napari_attnseg.run_files import LogRow, Progress


@dataclass(slots=True)
class Place:
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


PLACE = tuple(f.name for f in fields(Place))


@dataclass(frozen=True, slots=True)
class Run:
    """Parts of a run; its function `card` makes the model card of the epochs so far."""

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


def prepare(
    config: TrainConfig,
    out: Path,
    resume: bool,
    callbacks: FitCallbacks,
) -> tuple[Run, Place]:
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
        parts = training_parts(data, config)
        check_first_step(spec, config, len(parts[0]), processes)
        reading = run_preprocessing(spec, folder.last_card() if resume else None)
    train, val = (
        ImageStore(part, spec.size, device, reading.intensity) for part in parts
    )
    both = train.seen.joined(val.seen)
    allowed = both.expect(config.allow)
    seen = counted_findings.counts(
        {"train": train.seen, "val": val.seen}, data.empty_masks
    )
    said = counted_findings.warning(seen, len(train) + len(val))
    hints = (*data.hints, *both.hints())
    told = (*map(str, allowed), said, *map(str, hints))
    for sentence in filter(None, told):
        if processes.main:
            callbacks.warn(sentence)

    torch.manual_seed(config.seed)
    if processes.main and config.downloads:
        callbacks.before_download(spec)
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
    place = Place()
    with processes.main_first():
        state = folder.load_state(device) if resume else None
    if state is not None:
        trainer.restore(state)
        place = Place(**{name: state[name] for name in PLACE})
    with processes.main_first():  # of the restored weights
        views = Views(network, train, config, cache)
    valid = Validation(trainer.average, val, cache, loss_of)

    protocol = protocol_words(data, config.protocol)
    origin = {"dataset": data.name, "protocol": protocol, **before}
    origin |= train.ignored_pixels(data.ignore) | data.mask_rules
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
        if learned_from_other_data(before.get("started_from", {}), origin):
            callbacks.warn(OTHER_DATA)
    images = f"{data.name}: {len(train)} training, {config.measured(len(val))}"
    card = partial(
        card_of,
        *(spec, reading, data.classes, images, origin),
        image_colours=train.image_colours,
    )
    return (
        Run(
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
