"""Several masks of one image: united, left out, or asked about by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.check import check
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
