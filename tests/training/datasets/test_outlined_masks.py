"""Masks that hold outlines instead of areas are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from drawn_masks import H, W, X, Y, disc, folder

from attnseg_training.datasets.check import check
from attnseg_training.datasets.outlines import is_outlined


def ring(y: int, x: int, r: int) -> np.ndarray:
    return disc(y, x, r) & ~disc(y, x, r - 2)


def test_outlines_are_told_from_areas() -> None:
    net = (Y % 12 < 2) | (X % 12 < 2)
    assert is_outlined(ring(30, 40, 15)) and is_outlined(ring(30, 0 + 16, 15))
    assert is_outlined(ring(15, 15, 10) | ring(15, 60, 10) | disc(45, 45, 3))
    for area in (
        disc(30, 40, 15),
        disc(30, 40, 15) & ~disc(30, 40, 5),
        disc(30, 40, 22) & ~disc(30, 40, 16),  # a muscle around a cavity
        ring(15, 15, 8) | disc(30, 50, 15),
        ~disc(30, 40, 15),
        net,
        np.zeros((H, W), bool),
    ):
        assert not is_outlined(area)


def test_outlines_with_a_gap_are_told_from_other_lines() -> None:
    right = (X > 40) & (abs(Y - 30) < 3)
    open_ring = ring(30, 40, 15) & ~right
    tail = (Y == 30) & (X < 27)
    assert is_outlined(open_ring) and is_outlined(ring(30, 40, 25) & ~right)
    assert is_outlined(ring(30, 40, 25) & ((X + Y) % 12 > 2))  # dashes
    two = ring(15, 15, 10) & ~((X > 15) & (abs(Y - 15) < 3))
    assert is_outlined(two | np.roll(two, (25, 40), (0, 1)) | disc(50, 10, 3))
    for line in (
        ring(30, 40, 25) & (X < 40),
        tail | open_ring & (X > 40),
        (abs(Y - 30) < 2) | (abs(X - 40) < 2),
        (abs(X - Y) < 2) | (abs(X - Y - 15) < 2),
        two | disc(45, 55, 14),
    ):
        assert not is_outlined(line)


def test_few_outlines_are_named_and_most_stop(tmp_path: Path) -> None:
    def draw(outlined: int) -> Callable:
        return lambda i: (
            (ring if i < outlined else disc)(30, 30 + 5 * i, 14).astype(np.uint8) * 255
        )

    few = check(folder(tmp_path / "few", draw(1)))
    assert [(kind, name) for kind, name, _ in few.found] == [("outlines", "a0")]
    assert few.to_json()["stops_training"] == []
    most = check(folder(tmp_path / "most", draw(2)))
    ((kind, _, text),) = most.found
    assert most.to_json()["stops_training"] == [kind] == ["mostly-outlines"]
    assert "2 of 3 masks are nothing but outlines" in text
