"""Outlines, calibration and sizes against plain recomputation."""

import builtins
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, distance_transform_edt

from attnseg_training.evaluation.image_metrics import (
    BINS,
    by_size,
    calibration,
    measure_image,
    surfaces,
    worst_decile,
)

RNG = np.random.default_rng(0)


def disc(row: int, column: int, radius: int) -> np.ndarray:
    y, x = np.mgrid[:80, :100]
    inside = (y - row) ** 2 + (x - column) ** 2 <= radius**2
    return inside.astype(np.uint8)


def outline_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """From each outline pixel of a to the outline of b."""
    edges = [m & ~binary_erosion(m) for m in (a > 0, b > 0)]
    return distance_transform_edt(~edges[1])[edges[0]]


def test_surfaces_are_distances_of_outlines() -> None:
    truth, mask = disc(40, 50, 20), disc(44, 53, 24)
    ways = outline_distances(mask, truth), outline_distances(truth, mask)
    hd95, nsd = surfaces(truth, mask, tolerance=4.0)
    assert hd95 == pytest.approx(max(np.percentile(w, 95) for w in ways), abs=0.5)
    both = np.concatenate(ways)
    assert 0.2 < nsd < 0.9 and nsd == pytest.approx((both <= 4).mean(), abs=0.03)
    assert surfaces(truth, truth, 1.0) == (0, 1)
    assert all(np.isnan(value) for value in surfaces(truth, 0 * truth, 1.0))


def test_without_monai_they_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("monai"):
            raise ImportError(name)
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    found = surfaces(disc(40, 50, 20), disc(40, 50, 21), 1.0)
    assert all(np.isnan(value) for value in found)


def test_an_honest_probability_is_calibrated_and_a_bold_one_is_not() -> None:
    honest, bold = [], []
    for _ in range(20):
        probability = RNG.random((80, 100))
        truth = (RNG.random((80, 100)) < probability).astype(np.uint8)
        mask = (probability >= 0.5).astype(np.uint8)
        honest.append(measure_image(truth, mask, probability))
        bold.append(measure_image(truth, mask, mask * 1.0))
    found = calibration(honest)["image"]
    assert found["ece"]["mean"] < 0.01
    assert found["ece"]["low"] <= found["ece"]["mean"] <= found["ece"]["high"]
    assert sum(b["n"] for b in found["bins"]) == 20 * 80 * 100
    assert len(found["bins"]) == BINS
    for b in found["bins"]:
        assert b["truth"] == pytest.approx(b["probability"], abs=0.02)
    assert found["brier"]["mean"] == pytest.approx(1 / 6, abs=0.01)  # E p(1 - p)
    worse = calibration(bold)["image"]
    assert worse["ece"]["mean"] == pytest.approx(0.25, abs=0.02)
    assert worse["brier"]["mean"] > found["brier"]["mean"]


def test_places_are_inside_and_at_the_boundary_of_the_truth() -> None:
    truth = disc(40, 50, 20)
    probability = np.where(truth > 0, 0.8, 0.1)
    case = measure_image(truth, truth, probability)
    assert case.lesion == pytest.approx(truth.mean())
    inside, boundary = case.bins[1], case.bins[2]
    assert inside[:, 1].sum() == pytest.approx(0.8 * inside[:, 0].sum())
    assert inside[:, 2].sum() == inside[:, 0].sum()  # all of it is lesion
    assert 0 < boundary[:, 2].sum() < boundary[:, 0].sum()
    # 2 px (2 % of 100) to both sides, in steps of a chess king: 4/π of 4 · 2π · 20.
    assert boundary[:, 0].sum() == pytest.approx(640, rel=0.05)
    assert case.brier["inside"] == pytest.approx(0.04)


def test_the_worst_tenth_and_thirds_by_size() -> None:
    dice = np.linspace(0.1, 1, 30)
    found = worst_decile(RNG.permutation(dice))
    assert found["mean"] == pytest.approx(dice[:3].mean())
    assert found["low"] <= found["mean"] <= found["high"]
    discs = [disc(40, 50, radius) for radius in range(1, 31)]
    cases = [measure_image(one, one, np.zeros((80, 100))) for one in discs]
    thirds = by_size(cases, dice)
    assert [t["n"] for t in thirds] == [10, 10, 10]
    assert [t["dice"]["mean"] for t in thirds] == pytest.approx(
        [dice[:10].mean(), dice[10:20].mean(), dice[20:].mean()]
    )
    assert thirds[0]["lesion_share"][1] < thirds[1]["lesion_share"][0]
