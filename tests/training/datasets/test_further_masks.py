"""Several masks of one image: united, left out, or asked about by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.check import check
from attnseg_training.evaluation.evaluate import evaluate
from attnseg_training.fit.fit import fit
from attnseg_training.gates.faithfulness import faithfulness
from attnseg_training.release.calibration import calibrate
from napari_attnseg.cards import read_card
from napari_attnseg.errors import InputError


def folder(root: Path, masks: dict[str, int]) -> Path:
    """Images a and b, and masks with one square each at these columns."""
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (2, 24, 64, 3), np.uint8)
    for name, pixels in zip("ab", noise, strict=True):
        Image.fromarray(pixels).save(root / "images" / f"{name}.png")
    for name, x in masks.items():
        mask = np.zeros((24, 64), np.uint8)
        mask[8:16, x : x + 8] = 255
        Image.fromarray(mask).save(root / "masks" / f"{name}.png")
    return root


@pytest.mark.parametrize(
    ("masks", "own", "pixels"),
    [
        ({"a": 0, "a_1": 16, "b": 0}, 64, {"a": 128, "b": 64}),
        ({"a": 0, "a (1)": 0, "A - Kopie": 0, "b": 0}, 64, {"a": 64, "b": 64}),
        ({"a_0": 0, "a_1": 16, "a_2": 32, "b_0": 0}, 0, {"a": 192, "b": 64}),
    ],
)
def test_further_masks_are_united_or_left_out_once_that_is_said(
    tmp_path: Path, masks: dict[str, int], own: int, pixels: dict[str, int]
) -> None:
    root = folder(tmp_path / "d", masks)
    with pytest.raises(InputError, match="Expected one mask of the image 'a'") as stop:
        load_dataset(root)
    assert 'further_masks = "unite"' in str(stop.value)
    report = check(root)
    assert ("several masks", "a", str(stop.value)) in report.found
    assert "several masks" in report.to_json()["stops_training"]
    assert "mask without image" not in {kind for kind, name, _ in report.found}

    (root / "dataset.toml").write_text('further_masks = "unite"')
    found = {s.name: s for s in load_dataset(root).split("all")}
    assert {n: int(s.read_planes()[1].sum()) for n, s in found.items()} == pixels
    assert not check(root).to_json()["stops_training"]

    (root / "dataset.toml").write_text('further_masks = "leave out"')
    if own:
        (sample, _) = load_dataset(root).split("all")
        assert int(sample.read_planes()[1].sum()) == own
        assert load_dataset(root).left_out["mask_without_image"] == len(masks) - 2
    else:
        with pytest.raises(InputError, match="masks are missing"):
            load_dataset(root)


def test_a_mask_that_is_called_otherwise_is_none_of_an_image(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", {"a": 0, "b": 0, "a1": 16, "c_1": 16})
    assert len(load_dataset(root).split("all")) == 2
    found = {name: kind for kind, name, _ in check(root).found}
    assert found["a1"] == found["c_1"] == "mask without image"


def test_another_word_is_refused(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", {"a": 0, "b": 0})
    (root / "dataset.toml").write_text("further_masks = true")
    with pytest.raises(InputError, match='"unite" or "leave out", got True'):
        load_dataset(root)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("unite", "4 further masks of 3 images of the data were united"),
        ("leave out", "4 further masks of 3 images of the data were left out"),
    ],
)
def test_what_was_done_with_them_is_recorded(
    data_folder: Path, tmp_path: Path, rule: str, words: str
) -> None:
    for image, more in (("disc00", "1"), ("disc00", "2"), ("disc04", "1")):
        mask = Image.open(data_folder / "masks" / f"{image}.png")
        mask.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
            data_folder / "masks" / f"{image}_{more}.png"
        )
    (data_folder / "masks" / "disc09").mkdir()
    mask.save(data_folder / "masks" / "disc09" / "a.png")
    (data_folder / "dataset.toml").write_text(f'further_masks = "{rule}"')
    data = load_dataset(data_folder)
    done = {"rule": rule, "images": 3, "masks": 4}
    assert check(data_folder).to_json()["further_masks"] == done

    config = TrainConfig(str(data_folder), "tiny", epochs=1, batch=4, device="cpu")
    weights = fit(config, tmp_path / "run").folder / "best.safetensors"
    summary = evaluate(weights, data, "test", "cpu").summary()
    gates, _ = faithfulness(weights, data, "test", device="cpu")
    calibrate(weights, tmp_path / "warm.safetensors", data, "val", "cpu")
    warm = read_card(tmp_path / "warm.safetensors").training["temperature_from"]
    for record in (read_card(weights).training, summary, gates, warm):
        assert record["further_masks"] == done
    assert words in summary["protocol"]


def test_nothing_is_recorded_without_any(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", {"a": 0, "b": 0})
    (root / "dataset.toml").write_text('further_masks = "unite"')
    assert "further_masks" not in load_dataset(root).mask_rules
    assert check(root).to_json()["further_masks"] == {}
