"""Protocol, augmentation and input of the paper, and its two stages and figure."""

import dataclasses
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from attnseg_training.cli import app
from attnseg_training.commands.console import FitBars, result_words
from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.evaluation.evaluate import evaluate
from attnseg_training.experiments.paper_figure import paper_figure_png
from attnseg_training.experiments.two_stage import two_stage
from attnseg_training.fit.batches import Views
from attnseg_training.fit.fit import FitResult, fit
from attnseg_training.fit.initial_weights import run_spec
from attnseg_training.fit.start import training_splits
from attnseg_training.release.calibration import borrow, calibrate
from attnseg_training.runs.lineage import domain, trained_under
from attnseg_training.runs.test_set_log import record_evaluation
from napari_attnseg.cards import read_card
from napari_attnseg.checkpoints import load_checkpoint
from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.protocols import SplitRule, SplitSource
from napari_attnseg.run_files import Progress

pytestmark = pytest.mark.usefixtures("plain_curves_of_module")


class _Shown(torch.nn.Module):
    """A network that keeps what its encoders are given."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = self.transformer = torch.nn.Identity()


def settings(data: Path) -> TrainConfig:
    return TrainConfig(str(data), "tiny", epochs=1, batch=4, device="cpu")


@pytest.fixture
def config(data_folder: Path) -> TrainConfig:
    return settings(data_folder)


@pytest.fixture(scope="module")
def paper_run(
    shared_data_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    plain_curves_of_module: None,
) -> FitResult:
    """A run by the protocol of the paper, for tests that only read it."""
    config = dataclasses.replace(settings(shared_data_folder), protocol="paper")
    return fit(config, tmp_path_factory.mktemp("paper") / "run")


def test_the_papers_protocol_trains_on_all_and_chooses_on_test(
    shared_data_folder: Path, paper_run: FitResult, tmp_path: Path
) -> None:
    data, run = load_dataset(shared_data_folder), paper_run
    train, chosen = training_splits(data, "paper")
    assert {s.name for s in train} == {f"disc{i:02d}" for i in range(9)}
    assert chosen == data.split("test")
    honest, val = training_splits(data)
    assert not {s.name for s in (*honest, *val)} & {s.name for s in chosen}
    assert run.train == 9 and run.val == 3
    card = load_checkpoint(run.folder / "best.safetensors")[1]
    assert "flattered" in card.training["protocol"]
    assert card.data == "discs: 9 training, 3 test images"
    assert "chosen on these" in domain(card, data, "test")["reason"]
    assert "were trained on" in domain(card, data, "val")["reason"]
    out = tmp_path / "out.safetensors"
    with pytest.raises(InputError, match="--like"):
        calibrate(run.folder / "best.safetensors", out, data, "val", "cpu")
    with pytest.raises(InputError, match="honest, all or paper"):
        dataclasses.replace(settings(shared_data_folder), protocol="published")


@pytest.mark.parametrize(
    ("protocol", "line", "end"),
    [
        ("honest", "validation Dice 0.5000, ", "Best Dice 0.9000 on 3 validation"),
        ("paper", "test Dice 0.5000, ", "Best Dice 0.9000 on 3 test images"),
        (
            "all",
            "validation Dice 0.5000 (trained on), ",
            "Last Dice 0.9000 on 3 images of validation, trained on",
        ),
    ],
)
def test_who_watches_is_told_on_which_images(
    protocol: str, line: str, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = TrainConfig("d", protocol=protocol)
    with FitBars() as bars:
        bars(Progress(1, 2, 3, 3, 0.1, 0.5, protocol=protocol))
    assert line in capsys.readouterr().err
    said = result_words(FitResult(Path(), 7, 0.9, 9, 3), config)
    assert said.startswith(end) and said.endswith("epoch 7.")


def test_a_last_run_trains_on_validation_images_too_and_says_so(
    config: TrainConfig, tmp_path: Path, weights_of: Callable[[str], Path]
) -> None:
    data = load_dataset(Path(config.data))
    train, val = training_splits(data, "all")
    honest, held_out = training_splits(data)
    assert set(train) == {*honest, *held_out} and val == held_out
    # A rate that ruins the weights: the last epoch is kept, whatever it is worth.
    wild = dataclasses.replace(config, lr=10.0, encoder_lr=10.0, epochs=2)
    last = fit(dataclasses.replace(wild, protocol="all"), tmp_path / "all")
    assert last.best_epoch == 2 and last.train == len(train)
    best, final = (
        load_checkpoint(last.folder / f"{name}.safetensors")
        for name in ("best", "last")
    )
    assert best[2] == final[2]
    assert fit(wild, tmp_path / "honest").best_epoch == 1  # else the above says nothing

    card = best[1]
    session = json.loads((last.folder / "run.json").read_text())["sessions"][0]
    for fields in (card.training, session):
        assert fields["protocol_name"] == "all"
        assert SplitRule.from_json(fields["split_rule"]) == data.rule
    assert data.rule == SplitRule(
        SplitSource.CARVED_FROM_TRAIN, lists="splits", test="val", seed=0
    )
    assert trained_under(card, data).endswith("numbers on val say little")
    assert "were trained on" in domain(card, data, "val")["reason"]
    assert "neither trained on" in domain(card, data, "test")["reason"]
    weights, out = last.folder / "best.safetensors", tmp_path / "out.safetensors"
    with pytest.raises(InputError, match="--like"):
        calibrate(weights, out, data, "val", "cpu")
    before = tmp_path / "honest" / "best.safetensors"
    with pytest.raises(InputError, match="no temperature that was fitted"):
        borrow(weights, out, before)
    calibrated = tmp_path / "calibrated.safetensors"
    assert calibrate(before, calibrated, data, "val", "cpu") == borrow(
        weights, out, calibrated
    )
    assert read_card(out).temperature == read_card(calibrated).temperature
    fitted_on = {"dataset": "discs", "split": "val", "n": 1}
    assert read_card(calibrated).training["temperature_from"] == fitted_on
    lent = load_checkpoint(calibrated)[2]
    assert read_card(out).training["temperature_from"] == {
        **fitted_on,
        "weights_sha256": lent,
    }
    assert load_checkpoint(out)[2] == best[2]
    assert borrow(weights, calibrated, out) == read_card(out).temperature  # twice
    with pytest.raises(InputError, match="weights of the same model"):
        borrow(weights_of("tiny-cnn"), tmp_path / "no", out)
    calibrate(before, calibrated, data, "test", "cpu")
    with pytest.raises(InputError, match="on validation images"):
        borrow(weights, tmp_path / "no", calibrated)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "needs --data to fit on, or --like"),
        (["--like", "c", "--data", "d"], "leave out --data"),
        (["--like", "c", "--split", "val"], "leave out --split"),
        (["--like", "c", "--device", "cpu"], "leave out --device"),
        (["--like", "no.safetensors"], "there is no file no.safetensors"),
    ],
)
def test_a_temperature_is_fitted_or_taken(options: list[str], words: str) -> None:
    done = CliRunner().invoke(app, ["calibrate", "a", "b", *options])
    assert words in str(done.exception)


def test_without_augmentation_images_are_as_they_are(config: TrainConfig) -> None:
    store = ImageStore(load_dataset(Path(config.data)).split("train"), 64)
    images, masks = store.batch([0, 1])
    for augment in (True, False):
        own = dataclasses.replace(config, augment=augment)
        seen, truth, _ = Views(_Shown(), store, own, None).batch([0, 1], 0)
        assert torch.equal(seen.cnn, images) != augment
        assert torch.equal(truth, masks) != augment


def test_unit_input(config: TrainConfig) -> None:
    spec = run_spec(dataclasses.replace(config, unit_input=True))
    assert all(e.mean == (0, 0, 0) and e.std == (1, 1, 1) for e in spec.encoders)
    assert run_spec(config).cnn.mean != (0, 0, 0)


def test_the_second_stage_starts_from_both_encoders(
    config: TrainConfig, tmp_path: Path
) -> None:
    # A rate of nothing: the second stage ends with the encoders that it began with.
    # What is for two encoders does not stop the first stage.
    options = {"auxiliary_heads": 0.3, "gate_fields": 0.5}
    config = dataclasses.replace(config, encoder_lr=0.0, **options)
    result = two_stage(config, tmp_path)
    both = load_checkpoint(result.folder / "last.safetensors")[0]
    for part in ("cnn", "transformer"):
        alone, card, _ = load_checkpoint(
            tmp_path / "stage-1" / part / "best.safetensors"
        )
        assert card.spec.name == {"cnn": "tiny-cnn", "transformer": "tiny-swin"}[part]
        found = dict(getattr(both, part).named_parameters())
        for name, value in getattr(alone, part).named_parameters():
            assert torch.equal(found[name], value)
    log = tmp_path / "stage-1" / "cnn" / "log.csv"
    before = log.stat().st_mtime_ns
    two_stage(config, tmp_path)
    assert log.stat().st_mtime_ns == before
    # What the encoders have seen, the dual model has.
    earlier = read_card(result.folder / "last.safetensors").training["encoders_from"]
    assert [run["config"]["model"] for run in earlier] == ["tiny-cnn", "tiny-swin"]
    with pytest.raises(InputError, match="without a comma"):
        two_stage(config, tmp_path / "a,b")
    assert not (tmp_path / "a,b").exists()
    mask = Path(config.data) / "masks" / "disc03.png"
    mask.write_bytes(mask.with_name("disc04.png").read_bytes())
    shutil.rmtree(tmp_path / "stage-2")
    with pytest.raises(InputError, match=r"are not those with which the run in .*cnn"):
        two_stage(config, tmp_path)
    assert not (tmp_path / "stage-2").exists()
    with pytest.raises(UnknownNameError, match="'tiny-duck-net'"):
        two_stage(dataclasses.replace(config, model="tiny-duck-net"), tmp_path / "x")


def test_figure_3(weights_of: Callable[[str], Path], data_folder: Path) -> None:
    data = load_dataset(data_folder)
    names = ["disc00", "disc09"]
    pictures = []
    for published in (False, True):
        png = paper_figure_png(
            weights_of("tiny"), data, names, "test", "cpu", published
        )
        with Image.open(io.BytesIO(png)) as picture:
            pictures.append(np.asarray(picture.convert("RGB")).astype(int))
    fixed, relative = pictures
    assert fixed.shape[1] == relative.shape[1] > 1500
    # Untrained, psi is about one half: pale on the fixed scale, all colours in jet.
    assert (np.ptp(relative, axis=2) > 200).mean() > 5 * (
        np.ptp(fixed, axis=2) > 200
    ).mean()
    with pytest.raises(UnknownNameError, match="disc0"):
        paper_figure_png(weights_of("tiny"), data, ["disc"], "test", "cpu")
    with pytest.raises(InputError, match="no gates"):
        paper_figure_png(weights_of("tiny-cnn"), data, [], "test", "cpu")


def test_a_second_look_at_the_test_images_is_recorded(
    shared_data_folder: Path,
    paper_run: FitResult,
    tmp_path: Path,
    tiny_weights: Path,
) -> None:
    run = Path(shutil.copytree(paper_run.folder, tmp_path / "run"))
    data = load_dataset(shared_data_folder)

    def look(weights: Path, split: str) -> dict[str, Any]:
        return record_evaluation(
            weights, evaluate(weights, data, split, "cpu").summary()
        )

    first, second = (
        look(run / "best.safetensors", "test"),
        look(run / "last.safetensors", "test"),
    )
    assert first["look"] == 1 and second["look"] == 2
    assert "evaluation 2 of this run" in second["protocol"]
    assert "of this run" not in first["protocol"]
    assert "look" not in look(run / "best.safetensors", "val")  # its own split
    assert "look" not in look(tiny_weights, "test")  # in no run folder
    seen = json.loads((run / "evaluations.json").read_text())
    assert [entry["dice"] for entry in seen] == [
        one["dice"]["mean"] for one in (first, second)
    ]
    (run / "evaluations.json").write_text("no JSON")
    assert "look" not in look(run / "best.safetensors", "test")  # but it is measured
