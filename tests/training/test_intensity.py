"""Training, evaluation and inference read intensities by the rule of one card."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import tifffile
from PIL import Image
from typer.testing import CliRunner

from attnseg_training.cli import app
from attnseg_training.config import TrainConfig
from attnseg_training.datasets import Sample, load_dataset
from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.evaluation import contact_sheet
from attnseg_training.evaluation.evaluate import evaluate
from attnseg_training.fit.callbacks import FitCallbacks
from attnseg_training.fit.fit import fit
from napari_attnseg.cards import read_card
from napari_attnseg.checkpoints import save_checkpoint
from napari_attnseg.inference import Segmenter
from napari_attnseg.intensity import DEFAULT_PERCENTILES, WHOLE_RANGE, Percentiles
from napari_attnseg.metrics import dice
from napari_attnseg.spec import Preprocessing

pytestmark = pytest.mark.usefixtures("plain_curves")
CLIPPED = Percentiles(*DEFAULT_PERCENTILES)


@pytest.fixture
def wide_folder(data_folder: Path) -> Path:
    """The discs as 16-bit images, each with one bright pixel."""
    for path in sorted((data_folder / "images").iterdir()):
        wide = np.asarray(Image.open(path)).astype(np.uint16) * 16
        wide[0, 0] = 65_535
        path.unlink()
        tifffile.imwrite(path.with_suffix(".tif"), wide)
    return data_folder


def test_samples_are_read_by_the_rule_that_is_given(wide_folder: Path) -> None:
    sample = load_dataset(wide_folder).split("train")[0]
    raw = sample.read_raw().astype(float)
    low, high = (
        np.percentile(raw, 1, method="higher"),
        np.percentile(raw, 99, method="lower"),
    )
    expected = (((raw - low) / (high - low)).clip(0, 1) * 255).round()
    found = sample.read_rgb(Percentiles(1, 99))
    np.testing.assert_allclose(found, np.broadcast_to(_rgb(expected), found.shape))
    assert np.median(sample.read_rgb(WHOLE_RANGE)) < 20 < np.median(found)
    sizes = (40, 48)
    store = ImageStore([sample], 64, intensity=Percentiles(1, 99))
    plain = ImageStore([sample], 64)
    assert found.shape[:2] == sizes
    assert store.images.float().mean() > 3 * plain.images.float().mean()


def _rgb(values: np.ndarray) -> np.ndarray:
    return values[..., None] if values.ndim == 2 else values


def test_new_weights_clip_and_a_run_of_before_stays_with_its_range(
    wide_folder: Path, tmp_path: Path
) -> None:
    config = TrainConfig(
        str(wide_folder), model="tiny", epochs=1, batch=4, device="cpu"
    )
    run = tmp_path / "run"
    fit(config, run)
    last = run / "last.safetensors"
    own = Preprocessing(64, *DEFAULT_PERCENTILES, without_border=True)
    assert read_card(last).preprocessing == own
    # As an earlier version wrote it.
    card = dataclasses.replace(read_card(last), preprocessing=Preprocessing(64))
    save_checkpoint(last, safetensors.torch.load_file(last), card)
    text = (run / "config.toml").read_text()
    (run / "config.toml").write_text(text.replace("epochs = 1", "epochs = 2"))
    fit(dataclasses.replace(config, epochs=2), run, resume=True)
    assert read_card(last).training["epoch"] == 2
    assert read_card(last).preprocessing.intensity == WHOLE_RANGE


@pytest.mark.parametrize("rule", [WHOLE_RANGE, CLIPPED])
def test_evaluation_reads_images_as_the_segmenter_does(
    wide_folder: Path, tmp_path: Path, tiny_weights: Path, rule: Percentiles
) -> None:
    own = Preprocessing(64, rule.low, rule.high)
    # At a threshold in the middle of what untrained weights say.
    data = load_dataset(wide_folder)
    first = data.split("test")[0]
    seen = Segmenter.from_checkpoint(tiny_weights)(first.read_rgb(rule))
    card = dataclasses.replace(
        read_card(tiny_weights),
        preprocessing=own,
        threshold=float(np.median(seen.probability)),
    )
    path = tmp_path / "weights.safetensors"
    save_checkpoint(path, safetensors.torch.load_file(tiny_weights), card)
    segmenter = Segmenter.from_checkpoint(path, "cpu")
    report = evaluate(path, data, "test", "cpu")
    expected = []
    for sample in data.split("test"):
        image, truth = sample.read(rule)
        expected.append(dice(truth, segmenter(image).mask))
    found = [row["dice"] for row in report.per_image()]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert 0 < np.mean(expected) < 1


def test_images_of_a_narrow_range_are_counted_by_every_command(
    data_folder: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    parts = load_dataset(data_folder).splits
    for part, count in (("train", 5), ("val", 1), ("test", 1)):
        for sample in parts[part][:count]:
            dim = np.asarray(Image.open(sample.image)) // 16  # 0 to 15 of 255
            Image.fromarray(dim).save(sample.image)
    sentence = (
        "In {} of {} images less than three tenths of the range of intensities hold "
        "99 % of the pixels, so the rest of the range leaves little contrast to what "
        "is in the image: save the images with the range that matters only."
    )
    file = tmp_path / "check.json"
    done = CliRunner().invoke(app, ["check", str(data_folder), "--json", str(file)])
    assert done.exit_code == 0 and sentence.format(7, 12) in done.stdout
    assert "Nothing is wrong" not in done.stdout
    (warning,) = json.loads(file.read_text())["warnings"]
    assert warning["kind"] == "narrow-range" and len(warning["names"]) == 7
    said: list[str] = []
    config = TrainConfig(str(data_folder), "tiny", epochs=1, batch=4, device="cpu")
    fit(config, tmp_path / "run", callbacks=FitCallbacks(warn=said.append))
    assert said == [sentence.format(6, 9)]
    findings = read_card(tmp_path / "run" / "last.safetensors").training["findings"]
    assert findings == {"narrow-range": 6}
    summary = evaluate(tiny_weights, load_dataset(data_folder), "test", "cpu").summary()
    assert summary["findings"] == [
        {"rule": "narrow-range", "text": sentence.format(1, 3)}
    ]


def test_pictures_show_images_as_the_model_read_them(
    wide_folder: Path,
    tmp_path: Path,
    tiny_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Contact sheets drew images of one bright pixel in black."""
    card = dataclasses.replace(
        read_card(tiny_weights), preprocessing=Preprocessing(64, *DEFAULT_PERCENTILES)
    )
    path = tmp_path / "weights.safetensors"
    save_checkpoint(path, safetensors.torch.load_file(tiny_weights), card)
    samples = load_dataset(wide_folder).split("test")
    report = evaluate(path, load_dataset(wide_folder), "test", "cpu")
    drawn = []
    monkeypatch.setattr(
        contact_sheet, "_draw", lambda axes, image, *masks: drawn.append(image)
    )
    contact_sheet.contact_sheet_png(report, samples)
    known = [sample.read(CLIPPED)[0] for sample in samples]
    assert drawn and all(any(np.array_equal(a, b) for b in known) for a in drawn)
    assert min(np.median(image) for image in drawn) > 20


def test_a_store_knows_whether_its_images_are_in_colour(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    kinds = {
        "grey": np.stack([grey] * 3, -1),
        "colour": np.stack([grey, grey.T, grey], -1),
    }
    samples = []
    for name, image in kinds.items():
        files = tmp_path / f"{name}.png", tmp_path / f"{name}-mask.png"
        Image.fromarray(image).save(files[0])
        Image.fromarray((grey > 99).astype(np.uint8)).save(files[1])
        samples.append(Sample(name, files[0], (files[1],)))
        assert ImageStore(samples[-1:], 64).image_colours == name
    assert ImageStore(samples, 64).image_colours == "mixed"
