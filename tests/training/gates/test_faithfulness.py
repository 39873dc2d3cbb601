"""The gate suite over a data folder, and the verdicts it gives."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from attnseg_training.datasets import load_dataset
from attnseg_training.gates.card import gate_card_png
from attnseg_training.gates.checks import DRAWS
from attnseg_training.gates.columns import column_key, damage_name, rows_csv
from attnseg_training.gates.combination import GateMaps, judge
from attnseg_training.gates.damage import COPIES, KINDS, one_sided, rectangles
from attnseg_training.gates.faithfulness import faithfulness
from attnseg_training.gates.keys import (
    ALL,
    DICE,
    ENCODERS,
    IMAGE,
    LEVELS,
    REGIONS,
    Damage,
    Key,
    Measure,
    Row,
    damages,
)
from attnseg_training.gates.sanity import PARTS
from attnseg_training.gates.summary import Regions, agreement_interval
from attnseg_training.gates.verdicts import PatternValue, TrustAgreement, verdict, words
from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.explanations.agreement import sign_agreement_alike
from napari_attnseg.explanations.combination import COMBINATIONS
from napari_attnseg.explanations.interventions import Pairs
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.protocols import SplitRule


@pytest.fixture(autouse=True, scope="module")
def _few_resamples() -> Iterator[None]:
    """Cut the cost of intervals: none here is near what it is compared with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_attnseg.statistics.RESAMPLES", 100)
        yield


@pytest.fixture(scope="module")
def measured(
    shared_data_folder: Path, weights_of: Callable[..., Path]
) -> tuple[dict, list[Row]]:
    kept: list[int] = []
    found = faithfulness(
        # With this seed neither encoder is better everywhere.
        weights_of("tiny", 1),
        load_dataset(shared_data_folder),
        "train",
        device="cpu",
        keep=lambda rows: kept.append(len(rows)),
    )
    assert kept == [8]
    return found


def test_summary_rows_and_card(
    measured: tuple[dict, list[Row]], shared_data_folder: Path
) -> None:
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
        assert gate["decorative"] == (gate["pattern"] == PatternValue.DECORATIVE)
        # Eight images are too few for a verdict.
        assert gate["pattern"] == PatternValue.TOO_FEW and not gate["decorative"]
        assert gate["agrees"] == TrustAgreement.TOO_FEW
        assert "8 images are too few" in gate["verdict"]
        auroc = gate["agreement"]["auroc"]
        assert auroc["n"] == 8 and auroc["method"] == "jackknife_t"
        assert set(gate["shuffled"]) == set(PARTS)
        assert set(gate["moved"]) == {
            damage_name(one) for one in damages(("another image", "noise"))
        }
        regions = (
            np.stack([row[Key(measure, level)] for row in rows]) for measure in REGIONS
        )
        alike = gate["agreement"]["alike"]["mean"]
        assert alike == pytest.approx(sign_agreement_alike(*regions), nan_ok=True)
        chance = gate["agreement_shuffled"]["auroc"]
        assert 0 <= chance["low"] <= chance["mean"] <= chance["high"] <= 1
    together = summary["together"]
    harm = summary["interventions"]["mean"]["all"]["mean"]
    assert together["spatial_value"]["mean"] == pytest.approx(-harm)
    assert together["verdict"].startswith("All gates together: ")
    for row in rows:  # equal regions here, so that their mean is the maps'
        mean = np.mean([row[Key(Measure.ATTENTION, level)].mean() for level in LEVELS])
        psi = row[Key(Measure.PSI, ALL)]
        assert psi.mean() == pytest.approx(mean, abs=1e-5)
        assert (psi != row[Key(Measure.PSI, ALL, Damage("CNN", "noise"))]).any()
    assert set(together["agreement_damaged"]) == {"another image", "noise"}
    drawn = Key(Measure.PSI_SHUFFLED_GATES, "1/4")
    assert len({row[drawn].tobytes() for row in rows}) == 8
    assert rows[0][drawn].shape[0] == DRAWS
    stable = summary["gates"]["1/4"]["stable"]
    assert 0.5 < stable["noisy"]["mean"] <= 1 and set(stable) > {"mirrored", "turned"}
    assert summary["damage"]["n"] == summary["rivals"]["n"] == 8
    # The encoders' own damage matters more than noise: their shuffle changes psi.
    assert summary["gates"]["1/4"]["shuffled"]["CNN"]["mean"] < stable["noisy"]["mean"]
    assert set(summary["copies"]) == {"n", *COPIES}
    assert set(summary["rivals"]) == {"n", "Seg-Grad-CAM", "random"}
    noise = summary["rivals"]["random"]
    assert noise["shuffled decoder"]["mean"] == pytest.approx(1)  # it sees no network
    assert abs(noise["stable mirrored"]["mean"]) < 0.1
    assert set(summary["combination"]["candidates"]) == set(COMBINATIONS)
    assert summary["combination"]["name"] in COMBINATIONS
    images = {"dataset": "discs", "split": "train", "n": 8, "trained_on": False}
    assert summary["combination"]["measured_on"] == images
    assert summary["readers"]["measured_on"] == images
    for name, reader in (("CNN only", "cnn"), ("transformer only", "transformer")):
        change = summary["interventions"][name]["all"]["mean"]
        dice = summary["readers"]["dice"][reader]["mean"]
        assert dice == pytest.approx(summary["dice"]["mean"] + change)
    rule = load_dataset(shared_data_folder).rule
    assert SplitRule.from_json(summary["split_rule"]) == rule
    assert summary["trained_under"] == []  # its card records no training
    lines = list(csv.DictReader(rows_csv(rows).splitlines()))
    assert [line["image"] for line in lines] == [row[IMAGE] for row in rows]
    assert float(lines[0]["dice"]) == pytest.approx(rows[0][DICE])
    assert "tau 1/4" not in lines[0]
    assert [column_key(name) for name in lines[0]] == [
        key for key in rows[0] if not isinstance(rows[0][key], np.ndarray)
    ]
    assert gate_card_png(summary)[:4] == b"\x89PNG"


