"""Describe what was measured of the two readers. No torch, no Qt."""

from __future__ import annotations

from napari_attnseg.reader_record import (
    BOTH,
    SMALLEST,
    PsiTells,
    Reader,
    ReaderRecord,
    ReaderState,
)
from napari_attnseg.readers import Disagreement
from napari_attnseg.statistics import Interval

_SPLITS = {"val": "validation ", "test": "test ", "train": "training "}
#: In the order in which Dice is told.
_KEYS = (Reader.CNN.key, Reader.TRANSFORMER.key, BOTH)
_TELLS = {
    PsiTells.BETTER: "psi was higher where the CNN was the better one",
    PsiTells.WORSE: "psi was lower where the CNN was the better one",
    PsiTells.CHANCE: "psi told no better than chance which one was right",
}


def measured_on(record: ReaderRecord) -> str:
    """Name the measured images, such as ``on 88 validation images of kvasir-seg``."""
    images = record.facts.get("measured_on")
    if not images:
        return ""
    kind = _SPLITS.get(images["split"], "")
    seen = ", which were trained on" if images.get("trained_on") else ""
    return f"on {images['n']} {kind}images of {images['dataset']}{seen}"


def useless_sentences(record: ReaderRecord) -> list[str]:
    """One sentence for each reader that its record shows to be useless alone."""
    where = measured_on(record)
    return [
        f"The {reader} alone cannot do this job (Dice {_number(found)} {where})."
        for reader in Reader
        if record.state(reader) is ReaderState.USELESS
        and (found := record.dice(reader.key)) is not None
    ]


def record_sentences(record: ReaderRecord) -> list[str]:
    """Sentences on which was right where both readers differ, and on each alone."""
    dice = [record.dice(key) for key in _KEYS]
    names = (f"{Reader.CNN} alone", f"{Reader.TRANSFORMER} alone", "both together")
    known = [
        f"{name} {_number(found)}"
        for name, found in zip(names, dice, strict=True)
        if found is not None
    ]
    if not known:
        return ["How good each is alone has not been measured for these weights."]
    listed = f"Measured {measured_on(record)}, Dice: {', '.join(known)}."
    return [*filter(None, [_right_sentence(record)]), listed]


def _right_sentence(record: ReaderRecord) -> str:
    """How often each was right where the readers differ; empty if not measured."""
    shares = [record.right(key) for key in (BOTH, *_KEYS[:2])]
    if None in shares or not measured_on(record):
        return ""
    both, cnn, transformer = (f"{100 * one['mean']:.0f} %" for one in shares if one)
    return (
        f"Where they differed {measured_on(record)}, both together were right in "
        f"{both} of the area, the {Reader.CNN} in {cnn}, the {Reader.TRANSFORMER} in "
        f"{transformer}."
    )


def psi_sentence(record: ReaderRecord) -> str:
    """Sentence on whether psi tells the better reader; empty if it is not known."""
    if record.psi_tells not in _TELLS:
        return ""
    area = record.facts["psi_auroc"]
    leaned, regions = (record.facts[key] for key in ("leaned_to_cnn", "regions"))
    return (
        f"Where they disagreed, {_TELLS[record.psi_tells]} (AUROC {_number(area)}; "
        f"0.5 is chance), and the CNN had the larger weight in {leaned} of "
        f"{regions} regions."
    )


def _number(found: Interval) -> str:
    return f"{found['mean']:.2f}"


def region_sentences(
    kind: Disagreement,
    psi: float,
    in_mask: float,
    size: float,
    record: ReaderRecord,
) -> list[str]:
    """Sentences on a region of disagreement, and on what was measured of such regions.

    Parameters
    ----------
    kind : Disagreement
    psi : float, in [0, 1]
        Mean weight of the CNN over the levels in the region.
    in_mask : float, in [0, 1]
        Share of the region that lies in the mask by both encoders.
    size : float
        Share of the image's pixels.
    record : ReaderRecord
    """
    shown = round(psi, 2)  # as it is printed: 0.50 is neither
    weight = (
        "both the same weight"
        if shown == 0.5
        else f"the {_reader_of(shown > 0.5)} more weight"
    )
    return [
        f"{_HERE[kind]} The mask by both together {_drawn(in_mask)}. The gates gave "
        f"{weight} here: mean psi over the scales {psi:.2f}, where 0 is the "
        "transformer alone and 1 the CNN alone.",
        _record_in(kind, record)
        + (
            " Regions as small as this one were not measured."
            if size < SMALLEST
            else ""
        ),
    ]


def _drawn(share: float) -> str:
    """Extent to which a mask covers a region."""
    if share in (0, 1):
        return "has all of it" if share else "leaves it out"
    if share == 0.5:
        return "has half of it"
    return "has most of it" if share > 0.5 else "has less than half of it"


_HERE = {
    Disagreement.ONLY_CNN: "Only the CNN draws this region.",
    Disagreement.ONLY_TRANSFORMER: "Only the transformer draws this region.",
    Disagreement.OTHER_CLASS: "Both draw this region, as different classes.",
}
_DRAWS = {
    Disagreement.ONLY_CNN: Reader.CNN,
    Disagreement.ONLY_TRANSFORMER: Reader.TRANSFORMER,
}


def _reader_of(cnn: bool) -> Reader:
    return Reader.CNN if cnn else Reader.TRANSFORMER


def _record_in(kind: Disagreement, record: ReaderRecord) -> str:
    """Sentence on how often each was right where the same one draws."""
    draws = _DRAWS.get(kind)
    found = None if draws is None else record.drawn_alone_right(draws)
    if draws is None or found is None:
        return "Which of the two is right in such regions has not been measured."
    other = _reader_of(draws is not Reader.CNN)
    images = record.facts["measured_on"]["n"]
    return (
        f"Where only the {draws} drew, it was right in {found['mean']:.2f} and the "
        f"{other} in {1 - found['mean']:.2f} of the pixels, {measured_on(record)}"
        + (f" ({found['n']} had such pixels)." if found["n"] < images else ".")
    )


def agree_sentence(drawn: bool, in_mask: bool) -> str:
    """Say that both readers agree at a point.

    Parameters
    ----------
    drawn : bool
        Whether the masks of both have it.
    in_mask : bool
        Whether the mask by both together has it: what is mixed may differ from either.
    """
    here = "Both encoders draw" if drawn else "Neither encoder draws"
    said = f"{here} this place"
    if drawn == in_mask:
        return f"{said}."
    does = "has it" if in_mask else "leaves it out"
    return f"{said}, but the mask by both together {does}."
