"""Several classes, from files through training to a mask: nothing is one class only."""

from __future__ import annotations

import csv
import dataclasses
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.evaluation.contact_sheet import contact_sheet_png
from attnseg_training.evaluation.evaluate import evaluate
from attnseg_training.evaluation.per_class import (
    class_counts,
    class_means,
    class_summary,
)
from attnseg_training.evaluation.report import report_html
from attnseg_training.fit.fit import fit
from attnseg_training.gates.faithfulness import faithfulness
from attnseg_training.losses import LOSSES
from attnseg_training.release.calibration import calibrate
from attnseg_training.release.export import average
from napari_attnseg import Segmenter
from napari_attnseg.cards import ModelCard, read_card
from napari_attnseg.checkpoints import save_checkpoint
from napari_attnseg.errors import InputError
from napari_attnseg.metrics import Confusion
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.results import Segmentation
from napari_attnseg.spec import Preprocessing

NAMES = ("square", "disc")

pytestmark = pytest.mark.usefixtures("plain_curves")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sixteen images of a reddish square and a bluish disc, and a dataset.toml."""
    rng = np.random.default_rng(0)
    root = tmp_path / "shapes"
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    y, x = np.mgrid[:48, :64]
    for i in range(16):
        row, left, right = rng.integers(14, 34), rng.integers(12, 20), 44
        square = (abs(y - row) < 10) & (abs(x - left) < 10)
        disc = (y - row) ** 2 + (x - right) ** 2 < 100
        image = rng.integers(0, 60, (48, 64, 3))
        image[square] += (180, 40, 0)
        image[disc] += (0, 40, 180)
        labels = np.where(square, 1, np.where(disc, 2, 0))
        for part, values in (("images", image), ("masks", labels)):
            Image.fromarray(values.astype(np.uint8)).save(root / part / f"{i:02d}.png")
    (root / "dataset.toml").write_text(
        f'name = "shapes"\nclasses = {json.dumps(NAMES)}\n'
    )
    return root


def test_one_command_after_another(folder: Path, tmp_path: Path) -> None:
    config = TrainConfig(
        str(folder), "tiny", epochs=12, batch=4, lr=5e-3, encoder_lr=5e-3, ema=0.8
    )
    result = fit(config, tmp_path / "run")
    weights = result.folder / "best.safetensors"
    card = read_card(weights)
    assert card.classes == NAMES and card.spec.classes == 2
    assert card.data.startswith("shapes: ")

    data = load_dataset(folder)
    report = evaluate(weights, data, "all", "cpu")
    summary = report.summary()
    dice = {name: summary["by_class"][name]["dice"]["mean"] for name in NAMES}
    assert min(dice.values()) > 0.5, dice
    assert summary["by_class"]["disc"]["present"] == 16
    over = summary["mean_over_classes"]["dice"]["mean"]
    assert over == pytest.approx(np.mean(list(dice.values())))
    rows = list(csv.DictReader(report.to_csv().splitlines()))
    found = np.mean([float(row["dice disc"]) for row in rows])
    assert found == pytest.approx(dice["disc"])

    # What a user gets: a mask of 0, 1 and 2, each where it belongs.
    image, truth = data.split("val")[0].read()
    segmented = Segmenter.from_checkpoint(weights, "cpu")(image)
    assert set(np.unique(segmented.mask)) == {0, 1, 2}
    assert segmented.probability.shape == (2, 48, 64)
    assert segmented.provenance["classes"] == list(NAMES)
    for value in (1, 2):
        there = truth[(segmented.mask == value) & (truth > 0)]
        assert len(there) > 100 and np.mean(there == value) > 0.9
    # Lesions that touch one of another class are counted apart.
    assert summary["detection"]["lesions"] == 32
    assert "each class by itself" in summary["detection"]["rule"]
    sheet = contact_sheet_png(report, data.split("all"))
    html = report_html(report, summary, sheet)
    assert "dice, square (in 16)" in html and "Of any class" in html
    with pytest.raises(InputError, match="of one class, but this one has 2"):
        faithfulness(weights, data, "val", device="cpu")
    out = tmp_path / "warm.safetensors"
    assert calibrate(weights, out, data, "val", "cpu") > 0
    assert read_card(out).classes == NAMES


def test_the_commands_show_each_class(
    folder: Path,
    tmp_path: Path,
    in_process: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    def train(*arguments: str | Path) -> str:
        done = in_process(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stderr

    run = tmp_path / "run"
    train("fit", "--data", folder, "--model", "tiny", "--epochs", "1", "--out", run)
    said = train("evaluate", run / "best.safetensors", "--data", folder)
    assert "dice, square (in 16)" in said and "mean over classes" in said


def test_masks_are_kept_per_class(folder: Path) -> None:
    samples = load_dataset(folder).split("all")
    images, masks = ImageStore(samples, 64).batch([0, 3])
    assert masks.shape == (2, 2, 64, 64) and masks.sum((2, 3)).min() > 0
    red, blue = images[:, 0], images[:, 2]
    assert red[masks[:, 0] == 1].mean() > red[masks[:, 1] == 1].mean() + 0.4
    assert blue[masks[:, 1] == 1].mean() > blue[masks[:, 0] == 1].mean() + 0.4


@pytest.mark.parametrize("loss", list(LOSSES))
def test_every_loss_and_option_takes_several_classes(
    folder: Path, tmp_path: Path, loss: str
) -> None:
    options = {"deep_supervision": 0.3, "one_sided": 0.5, "trust_weight": 0.1}
    config = TrainConfig(
        str(folder), "tiny", epochs=1, batch=8, loss=loss, snapshot_every=1, **options
    )
    result = fit(config, tmp_path / "run")
    assert (tmp_path / "run" / "snapshots").is_dir() and result.best_epoch == 1
    assert read_card(result.folder / "best.safetensors").classes == NAMES


def test_weights_of_other_classes_are_refused(
    folder: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    data = load_dataset(folder)
    with pytest.raises(InputError, match=r"2 classes \(square, disc\).* weights of 1"):
        evaluate(tiny_weights, data, "all", "cpu")
    config = TrainConfig(str(folder), "tiny", device="cpu", init=str(tiny_weights))
    with pytest.raises(InputError, match="1 classes for 2"):
        fit(config, tmp_path / "run")


def test_classes_in_another_order_are_refused(folder: Path, tmp_path: Path) -> None:
    data = load_dataset(folder)
    data.expect_classes(2, NAMES)
    data.expect_classes(2, ("one", "other"))  # nothing is known of these
    with pytest.raises(InputError, match="disc, square; list them"):
        data.expect_classes(2, NAMES[::-1])
    network = SegmentationNetwork(dataclasses.replace(model_spec("tiny"), classes=2))
    start = tmp_path / "start.safetensors"
    card = ModelCard(network.spec, Preprocessing(64), classes=NAMES[::-1])
    save_checkpoint(start, network.state_dict(), card)
    config = TrainConfig(str(folder), "tiny", device="cpu", init=str(start))
    with pytest.raises(InputError, match="disc, square; list them"):
        fit(config, tmp_path / "run")
    for names in (NAMES, ("one", "other")):  # nothing is known of these again
        other = tmp_path / f"{names[0]}.safetensors"
        moved = dataclasses.replace(card, classes=names)
        save_checkpoint(other, network.state_dict(), moved)
    average([start, other], tmp_path / "mean.safetensors")
    assert read_card(tmp_path / "mean.safetensors").classes == card.classes
    with pytest.raises(InputError, match="one model"):
        average([start, tmp_path / "square.safetensors"], tmp_path / "no.safetensors")


def test_overlapping_classes_are_cut_one_by_one() -> None:
    truth = np.zeros((2, 4, 4), np.uint8)
    truth[0, :2], truth[1, :, :2] = 1, 1  # they share a corner
    found = Segmentation(
        np.where(truth[1], 2, truth[0]).astype(np.uint8),
        torch.from_numpy(truth).float().numpy(),
        provenance={"threshold": 0.5},
    )
    both = class_counts(truth, found, overlapping=True)
    assert [c.fn for c in both] == [0, 0]
    alone = class_counts(truth, found, overlapping=False)
    assert [c.fn for c in alone] == [4, 0]
    summary = class_summary(("a", "b"), [alone, both])
    assert summary["by_class"]["a"]["recall"]["mean"] == pytest.approx(0.75)
    assert summary["mean_over_classes"]["recall"]["mean"] == pytest.approx(0.875)
    assert class_summary(("a",), [alone[:1]]) == {}


def test_a_class_that_is_nowhere_leaves_the_mean_of_that_class() -> None:
    there, missed = Confusion(50, 0, 0, 50), Confusion(0, 0, 10, 90)
    nothing = Confusion(0, 0, 0, 100)
    # "rare" is in 2 of 20 images and never found; in one more it is found in error.
    images = [(there, missed)] * 2 + [(there, nothing)] * 18
    found = class_summary(("often", "rare"), images)
    rare = found["by_class"]["rare"]
    assert rare["present"] == 2 and rare["dice"]["n"] == 2
    assert rare["dice"]["mean"] == rare["iou"]["mean"] == 0  # not 0.9
    assert not rare["dice"]["enough"]
    assert found["by_class"]["often"]["dice"]["n"] == 20
    # Each class counts alike, however often it is there.
    over = found["mean_over_classes"]["dice"]
    assert over["mean"] == 0.5 and over["n"] == 20
    assert class_means([there, nothing])["dice"] == 1
    wrong = [*images, (there, Confusion(0, 5, 0, 95))]
    assert class_summary(("often", "rare"), wrong)["by_class"]["rare"]["dice"]["n"] == 3
    never = class_summary(("often", "rare"), [(there, nothing)] * 3)
    assert np.isnan(never["by_class"]["rare"]["dice"]["mean"])
    assert never["mean_over_classes"]["dice"]["mean"] == 1
