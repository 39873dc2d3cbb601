"""Numbers of objects that began again after 255 are told; others are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.masks import read
from attnseg_training.datasets.rules import Rule


def objects(count: int) -> np.ndarray:
    """Numbered squares of 5 × 5 pixels."""
    numbers = np.zeros((160, 160), int)
    for i in range(count):
        y, x = 8 * (i // 20), 8 * (i % 20)
        numbers[y + 1 : y + 6, x + 1 : x + 6] = i + 1
    return numbers


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        (objects(300).astype(np.uint8), True),
        (objects(300).clip(0, 255).astype(np.uint8), False),  # nothing is lost
        (objects(255).astype(np.uint8), False),
        (objects(254).astype(np.uint8), False),
        (objects(300).astype(np.uint16), False),
    ],
)
def test_wrapped_numbers_of_objects_are_told(
    tmp_path: Path, numbers: np.ndarray, told: bool
) -> None:
    Image.fromarray(numbers).save(tmp_path / "a.png")
    reading, one = read(tmp_path / "a.png"), MasksSeen()
    one.add("a", reading.planes, readings=[reading])
    two = MasksSeen()
    two.add("b", reading.planes)
    found = [str(h) for h in two.joined(one).hints() if h.rule == Rule.WRAPPED_NUMBERS]
    assert len(found) == int(told)
    assert not told or "'a'" in found[0]