def test_what_cannot_be_measured_is_said(
    shared_data_folder: Path, tiny_weights: Path
) -> None:
    data = load_dataset(shared_data_folder)
    with pytest.raises(InputError, match=r"at least 2 images.*'val' of .* has 1"):
        faithfulness(tiny_weights, data, "val", device="cpu")
    with pytest.raises(UnknownNameError, match="quick"):
        faithfulness(tiny_weights, data, "val", "quik", "cpu")


def interval(low: float, high: float, n: int = 20) -> dict[str, float]:
    return {"mean": (low + high) / 2, "low": low, "high": high, "n": n}


@pytest.mark.parametrize(
    ("value", "area", "pattern", "agrees", "words"),
    [
        (
            (-0.001, 0.003),
            (0.4, 0.6),
            PatternValue.DECORATIVE,
            TrustAgreement.CHANCE,
            ("decorative", "no better than chance"),
        ),
        (
            (-0.02, 0.03),
            (0.6, 0.8),
            PatternValue.NOT_SHOWN,
            TrustAgreement.AGREES,
            ("not shown to matter", "agrees"),
        ),
        (
            (0.02, 0.04),
            (0.55, 0.6),
            PatternValue.MATTERS,
            TrustAgreement.AGREES_LITTLE,
            ("agrees a little with",),
        ),
        (
            (0.02, 0.04),
            (0.1, 0.3),
            PatternValue.MATTERS,
            TrustAgreement.CONTRADICTS,
            ("pattern matters", "contradicts"),
        ),
        (
            (-0.05, -0.01),
            (0.4, 0.6),
            PatternValue.HARMFUL,
            TrustAgreement.CHANCE,
            ("does harm, spatial value -0.030",),
        ),
        (
            (0.02, 0.04),
            (np.nan, np.nan),
            PatternValue.MATTERS,
            TrustAgreement.UNDEFINED,
            ("one encoder is better",),
        ),
    ],
)
def test_verdicts(
    value: tuple[float, float],
    area: tuple[float, float],
    pattern: PatternValue,
    agrees: TrustAgreement,
    words: tuple[str, ...],
) -> None:
    facts = {
        "spatial_value": interval(*value),
        "agreement": {"auroc": interval(*area), "alike": interval(*area)},
    }
    found = verdict("1/8", facts)
    assert (found["pattern"], found["agrees"]) == (pattern, agrees)
    assert found["decorative"] == (pattern == PatternValue.DECORATIVE)
    json.dumps(found)
    for word in words:
        assert word in found["verdict"]
    assert "nan" not in found["verdict"] and "-0.000" not in found["verdict"]


def test_there_is_no_verdict_below_twenty_images() -> None:
    clear = {  # on enough images: decorative, and agrees
        "spatial_value": interval(-0.001, 0.002, 19),
        "agreement": {"auroc": interval(0.8, 0.9, 19), "alike": interval(0.8, 0.9, 19)},
    }
    found = verdict("1/8", clear)
    assert found["pattern"] == "too_few" and found["agrees"] == "too_few"
    assert found["decorative"] is False
    assert "19 images are too few for a verdict" in found["verdict"]
    assert "AUROC 0.85 [0.80, 0.90]" in found["verdict"]  # the numbers stay
    assert "decorative" not in found["verdict"]


