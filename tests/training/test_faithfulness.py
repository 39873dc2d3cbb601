"""The gate suite over a data folder, and the verdicts it gives."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from attnseg_training.datasets import load_dataset
from attnseg_training.faithfulness import faithfulness, rectangles, rows_csv
from attnseg_training.gate_card import LEVELS, gate_card_png, verdict
from napari_attnseg.errors import UnknownNameError


@pytest.fixture
def measured(data_folder: Path, tiny_weights: Path) -> tuple[dict, list[dict]]:
    kept: list[int] = []
    found = faithfulness(
        tiny_weights,
        load_dataset(data_folder),
        "train",
        device="cpu",
        keep=lambda rows: kept.append(len(rows)),
    )
    assert kept == [8]
    return found


def test_summary_rows_and_card(measured: tuple[dict, list[dict]]) -> None:
    summary, rows = measured
    assert summary["n"] == len(rows) == 8
    assert tuple(summary["gates"]) == LEVELS
    json.loads(json.dumps(summary))
    # What is measured twice agrees: a gate's worth is minus the harm of its mean.
    for level, gate in summary["gates"].items():
        harm = summary["interventions"]["mean"][level]["mean"]
        assert gate["spatial_value"]["mean"] == pytest.approx(-harm)
        assert set(gate["follows"]) == set(gate["follows_only"])
        assert "the model's own mask" in gate["follows"]
        assert gate["verdict"].startswith(f"{level}: ")
    stable = summary["gates"]["1/4"]["stable"]["noisy"]["mean"]
    assert 0.5 < stable <= 1
    lines = list(csv.DictReader(rows_csv(rows).splitlines()))
    assert [line["image"] for line in lines] == [row["image"] for row in rows]
    assert float(lines[0]["dice"]) == pytest.approx(rows[0]["dice"])
    assert "tau 1/4" not in lines[0]
    assert gate_card_png(summary)[:4] == b"\x89PNG"


def test_an_unknown_suite_is_named(data_folder: Path, tiny_weights: Path) -> None:
    with pytest.raises(UnknownNameError, match="quick"):
        faithfulness(tiny_weights, load_dataset(data_folder), "val", "quik", "cpu")


def interval(low: float, high: float) -> dict[str, float]:
    return {"mean": (low + high) / 2, "low": low, "high": high}


@pytest.mark.parametrize(
    ("value", "area", "decorative", "words"),
    [
        ((-0.001, 0.003), (0.4, 0.6), True, ("decorative", "no better than chance")),
        ((-0.02, 0.03), (0.6, 0.8), False, ("not shown to matter", "agrees")),
        ((0.02, 0.04), (0.55, 0.6), False, ("agrees a little with",)),
        ((0.02, 0.04), (0.1, 0.3), False, ("pattern matters", "contradicts")),
        ((0.02, 0.04), (np.nan, np.nan), False, ("one encoder is better",)),
    ],
)
def test_verdicts(
    value: tuple[float, float],
    area: tuple[float, float],
    decorative: bool,
    words: tuple[str, ...],
) -> None:
    facts = {
        "spatial_value": interval(*value),
        "agreement": {"auroc": interval(*area)},
    }
    found = verdict("1/8", facts)
    assert found["decorative"] == decorative
    for word in words:
        assert word in found["verdict"]
    assert "nan" not in found["verdict"] and "-0.000" not in found["verdict"]


def test_rectangles_differ_and_repeat() -> None:
    a = rectangles(4, 64, seed=0)
    share = a.mean((1, 2, 3))
    assert ((share > 0.1) & (share < 0.45)).all()
    assert (a == rectangles(4, 64, seed=0)).all()
    assert not (a == rectangles(4, 64, seed=8)).all()
