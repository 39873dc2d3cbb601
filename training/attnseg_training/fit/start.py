"""Choose the splits of a run, and build its first network."""

from __future__ import annotations

from typing import Any

import numpy as np

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import Dataset, Sample
from attnseg_training.fit.initial_weights import (
    build_network,
    earlier_training,
    same_network,
)
from napari_attnseg.checkpoints import load_checkpoint
from napari_attnseg.errors import InputError
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.protocols import TrainingProtocol, protocol_sentence
from napari_attnseg.spec import ModelSpec
from napari_attnseg.weights import weights_path


def training_parts(
    data: Dataset, config: TrainConfig
) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Return `training_splits` of a run, without the part that it leaves out."""
    train, val = training_splits(data, config.protocol)
    return without_fold(train, config)[0], val


def training_splits(
    data: Dataset, protocol: str = TrainingProtocol.HONEST
) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Return samples to train on, and samples to measure in each epoch.

    Raises
    ------
    InputError
        If the data set has no such splits, or one of them is empty.
    """
    if protocol == TrainingProtocol.PAPER:
        if not {"train", "test"} <= set(data.splits):
            raise InputError(
                f"The protocol 'paper' needs splits 'train' and 'test'; {data.root} "
                f"has {', '.join(data.splits)}: choose the protocol 'honest'."
            )
        train = (*data.split("train"), *data.splits.get("val", ()))
        return tuple(sorted(train, key=lambda s: s.name)), data.split("test")
    if "train" not in data.splits or "val" not in data.splits:
        raise InputError(
            f"Training needs splits 'train' and 'val'; {data.root} has "
            f"{', '.join(data.splits)}: add splits/train.txt."
        )
    train, val = data.split("train"), data.split("val")
    if protocol == TrainingProtocol.ALL:
        train = tuple(sorted((*train, *val), key=lambda s: s.name))
    return train, val


def without_fold(
    train: tuple[Sample, ...], config: TrainConfig
) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Samples to train on, and those of the part that is left out.

    The sizes of parts differ by at most one image. Parts are the same for every seed.
    """
    if not config.folds:
        return train, ()
    order = np.random.default_rng((5, config.split_seed)).permutation(len(train))
    left_out = {int(i) for i in order[config.fold :: config.folds]}
    kept = tuple(s for i, s in enumerate(train) if i not in left_out)
    return kept, tuple(train[i] for i in sorted(left_out))


def _named(
    parts: tuple[tuple[Sample, ...], tuple[Sample, ...]],
) -> dict[str, tuple[Sample, ...]]:
    """`training_splits` by the names that ``run.json`` has for them."""
    return dict(zip(("train", "val"), parts, strict=True))


def protocol_words(data: Dataset, protocol: str) -> str:
    """Describe to a reader where the splits come from, and what chose the epoch."""
    return protocol_sentence(data.rule, TrainingProtocol(protocol))


def start_network(
    spec: ModelSpec, config: TrainConfig, data: Dataset
) -> tuple[SegmentationNetwork, dict[str, Any]]:
    """Build the first network, and the history of its weights for the card."""
    if not config.init:
        network = build_network(spec, config.encoder_weights)
        earlier = earlier_training(config.encoder_weights)
        return network, {"encoders_from": earlier} if earlier else {}
    network, card, sha256 = load_checkpoint(weights_path(config.init))
    if not same_network(card.spec, spec):
        raise InputError(
            f"Expected weights of the model {spec.name!r} to start from, but "
            f"{config.init} holds {card.spec.name!r} or another version of it "
            f"({card.spec.classes} classes for {spec.classes}); choose another file or "
            "--model."
        )
    data.expect_classes(card.spec.classes, card.classes)
    before = {"weights_sha256": sha256, **card.training}
    return network.requires_grad_(True), {"started_from": before}
