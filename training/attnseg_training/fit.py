"""Training one network: `fit(config)` → `FitResult`."""

from __future__ import annotations

import dataclasses
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import Dataset, Sample, load_dataset
from attnseg_training.encoder_weights import build_network, without_folders
from attnseg_training.images import ImageStore, TokenCache
from attnseg_training.interrupts import Interrupts
from attnseg_training.losses import bce_dice
from attnseg_training.run_folder import LogRow, RunFolder
from attnseg_training.trainer import Trainer
from attnseg_training.views import Views
from napari_attnseg.cards import ModelCard, versions
from napari_attnseg.checkpoints import load_checkpoint
from napari_attnseg.devices import resolve_device
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.metrics import confusion, scores
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.encoders import PlainViTEncoder
from napari_attnseg.models.network import (
    Features,
    NetworkOutput,
    SegmentationNetwork,
    channels_last,
)
from napari_attnseg.spec import ModelSpec, Preprocessing
from napari_attnseg.weights import weights_path


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is, for whoever watches it."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    dice: float | None = None  # validation, at the end of an epoch


@dataclass(frozen=True, slots=True)
class FitResult:
    """What a run left behind."""

    folder: Path
    best_epoch: int
    best_dice: float
    train: int
    val: int


def fit(
    config: TrainConfig,
    out: Path,
    resume: bool = False,
    watch: Callable[[Progress], None] = lambda progress: None,
) -> FitResult:
    """Train, keeping the best weights by validation Dice.

    Parameters
    ----------
    config : TrainConfig
        What to run.
    out : Path
        Run folder; ``best.safetensors``, ``last.safetensors``, ``log.csv``,
        ``curves.png`` and ``config.toml`` appear in it.
    resume : bool
        Go on from the last training state of that folder.
    watch : callable
        Called after every step and every epoch.

    Raises
    ------
    AttnSegError
        If data, weights, device or folder cannot be used. What was finished stays.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    device = resolve_device(config.device)
    model_spec(config.model)  # a wrong name is said before anything is written
    run = RunFolder.open(out, config, resume)
    data = load_dataset(Path(config.data), config.split_seed)
    spec = spec_for(config.model, data)
    train, val = (ImageStore(s, spec.size, device) for s in training_splits(data))

    torch.manual_seed(config.seed)
    network, before = start_network(spec, config)
    network = channels_last(network.to(device))
    steps = len(train) // config.batch or 1
    trainer = Trainer(network, config, steps * config.epochs)
    cache = None
    if "transformer" in config.freeze:
        cache = Path(config.cache) if config.cache else run.cache
    views = Views(network, train, config, cache)
    valid = _Validation(trainer.average, val, cache)
    place = _Place()
    state = run.load_state(device) if resume else None
    if state is not None:
        trainer.restore(state)
        place = _Place(**{name: state[name] for name in _PLACE})

    # A run killed between two files may have logged an epoch it has no state of.
    rows = [row for row in run.rows() if row.epoch <= place.epoch]
    with Interrupts() as interrupts:
        while place.epoch < config.epochs:
            saved = start = time.perf_counter()
            before_stop, epoch = place.seconds, place.epoch
            order = np.random.default_rng((config.seed, epoch)).permutation(len(train))
            while place.step < steps:
                at = place.step * config.batch
                index = order[at : at + config.batch].tolist()
                loss = trainer.step(views, index, epoch, epoch * steps + place.step)
                if not math.isfinite(loss):
                    raise AttnSegError(
                        f"The loss became {loss} in epoch {epoch + 1}, step "
                        f"{place.step + 1}; the weights of epoch {epoch} are kept in "
                        f"{out}: resume with a lower --lr."
                    )
                place.losses.append(loss)
                place.step += 1
                now = time.perf_counter()
                place.seconds = before_stop + now - start
                watch(Progress(epoch + 1, config.epochs, place.step, steps, loss))
                if interrupts.asked or now - saved > 60 * config.save_every:
                    run.save_state({**trainer.state(), **asdict(place)})
                    saved = now
                if interrupts.asked:
                    raise KeyboardInterrupt
            row = LogRow(
                epoch + 1,
                float(np.mean(place.losses)),
                *valid.measure(config.batch),
                trainer.lr((epoch + 1) * steps - 1),
                place.seconds,
                steps * config.batch / place.seconds,
            )
            best = row.val_dice > max((r.val_dice for r in rows), default=-1)
            rows.append(row)
            card = _card(config, spec, data, rows, len(train), len(val), before)
            place = _Place(epoch + 1)
            run.save(
                trainer.average.state_dict(),
                card,
                best,
                {**trainer.state(), **asdict(place)},
                rows,
            )
            done = Progress(
                epoch + 1, config.epochs, steps, steps, row.loss, row.val_dice
            )
            watch(done)
    shutil.rmtree(run.cache, ignore_errors=True)
    top = max(rows, key=lambda r: r.val_dice)
    return FitResult(out, top.epoch, top.val_dice, len(train), len(val))


@dataclass(slots=True)
class _Place:
    """How far a run has come: in which epoch, after how many of its steps."""

    epoch: int = 0
    step: int = 0
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0


_PLACE = tuple(f.name for f in fields(_Place))


def training_splits(data: Dataset) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Training and validation part of a data set.

    Raises
    ------
    InputError
        If it has no such splits.
    """
    if "train" not in data.splits or "val" not in data.splits:
        raise InputError(
            f"Training needs splits 'train' and 'val'; {data.root} has "
            f"{', '.join(data.splits)}: add splits/train.txt."
        )
    return data.split("train"), data.split("val")


