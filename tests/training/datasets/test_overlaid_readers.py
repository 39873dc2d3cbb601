"""Numbers that hold the drawings of several people are asked about as such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.masks import read
from attnseg_training.datasets.overlaid_readers import OverlaidReaders, overlay_of
from attnseg_training.datasets.rules import Rule

Y, X = np.mgrid[:96, :128]


def drawings(people: int, seed: int) -> list[np.ndarray]:
    """Discs of about one place and size, one of each person."""
    rng = np.random.default_rng(seed)
    return [
        np.hypot(Y - 48 - rng.integers(-4, 5), X - 60 - rng.integers(-4, 5))
        < 22 + rng.integers(-4, 5)
        for _ in range(people)
    ]


def cells(seed: int) -> np.ndarray:
    """Numbered cells side by side, some of which touch."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform((8, 8), (88, 120), (9, 2))
    away = np.hypot(Y[..., None] - centres[:, 0], X[..., None] - centres[:, 1])
    return np.where(away.min(-1) < 14, 1 + away.argmin(-1), 0).astype(np.uint8)


def hints(masks: list[np.ndarray]) -> dict[Rule, str]:
    readers = OverlaidReaders()
    for i, mask in enumerate(masks):
        readers.add(f"a{i}", overlay_of(mask))
    return {hint.rule: str(hint) for hint in readers.hints([f"a{i}" for i in range(6)])}


@pytest.mark.parametrize("people", [3, 5, 7])
def test_votes_are_asked_about_with_the_threshold_of_most(people: int) -> None:
    told = hints([np.sum(drawings(people, i), 0).astype(np.uint8) for i in range(6)])
    assert list(told) == [Rule.READER_VOTES]
    assert f"threshold = {people / 2:g} " in told[Rule.READER_VOTES]


@pytest.mark.parametrize("people", [3, 4])
def test_bits_of_several_people_are_asked_about(people: int) -> None:
    def bits(seed: int) -> np.ndarray:
        each = enumerate(drawings(people, seed))
        return np.sum([one << i for i, one in each], 0).astype(np.uint8)

    assert list(hints([bits(i) for i in range(6)])) == [Rule.READER_BITS]


def test_bits_that_never_lie_alone_are_none() -> None:
    """As in the masks of cv2.grabCut: 2 is what may be background, 3 is lesion."""

    def around(seed: int, outer: int) -> np.ndarray:
        (lesion,) = drawings(1, seed)
        wide = np.hypot(Y - 48, X - 60) < 40
        return np.where(lesion, 3, np.where(wide, outer, 0)).astype(np.uint8)

    assert hints([around(i, 2) for i in range(6)]) == {}
    assert hints([around(i, 1) for i in range(6)]) == {}
    both = [around(i, 1 + i % 2) for i in range(6)]
    assert list(hints(both)) == [Rule.READER_BITS]


def test_numbers_of_objects_and_two_classes_are_none() -> None:
    assert hints([cells(i) for i in range(6)]) == {}
    two = [np.sum(drawings(2, i), 0) for i in range(6)]
    assert hints(two) == {}
    assert hints([np.sum(drawings(5, 0), 0), *map(cells, range(5))]) == {}


def test_a_set_asks_once(tmp_path: Path) -> None:
    parts = MasksSeen(), MasksSeen()
    for i in range(8):
        votes = np.sum(drawings(4, i), 0).astype(np.uint8)
        Image.fromarray(votes).save(tmp_path / f"m{i}.png")
        reading = read(tmp_path / f"m{i}.png")
        parts[i % 2].add(f"m{i}", reading.planes, readings=[reading])
    rules = {hint.rule for hint in parts[0].joined(parts[1]).hints()}
    assert Rule.READER_VOTES in rules
    assert Rule.MAYBE_CLASSES not in rules
