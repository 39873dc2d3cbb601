"""Masks of thin lines, such as brush strokes, are told from lesions and vessels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.ndimage import binary_dilation
from skimage.draw import line

from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.lines import is_lines
from attnseg_training.datasets.rules import Rule

H, W = 192, 256
Y, X = np.mgrid[:H, :W]


def stroke(points: list[tuple[float, float]], width: float) -> np.ndarray:
    """A brush of that width that is drawn from point to point (row, column)."""
    found = np.zeros((H, W), bool)
    for (y, x), (v, u) in itertools.pairwise(points):
        rows, columns = line(round(y), round(x), round(v), round(u))
        inside = (rows >= 0) & (rows < H) & (columns >= 0) & (columns < W)
        found[rows[inside], columns[inside]] = True
    reach = np.arange(-4, 5)
    brush = np.hypot(reach[:, None], reach) < max(width / 2, 0.5)
    return np.asarray(binary_dilation(found, brush))


def curved(width: float) -> np.ndarray:
    at = np.linspace(0, 4, 12)
    points = [(90 + 25 * np.sin(t), 60 + 30 * t) for t in at]
    return stroke(points, width)


ZIGZAG = [(70 + 40 * (k % 2), 80 + 8 * k) for k in range(10)]


@pytest.mark.parametrize(
    "mask",
    [
        *(curved(width) for width in (1, 2, 3, 5)),
        curved(3) | stroke([(20, 20), (30, 80)], 3),
        stroke([(60, 60), (120, 150)], 2) | stroke([(130, 70), (60, 140)], 2),
        stroke(ZIGZAG, 3),
        stroke([(150, 30), (150, 90)], 1),
    ],
)
def test_strokes_are_told(mask: np.ndarray) -> None:
    assert is_lines(mask)


def vessels() -> np.ndarray:
    """A tree of thin vessels from one point, whose branches branch again."""
    rng, found = np.random.default_rng(0), np.zeros((H, W), bool)
    ends = [(96.0, 10.0, a, 5.0) for a in (-0.5, 0.0, 0.5)]
    while ends:
        y, x, angle, width = ends.pop()
        length = 18 + 30 * rng.random()
        v, u = y + length * np.sin(angle), x + length * np.cos(angle)
        found |= stroke([(y, x), (v, u)], width)
        if width > 1.5 and 0 < v < H and u < W:
            ends += [(v, u, angle + turn, width * 0.8) for turn in (-0.4, 0.35)]
    return found


def blob(radius: float, longer: float = 1) -> np.ndarray:
    return np.asarray(((Y - 90) / radius) ** 2 + ((X - 120) / radius / longer) ** 2 < 1)


@pytest.mark.parametrize(
    "mask",
    [
        vessels(),
        blob(30),
        blob(2),
        blob(6, 3),
        blob(14, 6),
        blob(30) | curved(2),
        blob(40) & ((Y + X) % 40 > 6),
        binary_dilation(stroke(ZIGZAG, 3), iterations=4),
        np.zeros((H, W), bool),
    ],
)
def test_lesions_and_networks_are_none(mask: np.ndarray) -> None:
    assert not is_lines(mask)


def test_one_such_mask_is_hinted_at() -> None:
    seen = MasksSeen()
    for i, mask in enumerate([blob(20), blob(30), curved(3)]):
        seen.add(f"m{i}", np.roll(mask, 9 * i, 0)[None].astype(np.uint8))
    (hint,) = seen.hints()
    assert (hint.rule, hint.names) == (Rule.LINES, ("m2",))
    assert "draw the lesion up to its edge" in str(hint)
    both = MasksSeen()
    both.add("m3", np.roll(curved(2), 5)[None].astype(np.uint8))
    assert seen.joined(both).looks.lines == ["m2", "m3"]
