"""Decode an encoded image: its mask, probability, gate maps and provenance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from napari_attnseg.arrays import (
    Array,
    concatenate,
    mean,
    mirror,
    resize,
    sigmoid,
    to_numpy,
)
from napari_attnseg.boxes import put_back
from napari_attnseg.cards import ImageColours, ModelCard
from napari_attnseg.device_memory import in_parts, or_on_cpu
from napari_attnseg.encoded_image import FLIPS, EncodedImage
from napari_attnseg.forced_gates import Forced
from napari_attnseg.forced_psi import forced_psi
from napari_attnseg.masks import MaskRules, expect_probability, make_mask
from napari_attnseg.provenance import provenance_of_run
from napari_attnseg.reliability.estimate import EstimateState, ExpectedDice
from napari_attnseg.reliability.observe import estimate
from napari_attnseg.reliability.rule import not_estimated
from napari_attnseg.results import (
    AttentionMap,
    EffectiveShare,
    GateKey,
    PatternValue,
    Segmentation,
    ShareState,
    gate_label,
)
from napari_attnseg.spec import STRIDES, GateEnds

if TYPE_CHECKING:
    from napari_attnseg.engines.base import Engine
    from napari_attnseg.inference import Segmenter
    from napari_attnseg.models.gated import Gated


def ends_of_gates(network: Gated) -> dict[GateKey, tuple[str, str]]:
    """Names of psi 0 and psi 1 of each gate of a model."""
    return {
        _key(stride, gate): (gate.low, gate.high)
        for stride in STRIDES
        for gate in network.gates
    }


def decode(
    segmenter: Segmenter,
    encoded: EncodedImage,
    gates: Mapping[GateKey, Forced],
    threshold: float,
) -> Segmentation:
    """Fuse and decode an image, without the masks by one encoder alone.

    Parameters
    ----------
    segmenter : Segmenter
    encoded : EncodedImage
        From `Segmenter.encode`.
    gates : mapping
        Forced values, with names replaced by numbers; see `forced_gates.resolve_gates`.
    threshold : float
        Threshold in [0, 1].

    Raises
    ------
    InputError, DeviceError
        As `Segmenter.decode`.
    """
    engine, card = segmenter.engine, segmenter.card
    with engine.computing(), segmenter.enough_memory():
        forced = forced_psi(engine, encoded.pairs, gates)
        fused, used = engine.fuse(encoded.pairs, forced)
        # Of the image itself, not of its mirror images.
        shares = engine.effective_shares(
            [tuple(maps[:1] for maps in level) for level in encoded.pairs],
            {stride: psi[:1] for stride, psi in used.items()},
        )
        logits = in_parts(
            lambda part: engine.logits([maps[part] for maps in fused]),
            len(fused[0]),
        )
        views = sigmoid(concatenate(logits) / card.temperature)
        # Each view turned back; without flips there is one, which stays as it is.
        back = [mirror(view, axes) for view, axes in zip(views, FLIPS, strict=False)]
        whole = mean(back)[None]
        own_mask = not gates and threshold == card.threshold
        expected = _expected_dice(engine, card, encoded, whole) if own_mask else None
        probability = or_on_cpu(
            lambda values: to_numpy(resize(values, encoded.shape)[0]), whole
        )
    expect_probability(probability, segmenter.weights)
    mask = make_mask(probability, MaskRules(threshold))
    height, width = encoded.shape
    attention = tuple(
        AttentionMap(
            to_numpy(psi[0, channel]),
            stride,
            (height / psi.shape[-2], width / psi.shape[-1]),
            gate.low,
            gate.high,
            gate=gate.name,
            effective_share=EffectiveShare.measured(to_numpy(shares[stride][0, 0]))
            if shares
            else EffectiveShare(ShareState.UNDEFINED),
            **_finding(card, _key(stride, gate)),
        )
        for stride, psi in used.items()
        for channel, gate in enumerate(engine.gates)
    )
    facts = provenance_of_run(segmenter, encoded, gates, threshold, mask)
    if expected is not None:
        facts |= expected.to_provenance()
    result = Segmentation(mask, probability, attention, facts)
    if encoded.box is not None and encoded.frame is not None:
        result = put_back(result, encoded.box, encoded.frame)
    return result


def _expected_dice(
    engine: Engine, card: ModelCard, encoded: EncodedImage, probability: Array
) -> ExpectedDice | None:
    """Expected Dice of the model's own mask, if the card has a rule for it.

    No number with flips, of a box or of a page of several pictures: it was measured on
    whole images of one picture, seen once. `probability` is (1, classes, S, S), at the
    network's size.
    """
    never = {
        EstimateState.BOX: encoded.box is not None,
        EstimateState.PAGE: encoded.pictures > 0,
        EstimateState.FLIPS: len(encoded.pairs[0][0]) > 1,
    }
    for state, holds in never.items():
        if holds:
            return not_estimated(card.expected_dice, state)
    found = estimate(engine, card, encoded.pairs, probability)
    other = encoded.grey and card.image_colours == ImageColours.COLOUR
    return found.without_number() if found is not None and other else found


def _finding(card: ModelCard, key: GateKey) -> dict[str, Any]:
    facts = card.gates.get(gate_label(key))
    if facts is None:
        return {}
    return {
        "finding": facts["verdict"],
        "pattern": PatternValue.of(facts),
    }


def _key(stride: int, gate: GateEnds) -> GateKey:
    return (stride, gate.name) if gate.name else stride