def test_a_gate_that_draws_the_mask_says_no_more_than_it() -> None:
    rng = np.random.default_rng(0)
    mask, other = rng.random((2, 40, 5, 5))
    tau = 2 * other - mask - 0.5  # the CNN is better off the lesion, and somewhere else
    draws = agreement_interval([Regions(1 - mask, tau, mask)])
    assert draws["auroc"]["low"] > 0.65
    assert draws["alike"]["low"] < 0.55 and draws["alike"]["mean"] < 0.6
    knows = agreement_interval([Regions(other, tau, mask)])
    assert knows["alike"]["low"] > 0.95
    facts = {"spatial_value": interval(0.1, 0.2), "agreement": draws}
    said = words(draws["alike"], ".2f")
    assert f"among regions of like mask {said}" in verdict("1/8", facts)["verdict"]


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_damage_moves_psi_and_stays_on_its_side(kind: str) -> None:
    torch.manual_seed(0)
    network = SegmentationNetwork(model_spec("tiny")).eval()
    images = torch.rand(4, 3, 64, 64)
    seen: dict[Damage, Pairs] = {}
    columns = one_sided(
        network,
        images,
        network.encode(images),
        (kind,),
        0,
        lambda logits: logits.mean((1, 2, 3)).tolist(),
        lambda damage, pairs: seen.update({damage: pairs}),
    )
    for encoder in ENCODERS:
        moved = [
            np.abs(columns[Key(Measure.MOVED_INSIDE, "1/4", one)]).mean()
            for one in damages((kind,))
            if one.encoder == encoder
        ]
        assert len(moved) == 3 and all(m > 0 for m in moved)
    clean = network.align(network.encode(images))
    assert list(seen) == [Damage(encoder, kind) for encoder in ENCODERS]
    for damaged, pairs in enumerate(seen.values()):
        for before, after in zip(clean, pairs):
            changed = [not torch.equal(a, b) for a, b in zip(before, after)]
            assert changed == [damaged == 0, damaged == 1]


def test_the_combination_that_agrees_earns_its_place() -> None:
    """The coarse two follow measured trust, the fine two are noise."""
    torch.manual_seed(0)
    n = 30
    tau = torch.randn(n, 6, 6)
    good = torch.sigmoid(3 * tau)[:, None]
    noise, other = torch.rand(2, n, 1, 6, 6)
    psi = {4: noise, 8: other, 16: good, 32: good}
    psi = {s: F.interpolate(p, scale_factor=128 // s) for s, p in psi.items()}
    flat = {s: (torch.ones_like(p[:, 0]),) * 2 for s, p in psi.items()}
    masks = F.interpolate((tau[:, None] > 0).float(), scale_factor=32)
    rows = [
        {
            Key(Measure.TAU, ALL): t.numpy(),
            **{Key(Measure.TAU, level): np.ones((6, 6)) for level in LEVELS},
        }
        for t in tau
    ]
    found = judge([GateMaps(psi, flat, masks)], rows, "discs, val")
    assert found["earned"] and found["name"] == "mean of the coarse two"
    best = found["candidates"]["mean of the coarse two"]
    assert best["agreement"]["mean"] > 0.95 and best["localises"]["mean"] > 0.95
    assert (
        "best of 5" in found["verdict"] and "(discs, val, n = 30)" in found["verdict"]
    )
    chance = np.random.default_rng(1).normal(size=(n, 6, 6))
    rows = [{**row, Key(Measure.TAU, ALL): t} for row, t in zip(rows, chance)]
    found = judge([GateMaps(psi, flat, masks)], rows, "discs, val")
    assert not found["earned"] and found["verdict"].startswith("No combination")
    few = GateMaps(
        {s: p[:19] for s, p in psi.items()},
        {s: (a[:19], b[:19]) for s, (a, b) in flat.items()},
        masks[:19],
    )
    rows = [{**row, Key(Measure.TAU, ALL): t.numpy()} for row, t in zip(rows, tau)]
    found = judge([few], rows[:19], "discs, val")
    assert found["name"] == "mean of the coarse two"
    assert not found["enough"] and not found["earned"]
    assert "19 images are too few for a verdict" in found["verdict"]


def test_rectangles_differ_and_repeat() -> None:
    a = rectangles(4, 64, seed=0)
    share = a.mean((1, 2, 3))
    assert ((share > 0.1) & (share < 0.45)).all()
    assert (a == rectangles(4, 64, seed=0)).all()
    assert not (a == rectangles(4, 64, seed=8)).all()