def spec_for(model: str, data: Dataset) -> ModelSpec:
    """Spec of a catalog name, with a logit map for each class of the data."""
    return dataclasses.replace(model_spec(model), classes=len(data.classes))


def start_network(
    spec: ModelSpec, config: TrainConfig
) -> tuple[SegmentationNetwork, dict[str, Any]]:
    """First network, and for the card what was done to its weights before."""
    if not config.init:
        return build_network(spec, config.encoder_weights), {}
    network, card, sha256 = load_checkpoint(weights_path(config.init))
    # Whatever it is called: weights belong to a network.
    own = dataclasses.replace(card.spec, name=spec.name, about=spec.about)
    if own != spec:
        raise InputError(
            f"Expected weights of the model {spec.name!r} to start from, but "
            f"{config.init} holds {card.spec.name!r} or another version of it "
            f"({card.spec.classes} classes for {spec.classes}); choose another file or "
            "--model."
        )
    before = {"weights_sha256": sha256, **card.training}
    return network.requires_grad_(True), {"started_from": before}


class _Validation:
    """Loss and mean Dice and IoU on the validation images, at the network's size.

    Mean over images and classes; both are 1 where a class is neither there nor found.
    """

    def __init__(
        self, network: SegmentationNetwork, store: ImageStore, cache: Path | None
    ) -> None:
        self.network, self.store, self.cache = network, store, None
        if cache is not None and isinstance(network.transformer, PlainViTEncoder):
            self.cache = TokenCache(cache, network.transformer, store.names, 1)

    @torch.inference_mode()
    def measure(self, batch: int) -> tuple[float, float, float]:
        losses, found = [], []
        for start in range(0, len(self.store), batch):
            index = list(range(start, min(start + batch, len(self.store))))
            images, masks = self.store.batch(index)
            output = self._forward(images, index)
            losses += [float(bce_dice(output.logits, masks))] * len(index)
            for truth, logits in zip(masks, output.logits, strict=True):
                planes = zip(truth.cpu(), (logits >= 0).cpu(), strict=True)
                found += [scores(confusion(true, plane)) for true, plane in planes]
        return (
            float(np.mean(losses)),
            float(np.mean([f["dice"] for f in found])),
            float(np.mean([f["iou"] for f in found])),
        )

    def _forward(self, images: Tensor, index: list[int]) -> NetworkOutput:
        vit = self.network.transformer
        if self.cache is None or not isinstance(vit, PlainViTEncoder):
            out: NetworkOutput = self.network(images)
            return out
        pyramid = vit.pyramid(self.cache.tokens(images, index, 0))
        return self.network.decode(Features(self.network.cnn(images), pyramid))


def _card(
    config: TrainConfig,
    spec: ModelSpec,
    data: Dataset,
    rows: list[LogRow],
    train: int,
    val: int,
    before: dict[str, Any],
) -> ModelCard:
    last = rows[-1]
    return ModelCard(
        spec=spec,
        preprocessing=Preprocessing(spec.size),
        classes=data.classes,
        data=f"{data.name}: {train} training, {val} validation images",
        training={
            "protocol": data.protocol,
            **before,
            "config": {
                # File names only: a path says more about a machine than about a run.
                **dataclasses.asdict(config),
                "data": Path(config.data).name,
                "encoder_weights": without_folders(config.encoder_weights),
                "init": Path(config.init).name,
                "cache": Path(config.cache).name,
            },
            "epoch": last.epoch,
            "val_dice": last.val_dice,
            "seconds": sum(row.seconds for row in rows),
            "versions": versions(),
        },
    )
