"""Classes that nobody named are asked about where each lies in one piece, too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from attnseg_training.cli import app
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.lesion_kinds import counted_kinds
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
        # A colour in all and one in some, which recurs; by chance in a few.
        ([(1,), (1, 2), (1,), (1, 2), (1,), (1, 2)], True, 6),
        ([(1,), (1, 2), (1,), (1, 2)], True, 0),
        ([(1,), (1, 2), (1,), (1,), (1,)], True, 0),
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
    seen = seen_in(tmp_path, masks, painted)
    names = [one.names for one in seen.hints() if one.rule == Rule.MAYBE_CLASSES]
    assert [len(one) for one in names] == [asked] * bool(asked)


def seen_in(
    tmp_path: Path, masks: Sequence[tuple[int, ...]], painted: bool
) -> MasksSeen:
    seen = MasksSeen()
    for i, numbers in enumerate(masks):
        drawn = mask(numbers, i)
        pixels = COLOURS[drawn].astype(np.uint8) if painted else drawn
        Image.fromarray(pixels).save(tmp_path / f"m{i}.png")
        reading, part = read(tmp_path / f"m{i}.png"), MasksSeen()
        part.add(f"m{i}", reading.planes, readings=[reading])
        seen = seen.joined(part) if i else part
    return seen


def test_each_number_or_colour_is_told_with_its_masks(tmp_path: Path) -> None:
    seen = seen_in(tmp_path, [(1,), (1, 4), (1,), (1, 4), (1, 4), (1,)], True)
    (hint,) = seen.hints()
    held = "one lesion: (255, 0, 0) in 6 masks, (9, 200, 9) in 3 masks; they"
    assert hint.rule == Rule.MAYBE_CLASSES and held in str(hint)
    assert "export as grey numbers" in str(hint)
    objects = seen_in(tmp_path, [(1, 2, 3, 4), (1, 2, 3), (2, 3, 4, 5, 6)], False)
    counted = [((1.0,), 2), ((2.0,), 3), ((3.0,), 3), ((4.0,), 2), ((5.0,), 1)]
    assert objects.spread.counts() == counted
    assert counted_kinds(counted) == (
        "1 in 2 masks, 2 in 3 masks, 3 in 3 masks, 4 in 2 masks, and larger ones"
    )


def test_check_says_how_numbers_were_read(tmp_path: Path) -> None:
    for part in ("images", "masks"):
        (tmp_path / "d" / part).mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 255, (3, 48, 64), np.uint8)
    for i, numbers in enumerate([(1,), (1, 2), (1,)]):
        for part, pixels in (("images", noise[i]), ("masks", mask(numbers, i))):
            Image.fromarray(pixels).save(tmp_path / "d" / part / f"a{i}.png")
    done = CliRunner().invoke(app, ["check", str(tmp_path / "d")])
    assert done.exit_code == 0, done.output
    assert "lesion is each number but 0: 1 in 3 masks, 2 in 1 mask\n" in done.stdout
