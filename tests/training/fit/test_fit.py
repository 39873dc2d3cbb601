"""A small real training run: it learns, resumes exactly, and its files open."""

import csv
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.evaluation.evaluate import evaluate
from attnseg_training.fit.callbacks import FitCallbacks
from attnseg_training.fit.fit import fit
from attnseg_training.fit.initial_weights import build_network
from napari_attnseg.cards import read_card
from napari_attnseg.checkpoints import load_checkpoint
from napari_attnseg.errors import (
    InputError,
)
from napari_attnseg.models import catalog
from napari_attnseg.run_files import Progress

pytestmark = pytest.mark.usefixtures("plain_curves")


def test_learns_discs(config: TrainConfig, tmp_path: Path) -> None:
    seen: list[Progress] = []
    config = dataclasses.replace(config, epochs=25)
    result = fit(config, tmp_path / "run", callbacks=FitCallbacks(watch=seen.append))
    assert result.best_dice > 0.8
    assert {p.name for p in result.folder.iterdir()} == {
        "best.safetensors",
        "last.safetensors",
        "log.csv",
        "curves.png",
        "config.toml",
        "run.json",
        "snapshots",
        "state.pt",
        "state-before.pt",
    }
    pictures = sorted(p.name for p in (result.folder / "snapshots").iterdir())
    assert pictures == [f"epoch-{n:04d}.png" for n in (5, 10, 15, 20, 25)]
    with (result.folder / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(r["epoch"]) for r in rows] == list(range(1, 26))
    assert float(rows[-1]["loss"]) < 0.7 * float(rows[0]["loss"])
    assert [p.epoch for p in seen if p.dice is not None] == list(range(1, 26))
    assert all(p.images_per_s > 0 for p in seen)
    card = read_card(result.folder / "best.safetensors")
    assert card.image_colours in ("colour", "grey")
    assert card.training["epoch"] == result.best_epoch
    assert str(tmp_path) not in card.to_json()  # no path of the machine travels

    report = evaluate(
        result.folder / "best.safetensors", load_dataset(Path(config.data)), "test"
    )
    summary = report.summary()
    assert summary["n"] == 3 and "95 % interval" in summary["protocol"]
    assert summary["dice"]["n"] == 3 and not summary["dice"]["enough"]
    assert summary["dice"]["mean"] > 0.8
    assert summary["dice"]["low"] <= summary["dice"]["mean"] <= summary["dice"]["high"]
    assert report.to_csv().splitlines()[1].startswith("disc09,")


RECIPE = {
    "loss": "structure",
    "deep_supervision": 0.4,
    "accumulate": 2,
    "layer_decay": 0.7,
    "auxiliary_heads": 0.3,
    "gate_fields": 0.5,
}


@pytest.mark.parametrize("options", [{}, RECIPE])
def test_resume_ends_with_the_same_weights(
    config: TrainConfig, tmp_path: Path, options: dict[str, Any]
) -> None:
    config = dataclasses.replace(config, **options)

    class KilledError(Exception):
        pass

    def kill(progress: Progress) -> None:
        if progress.epoch == 2 and progress.step == 1:
            raise KilledError

    fit(config, tmp_path / "whole")
    with pytest.raises(KilledError):
        fit(config, tmp_path / "killed", callbacks=FitCallbacks(watch=kill))
    fit(config, tmp_path / "killed", resume=True)
    whole = load_checkpoint(tmp_path / "whole" / "last.safetensors")[0].state_dict()
    killed = load_checkpoint(tmp_path / "killed" / "last.safetensors")[0].state_dict()
    assert all(torch.equal(whole[name], killed[name]) for name in whole)
    # Whatever it was trained with, it is the model of its card.
    fresh = list(build_network(catalog.MODELS["tiny"], "scratch").state_dict())
    assert list(whole) == fresh


def test_a_run_is_not_resumed_from_another_start(
    config: TrainConfig, tmp_path: Path, tiny_weights: Path
) -> None:
    given = dataclasses.replace(config, init=str(tiny_weights), epochs=1)
    fit(given, tmp_path / "run")
    for other in ({"init": ""}, {"init": "other.safetensors"}):
        with pytest.raises(InputError, match="init was"):
            fit(dataclasses.replace(given, **other), tmp_path / "run", resume=True)
    # The same file at another place is the same start.
    moved = tmp_path / "moved" / tiny_weights.name
    moved.parent.mkdir()
    moved.write_bytes(tiny_weights.read_bytes())
    moved_run = dataclasses.replace(given, init=str(moved))
    assert fit(moved_run, tmp_path / "run", resume=True).best_epoch == 1


def test_epochs_that_are_not_measured_leave_no_row(
    config: TrainConfig, tmp_path: Path
) -> None:
    seldom = dataclasses.replace(config, epochs=3, measure_every=2, snapshot_every=0)
    every = fit(dataclasses.replace(seldom, measure_every=1), tmp_path / "every")
    found = fit(seldom, tmp_path / "seldom")
    assert found.best_epoch in (2, 3)
    rows = [
        list(csv.DictReader((run.folder / "log.csv").read_text().splitlines()))
        for run in (every, found)
    ]
    assert [row["epoch"] for row in rows[1]] == ["2", "3"]
    assert [row["val_dice"] for row in rows[0][1:]] == [
        row["val_dice"] for row in rows[1]
    ]


def test_run_folders_are_not_mixed_up(config: TrainConfig, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(InputError, match="Expected a run to resume"):
        fit(config, run, resume=True)
    fit(dataclasses.replace(config, epochs=1), run)
    with pytest.raises(InputError, match="already a run"):
        fit(config, run)
    with pytest.raises(InputError, match="epochs was 1, is 2"):
        fit(config, run, resume=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        fit(config, tmp_path / "file" / "run")
