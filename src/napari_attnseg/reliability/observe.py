"""Measure the signals and features of images that a network has encoded."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from napari_attnseg.arrays import Array, float32, same_kind, sigmoid, to_numpy
from napari_attnseg.cards import ModelCard
from napari_attnseg.models.gated import Gated, Level
from napari_attnseg.reliability.estimate import ExpectedDice
from napari_attnseg.reliability.likeness import Floats
from napari_attnseg.reliability.rule import Reliability
from napari_attnseg.reliability.signals import Reader, Signal, case_signals
from napari_attnseg.spec import STRIDES

#: Pyramid level, 1/16, whose mean features tell what kind of image it is.
FEATURE_LEVEL = 2


def has_readers(network: Gated) -> bool:
    """Whether the model has two readers: one gate per level, between both encoders."""
    return len(network.gates) == 1


def reader_probability(
    network: Gated,
    pairs: Sequence[Level],
    reader: Reader,
    temperature: float,
) -> Array:
    """Probability (N, classes, S, S) if all gates are forced to a reader's psi."""
    one = np.full((1, 1, 1, 1), reader.weight, np.float32)
    weight = same_kind(one, pairs[0][0])
    psi = network.psi_of_cnn(dict.fromkeys(STRIDES, weight))
    fused, _ = network.fuse(pairs, psi)
    return sigmoid(network.logits(fused) / temperature)


def observe_signals(
    network: Gated,
    pairs: Sequence[Level],
    probability: Array,
    threshold: float,
    temperature: float,
    readers: Collection[Reader],
    wanted: Collection[Signal] = tuple(Signal),
) -> dict[Signal, float]:
    """Measure the signals of one image; of several classes the most probable counts.

    Parameters
    ----------
    network : SegmentationNetwork or Engine
    pairs : sequence of tuples of Array
        Aligned maps of this image, from `SegmentationNetwork.align`.
    probability : Array, shape (1, classes, S, S)
        Probability of the model, at the network's size.
    threshold, temperature : float
        Threshold and temperature of the model card.
    readers : collection of Reader
        Readers whose probability is needed; each takes one more decoding.
    wanted : collection of Signal
        As for `case_signals`.
    """
    alone = {
        reader: _best(reader_probability(network, pairs, reader, temperature))
        for reader in readers
    }
    return case_signals(_best(probability), alone, threshold, wanted)


def estimate(
    network: Gated,
    card: ModelCard,
    pairs: Sequence[Level],
    probability: Array,
) -> ExpectedDice | None:
    """Expected Dice of the model's own mask of one image; None without a rule.

    Parameters
    ----------
    network : SegmentationNetwork or Engine
    card : ModelCard
        Its ``expected_dice`` holds the rule.
    pairs : sequence of tuples of Array
        Aligned maps of this image, from `SegmentationNetwork.align`.
    probability : Array, shape (1, classes, S, S)
    """
    known = Reliability.from_card(card.expected_dice)
    if known is None:
        return None
    readers = known.rule.readers
    if readers and not has_readers(network):
        return None
    signals = observe_signals(
        network,
        pairs,
        probability,
        card.threshold,
        card.temperature,
        readers,
        known.rule.signals,
    )
    return known.estimate(signals, pooled_features(pairs))


def pooled_features(pairs: Sequence[Level]) -> Floats:
    """Mean over all locations of both encoders' features at `FEATURE_LEVEL`, (d,)."""
    level = pairs[min(FEATURE_LEVEL, len(pairs) - 1)]
    means = [float32(maps[0]).mean(axis=(1, 2)) for maps in level]
    return np.concatenate([to_numpy(one) for one in means])


def _best(probability: Array) -> Floats:
    found: Floats = to_numpy(probability[0]).max(axis=0)
    return found
