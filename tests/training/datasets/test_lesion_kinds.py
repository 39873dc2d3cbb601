"""Classes that nobody named are asked about where each lies in one piece, too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.masks import read
from attnseg_training.datasets.rules import Rule

COLOURS = np.array([(0, 0, 0), (255, 0, 0), (0, 0, 255), (90, 0, 0), (9, 200, 9)])


def mask(numbers: tuple[int, ...], place: int) -> np.ndarray:
    """A disc of each number, apart from the others."""
    y, x = np.mgrid[:48, :64]
    drawn = np.zeros((48, 64), np.uint8)
    for i, number in enumerate(numbers):
        drawn[(y - 10 - place) ** 2 + (x - 10 - 14 * i) ** 2 < 25] = number
    return drawn


@pytest.mark.parametrize(
    ("masks", "painted", "asked"),
    [
        # The same numbers or colours in each.
        ([(1, 2)] * 5, False, 5),
        ([(1, 2, 3)] * 5, True, 5),
        # 2 without 1.
        ([(1,), (2,), (1, 2), (1,)], False, 1),
        # Two colours, one in each.
        ([(1,), (2,), (1,), (2,)], True, 4),
        # Objects: as many as there are, by chance as many in a few, deleted ones, one.
        ([(1, 2), (1,), (1, 2, 3), (1, 2), (1, 2)], False, 0),
        ([(1, 2)] * 4, False, 0),
        ([(1, 2, 3, 4), (1, 3, 4, 5), (2,)], False, 0),
        ([(1,)] * 5, True, 0),
        # One colour, darker, and one that is in one mask alone.
        ([(1,), (3,), (1,), (3,)], True, 0),
        ([(1,), (2,), (1,), (1,)], True, 0),
        # Numbers of two scales.
        ([(1,), (255,), (1,), (255,)], False, 0),
    ],
)
def test_classes_in_one_piece_are_asked_about(
    tmp_path: Path, masks: list[tuple[int, ...]], painted: bool, asked: int
) -> None:
    seen = MasksSeen()
    for i, numbers in enumerate(masks):
        drawn = mask(numbers, i)
        pixels = COLOURS[drawn].astype(np.uint8) if painted else drawn
        Image.fromarray(pixels).save(tmp_path / f"m{i}.png")
        reading, part = read(tmp_path / f"m{i}.png"), MasksSeen()
        part.add(f"m{i}", reading.planes, readings=[reading])
        seen = seen.joined(part) if i else part
    names = [one.names for one in seen.hints() if one.rule == Rule.MAYBE_CLASSES]
    assert [len(one) for one in names] == [asked] * bool(asked)
