"""Measure the masks of a model by each encoder alone.

A reader is the network with psi forced to one encoder at all levels. Where the two
masks differ, one of them is right. How often each is right, and whether psi is higher
where the CNN is right, shows whether the gates choose well where their choice matters
for the mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnseg_training.gates.keys import ALL, DICE, ENCODERS, Columns, Key, Measure, Row
from attnseg_training.gates.verdicts import words
from napari_attnseg.ignored import known_pixels
from napari_attnseg.rank_statistics import auroc
from napari_attnseg.reader_record import (
    BOTH,
    SMALLEST,
    PsiTells,
    Reader,
    ReaderRecord,
    ReaderState,
)
from napari_attnseg.readers import disagreement, mask_agreement, mean_psi, regions
from napari_attnseg.statistics import (
    UNIT,
    Interval,
    jackknife_interval,
    mean_interval,
    too_few_words,
)

#: Interventions at all levels that make a reader of the model.
INTERVENTION = {
    Reader.CNN: "CNN only",
    Reader.TRANSFORMER: "transformer only",
}
#: Per region of disagreement: mean psi, share of its pixels where the CNN is right,
#: and whether the CNN draws there.
_REGIONS = Key(Measure.DISAGREEMENTS)


def reader_columns(
    logits: dict[str, Tensor], weights: dict[int, Tensor], masks: Tensor
) -> Columns:
    """Measure where the readers disagree in N images, and which of them is right there.

    Parameters
    ----------
    logits : dict of str to Tensor, shape (N, 1, S, S)
        Logits by ``"both"`` and by each of `ENCODERS` alone.
    weights : dict of int to Tensor, shape (N, 1, h, w)
        Stride → psi as weight of the CNN.
    masks : Tensor, shape (N, 1, S, S)
        True masks, NaN where they are ignored.
    """
    truth, known = known_pixels(masks)
    counted = torch.ones_like(truth) if known is None else known
    drawn = {who: _flat(found >= 0) for who, found in logits.items()}
    psi = [one[:, 0].float().cpu().numpy() for one in weights.values()]
    columns: Columns = {}
    for i, (lesion, there) in enumerate(
        zip(_flat(truth > 0.5), _flat(counted > 0), strict=True)
    ):
        own = {who: found[i] & there for who, found in drawn.items()}
        numbers = _one_image(own, [level[i] for level in psi], lesion, there)
        for key, value in numbers.items():
            columns.setdefault(key, []).append(value)
    return columns


def _flat(maps: Tensor) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = maps[:, 0].cpu().numpy()
    return found


def _one_image(
    drawn: dict[str, NDArray[np.bool_]],
    psi: list[NDArray[np.floating[Any]]],
    lesion: NDArray[np.bool_],
    known: NDArray[np.bool_],
) -> Row:
    cnn, transformer = (drawn[encoder].astype(np.uint8) for encoder in ENCODERS)
    kinds = disagreement(cnn, transformer)
    differs = kinds > 0
    row: Row = {
        Key(Measure.READERS_AGREE): mask_agreement(cnn, transformer),
        Key(Measure.READERS_DIFFER): float(differs.sum() / max(known.sum(), 1)),
    }
    for who in (BOTH, *ENCODERS):
        right = drawn[who] == lesion
        row[Key(Measure.READER_RIGHT, "", who)] = _share(right, differs)
    for encoder, other in (ENCODERS, ENCODERS[::-1]):
        alone = drawn[encoder] & ~drawn[other]
        row[Key(Measure.DRAWN_ALONE_RIGHT, "", encoder)] = _share(lesion, alone)
    maps = (mean_psi(psi, lesion.shape), drawn["CNN"] == lesion, drawn["CNN"])
    row[_REGIONS] = _of_regions(regions(kinds), maps)
    return row


def _share(right: NDArray[np.bool_], where: NDArray[np.bool_]) -> float:
    """Share of the pixels `where` that are right; NaN where there are none."""
    return float(right[where].mean()) if where.any() else float("nan")


def _of_regions(
    numbered: NDArray[np.int32], maps: Sequence[NDArray[Any]]
) -> NDArray[np.float64]:
    """(regions, maps): mean of each map in each region that is large enough."""
    sizes = np.bincount(numbered.ravel())
    sums = [np.bincount(numbered.ravel(), one.ravel().astype(float)) for one in maps]
    kept = sizes >= SMALLEST * numbered.size
    kept[0] = False
    found: NDArray[np.float64] = np.stack([s[kept] / sizes[kept] for s in sums], 1)
    return found


def summarise_readers(rows: list[Row]) -> dict[str, Any]:
    """The block ``readers`` of ``faithfulness.json``; see `ReaderRecord`.

    Besides the fields of `ReaderRecord` there are ``agree`` (Dice of both readers'
    masks), ``differ`` (share of the image where they disagree) and ``images`` (number
    of images with a disagreement). For regions there are ``cnn_better`` (number of
    regions in which the CNN is right in most pixels), mean psi in these and in the
    others, and ``psi_auroc_alike`` (AUROC among regions that are in the same reader's
    mask).
    """
    found = [row[_REGIONS] for row in rows]
    differ = _values(rows, Key(Measure.READERS_DIFFER))
    facts: dict[str, Any] = {
        "dice": {
            BOTH: mean_interval(_values(rows, DICE), UNIT),
            **{reader.key: _dice(rows, reader) for reader in Reader},
        },
        "agree": mean_interval(_values(rows, Key(Measure.READERS_AGREE)), UNIT),
        "differ": mean_interval(differ, UNIT),
        "images": int((differ > 0).sum()),
        "right": {
            who.lower(): mean_interval(
                _values(rows, Key(Measure.READER_RIGHT, "", who)), UNIT
            )
            for who in (BOTH, *ENCODERS)
        },
        "drawn_alone_right": {
            reader.key: mean_interval(
                _values(rows, Key(Measure.DRAWN_ALONE_RIGHT, "", reader)), UNIT
            )
            for reader in Reader
        },
        "regions": sum(len(one) for one in found),
        "smallest_region": SMALLEST,
        **_psi_in(found),
        "psi_auroc": jackknife_interval(
            lambda images: _psi_auroc(found, images), len(rows), UNIT
        ),
        "psi_auroc_alike": jackknife_interval(
            lambda images: _psi_auroc_alike(found, images), len(rows), UNIT
        ),
    }
    record = ReaderRecord(facts)
    states = {reader.key: str(record.state(reader)) for reader in Reader}
    return {**facts, "states": states, "psi_tells": str(record.psi_tells)}


def _dice(rows: list[Row], reader: Reader) -> Interval:
    values = _values(rows, Key(Measure.DICE, ALL, INTERVENTION[reader]))
    return mean_interval(values, UNIT)


def _values(rows: list[Row], key: Key) -> NDArray[np.float64]:
    return np.array([row[key] for row in rows], dtype=float)


def _psi_in(found: list[NDArray[np.float64]]) -> dict[str, Any]:
    """Count regions where the CNN is mostly right, with psi in both kinds."""
    psi, right, _ = np.concatenate(found).T
    better = right > 0.5

    def mean(which: NDArray[np.bool_]) -> float:
        return float(psi[which].mean()) if which.any() else float("nan")

    return {
        "leaned_to_cnn": int((psi > 0.5).sum()),
        "cnn_better": int(better.sum()),
        "psi_cnn_better": mean(better),
        "psi_transformer_better": mean(~better),
    }


def _psi_auroc(found: list[NDArray[np.float64]], images: NDArray[np.intp]) -> float:
    """AUROC of mean psi for the regions in which the CNN is the better reader."""
    chosen = np.concatenate([found[i] for i in images])
    return auroc(chosen[:, 0], chosen[:, 1] > 0.5)


def _psi_auroc_alike(
    found: list[NDArray[np.float64]], images: NDArray[np.intp]
) -> float:
    """`_psi_auroc` among regions that the same encoder draws.

    A gate that is high wherever the CNN draws, right or wrong, is near chance here.
    """
    chosen = np.concatenate([found[i] for i in images])
    total = pairs = 0.0
    for draws in (0, 1):
        own = chosen[chosen[:, 2].round() == draws]
        better = own[:, 1] > 0.5
        n = float(better.sum() * (~better).sum())
        if n:
            total += n * auroc(own[:, 0], better)
            pairs += n
    return total / pairs if pairs else float("nan")


_TELLS_WORDS = {
    PsiTells.BETTER: "psi is higher where the CNN is the better one",
    PsiTells.WORSE: "psi is lower where the CNN is the better one",
    PsiTells.CHANCE: "psi tells the better one no better than chance",
    PsiTells.UNDEFINED: "whether psi tells the better one is open",
    PsiTells.NOT_MEASURED: "whether psi tells the better one is open",
}


def reader_lines(facts: dict[str, Any]) -> list[str]:
    """Sentences on the readers, for the printed summary and the gate card."""
    record = ReaderRecord(facts)
    useless = [
        f"The {reader} alone cannot do this job (Dice "
        f"{words(facts['dice'][reader.key], '.3f')})."
        for reader in Reader
        if record.state(reader) is ReaderState.USELESS
    ]
    dice, right = facts["dice"], facts["right"]
    alone = facts["drawn_alone_right"]
    area = words(facts["psi_auroc"], ".2f")
    alike = words(facts["psi_auroc_alike"], ".2f")
    few = too_few_words(dice[BOTH]["n"])
    return [
        *useless,
        f"Each encoder alone, Dice: both {words(dice[BOTH], '.3f')}; "
        + "; ".join(f"{r} alone {words(dice[r.key], '.3f')}" for r in Reader)
        + (f"; {few}" if few else "")
        + f". Agreement of the two (Dice) {words(facts['agree'], '.2f')}.",
        f"Where they disagree ({facts['images']} images), share of the pixels that is "
        f"right: both {words(right[BOTH], '.2f')}; "
        + "; ".join(f"{r} alone {words(right[r.key], '.2f')}" for r in Reader)
        + ". Lesion in what one draws alone: "
        + "; ".join(f"{r} {words(alone[r.key], '.2f')}" for r in Reader)
        + ".",
        f"In {facts['regions']} regions of disagreement "
        f"{_TELLS_WORDS[record.psi_tells]}: AUROC {area}, among regions that the "
        f"same one draws {alike}; psi above 0.5 in {facts['leaned_to_cnn']}, the CNN "
        f"better in {facts['cnn_better']}.",
    ]
