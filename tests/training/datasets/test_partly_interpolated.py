"""Rims in some masks, as of one centre's that were resized, are a hint."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from attnseg_training.cli import app
from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.interpolated_numbers import (
    InterpolatedNumbers,
    rims_of,
)
from attnseg_training.datasets.rules import Rule
from attnseg_training.evaluation.evaluate import evaluate
from attnseg_training.fit.callbacks import FitCallbacks
from attnseg_training.fit.fit import fit

H, W = 64, 80
Y, X = np.mgrid[:H, :W]
#: Draws mask number i.
Draw = Callable[[int], np.ndarray]


def disc(y: float, x: float, radius: float) -> np.ndarray:
    found: np.ndarray = np.hypot(Y - y, X - x) < radius
    return found


def apart(i: int) -> np.ndarray:
    """A lesion, 1, and an instrument, 2, elsewhere."""
    lesion = disc(20, 18 + i % 7, 9 + i % 4)
    return (lesion + 2 * disc(40 + i % 5, 58, 9 + i % 3)).astype(np.uint8)


def either(i: int) -> np.ndarray:
    """One lesion, of which each third is malignant, 2."""
    return ((2 if i % 3 == 0 else 1) * disc(32, 30 + i % 20, 14)).astype(np.uint8)


def walled(wall: int, inside: int, thick: Callable[[int], int]) -> Draw:
    """A lumen and its wall, which is so many pixels thick."""

    def draw(i: int) -> np.ndarray:
        centre = 32, 30 + i % 20
        lumen, whole = disc(*centre, 14), disc(*centre, 14 + thick(i))
        return np.where(lumen, inside, wall * whole).astype(np.uint8)

    return draw


def across(i: int) -> np.ndarray:
    """A thin wall, 2, across the image, with a lumen, 1, on one side."""
    row = 25 + i % 9
    return np.where(row > Y, 1, 2 * (row + 2 > Y)).astype(np.uint8)


def in_turn(*draws: Draw) -> Draw:
    return lambda i: draws[i % len(draws)](i)


def resized(mask: np.ndarray, how: Image.Resampling) -> np.ndarray:
    small = Image.fromarray(mask).resize((W * 3 // 4, H * 3 // 4), 0)
    return np.asarray(small.resize((W, H), how))


def forty_one(draw: Draw, rims: int, how: Image.Resampling) -> list[np.ndarray]:
    """Masks, of which the first ones were resized."""
    masks = [draw(i) for i in range(41)]
    return [resized(mask, how) if i < rims else mask for i, mask in enumerate(masks)]


def seen(masks: list[np.ndarray]) -> InterpolatedNumbers:
    parts = InterpolatedNumbers(), InterpolatedNumbers()
    for i, mask in enumerate(masks):
        parts[i % 2].add(f"a{i:02d}", rims_of(mask))
    return parts[0].joined(parts[1])


@pytest.mark.parametrize("how", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
@pytest.mark.parametrize("rims", [3, 4, 20])
def test_rims_in_some_masks_are_told(rims: int, how: Image.Resampling) -> None:
    found = seen(forty_one(apart, rims, how))
    (hint,) = found.hints(41)
    assert hint.names == tuple(f"a{i:02d}" for i in range(rims))
    assert f"larger one: number 1 in {rims} of 41 masks; as where" in str(hint)
    assert "mask of 'a00', 'a01', 'a02'" in str(
        hint
    ) and "nearest-neighbour resizing" in str(hint)
    assert found.error(41) is None


def test_one_class_in_each_mask_is_told_even_if_all_were_resized() -> None:
    """Only a larger number has rims: of 41 masks, 14."""
    for rims, count in ((10, 4), (41, 14)):
        masks = forty_one(either, rims, Image.Resampling.BILINEAR)
        (hint,) = seen(masks).hints(41)
        assert len(hint.names) == count


def test_one_mask_or_two_may_be_chance() -> None:
    masks = forty_one(apart, 2, Image.Resampling.BILINEAR)
    assert seen(masks).hints(41) == []


def test_rims_in_most_masks_stop_and_are_not_told_again() -> None:
    masks = forty_one(apart, 21, Image.Resampling.BILINEAR)
    found = seen(masks)
    error = found.error(41)
    assert error is not None and error.rule == Rule.MOSTLY_INTERPOLATED
    assert found.hints(41) == []


CLEAN = {
    "apart": apart,
    "either": either,
    "always a thin wall": walled(1, 2, lambda i: 2 + i % 2),
    "a thin wall, and other masks": in_turn(
        walled(1, 2, lambda i: 2 + i % 2), walled(0, 2, lambda i: 0)
    ),
    "a wall that is thin in some": walled(1, 2, lambda i: 2 if i % 4 == 0 else 9),
    "a thin wall of the larger number": walled(2, 1, lambda i: 2),
    "a thin wall across the image": in_turn(across, either),
}


@pytest.mark.parametrize("draw", CLEAN.values(), ids=CLEAN)
def test_classes_as_they_were_drawn_are_not_told(draw: Draw) -> None:
    for rims in (0, 20):
        found = seen(forty_one(draw, rims, Image.Resampling.NEAREST))
        assert found.error(41) is None and found.hints(41) == []


def test_all_three_commands_tell_it(tmp_path: Path, tiny_weights: Path) -> None:
    folder, file = tmp_path / "data", tmp_path / "check.json"
    rng = np.random.default_rng(0)
    for part in ("images", "masks", "splits"):
        (folder / part).mkdir(parents=True)
    (folder / "dataset.toml").write_text("classes = {background = 1, lesion = 2}")
    names = [f"a{i:02d}" for i in range(41)]
    masks = forty_one(apart, 4, Image.Resampling.BILINEAR)
    for name, mask in zip(names, masks, strict=True):
        image = rng.integers(0, 256, (H, W, 3)).astype(np.uint8)
        Image.fromarray(image).save(folder / "images" / f"{name}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{name}.png")
    for split, part in (
        ("train", names[:31]),
        ("val", names[31:36]),
        ("test", names[36:]),
    ):
        (folder / "splits" / f"{split}.txt").write_text("\n".join(part))
    sentence = (
        "In the mask of 'a00', 'a01', 'a02', 'a03' thin rims of a smaller number lie "
        "around most of what has a larger one: number 1 in 4 of 41 masks; as where "
        "these masks were resized with interpolation, so that rims were read as "
        "another class or as background: make them again with nearest-neighbour "
        "resizing (order 0, INTER_NEAREST), unless these rims were drawn."
    )

    CliRunner().invoke(app, ["check", str(folder), "--json", str(file)])
    report = json.loads(file.read_text())
    (warning,) = (one for one in report["warnings"] if one["kind"] == "interpolated")
    assert warning["text"] == sentence and warning["names"] == names[:4]
    assert report["stops_training"] == []

    said: list[str] = []
    config = TrainConfig(str(folder), "tiny", epochs=1, batch=12, device="cpu")
    fit(config, tmp_path / "run", callbacks=FitCallbacks(warn=said.append))
    assert "interpolated (4)" in said[0]
    assert sentence.replace("of 41", "of 36") in said

    summary = evaluate(tiny_weights, load_dataset(folder), "train", "cpu").summary()
    (text,) = (
        one["text"] for one in summary["findings"] if one["rule"] == "interpolated"
    )
    assert text == sentence.replace("of 41", "of 31")
