"""``fit-clicks`` and ``clicks``, and what a click head learns."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from attnseg_training.evaluation.click_baselines import Brush, Growing
from attnseg_training.evaluation.click_study import Clicked, click_through
from attnseg_training.fit.click_training import ClickFit, ClickSamples, fit_clicks
from napari_attnseg import Segmenter
from napari_attnseg.cards import weights_hash
from napari_attnseg.click_heads import head_record
from napari_attnseg.corrections.by_head import HeadCorrector
from napari_attnseg.models.click_head import ClickHeadSpec

Command = Callable[..., subprocess.CompletedProcess[str]]
SPEC = ClickHeadSpec(4, 4, 12, (1, 2), 8)


def squares(n: int) -> ClickSamples:
    """Bright squares that the model found half of; one feature says where they are."""
    rng = np.random.default_rng(0)
    features = torch.randn(n, 4, 24, 24) * 0.1
    truth = np.zeros((n, 1, 48, 48), np.uint8)
    for i in range(n):
        row, column = (int(x) for x in rng.integers(8, 24, 2))
        truth[i, 0, row : row + 14, column : column + 14] = 1
    inside = torch.nn.functional.avg_pool2d(torch.tensor(truth).float(), 2)[:, 0]
    features[:, 0] += inside
    features[:, 1] += 1 - inside
    probability = 0.1 + 0.6 * truth
    probability[..., 24:] = 0.2
    return ClickSamples(features.half(), probability.astype(np.float16), truth)


def test_a_head_learns_and_the_same_seed_gives_the_same_head() -> None:
    torch.manual_seed(0)
    samples = squares(8)
    losses: list[float] = []
    settings = ClickFit(steps=40, batch=8, rate=1e-2, most=2)
    heads = [
        fit_clicks(
            samples, SPEC, 0.5, settings, lambda done, _, loss: losses.append(loss)
        )
        for _ in range(2)
    ]
    assert np.mean(losses[35:40]) < 0.7 * np.mean(losses[:5])
    assert losses[:40] == losses[40:]
    for one, two in zip(*(head.parameters() for head in heads), strict=True):
        assert torch.equal(one, two)
    # What it learned is worth more than the disc around the click.
    features, truth = samples.features[:1].float(), samples.truth[0, 0]
    own = samples.probability[0].astype(np.float32)
    start = (own[0] >= 0.5).astype(np.uint8)
    found = click_through(HeadCorrector(heads[0], features, own, 0.5), start, truth)
    brush = click_through(Brush(np.zeros((48, 48, 3), np.uint8)), start, truth)
    assert found.after(1) > brush.after(1) > found.after(0)


def test_what_is_counted() -> None:
    case = Clicked((0.5, 0.92, 0.91, 0.96), (0.1, 0.1, 0.1))
    assert case.after(1) == 0.92 and case.after(5) == 0.96
    assert case.needed(0.9) == 1 and case.needed(0.95) == 3 and case.needed(0.99) == 20


def test_growing_follows_the_colour() -> None:
    rgb = np.zeros((60, 60, 3), np.uint8)
    rgb[20:30, 20:32] = 200
    truth = (rgb[..., 0] > 0).astype(np.uint8)
    found = click_through(Growing(rgb), np.zeros((60, 60), np.uint8), truth)
    assert found.after(1) == 1.0 and len(found.dice) == 2


@pytest.mark.usefixtures("plain_curves")
def test_both_commands(
    in_process: Command, shared_data_folder: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    out, head = tmp_path / "with.safetensors", tmp_path / "head.safetensors"
    fit = ("fit-clicks", tiny_weights, "--out", out, "--device", "cpu")
    data = ("--data", shared_data_folder)
    done = in_process(*fit, *data, "--steps", "2", "--batch", "2", "--head-only", head)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(out)
    record = head_record(out)
    assert record["split"] == "train" and record["n"] == 8
    assert record["weights_sha256"] == weights_hash(tiny_weights)
    assert Segmenter.from_checkpoint(out, "cpu").click_head is not None

    report = tmp_path / "clicks.json"
    done = in_process("clicks", out, *data, "--device", "cpu", "--json", report)
    assert done.returncode == 0, done.stderr
    summary = json.loads(report.read_text())
    assert summary["n"] == 1 and summary["split"] == "val"
    ways = ["click_head", "feature_similarity", "region_growing", "disc"]
    ways += ["click_head, lines", "click_head, boxes"]
    assert list(summary["ways"]) == ways
    for way in summary["ways"].values():
        assert list(way["dice"]) == ["0", "1", "3", "5"]
        assert way["clicks_needed"]["0.95"]["mean"] <= 20
    assert summary["click_head"]["sha256"] == record["sha256"]

    again = tmp_path / "again.safetensors"
    joined = ("fit-clicks", tiny_weights, "--out", again, "--head", head)
    assert in_process(*joined).returncode == 0
    assert again.read_bytes() == out.read_bytes()
    for wrong in (fit, (*joined, *data), ("fit-clicks", "compact", *joined[2:])):
        done = in_process(*wrong)
        assert done.returncode == 2 and len(done.stderr.strip().splitlines()) <= 3
