"""Negative numbers that were stored as unsigned are refused, and nothing like them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from attnseg_training.cli import app
from napari_attnseg.errors import InputError
from napari_attnseg.intensity import Window
from napari_attnseg.preprocessing import to_rgb

Y, X = np.mgrid[:64, :80]
#: A body of 40 HU, noisy, with fat around it, in air.
HU = np.full(Y.shape, -1000)
HU[10:54, 10:70], HU[20:44, 20:60] = -100, 40
HU = (HU + np.random.default_rng(0).normal(0, 12, HU.shape)).astype(np.int16)
TWELVE = (HU + 1100).astype(np.uint16)


def with_letters(values: range, base: np.ndarray = TWELVE) -> np.ndarray:
    pixels = base.copy()
    pixels[2:8, 2:40] = np.resize(np.array(values), (6, 38))
    return pixels


@pytest.mark.parametrize("dtype", ["uint16", "int32", "uint32", "float32"])
def test_values_that_wrapped_around_are_refused(dtype: str) -> None:
    pixels = HU.astype(np.uint16).astype(dtype)
    said = r"wrapped around: they lie up to \d\d and from 6\d{4} on.*int16"
    for rule in ({}, {"intensity": Window(-150, 250)}):
        with pytest.raises(InputError, match=said):
            to_rgb(pixels, **rule)
    assert to_rgb(HU)[1].low < -1000


@pytest.mark.parametrize("intercept", [-1024, 0.5])
def test_an_intercept_does_not_hide_it(intercept: float) -> None:
    with pytest.raises(InputError, match="wrapped around"):
        to_rgb(HU.astype(np.uint16) + np.float32(intercept))


def test_a_difference_below_zero_is_refused() -> None:
    noise = np.random.default_rng(0).normal(0, 5, HU.shape)
    light = (noise + 400 * (HU > 0)).astype(np.int16)
    with pytest.raises(InputError, match="wrapped around"):
        to_rgb(light.astype(np.uint16))


@pytest.mark.parametrize(
    "pixels",
    [
        TWELVE,
        with_letters(range(65535, 65536)),  # white letters
        with_letters(range(65532, 65536)),  # the same, saved with a little noise
        with_letters(range(64000, 65000)),  # metal, far from the end
        (TWELVE * 50).astype(np.uint16),
        np.where(HU > -50, HU, -32768).astype(np.int16),  # padding
        np.random.default_rng(0).integers(0, 2**16, HU.shape, np.uint16),
        np.where(HU > 0, 65535, 0).astype(np.uint16),
        (HU.astype(np.uint16) >> 8).astype(np.uint8),
    ],
)
def test_other_images_are_not(pixels: np.ndarray) -> None:
    assert to_rgb(pixels)[0].shape == (*HU.shape, 3)


def test_check_names_the_image(tmp_path: Path) -> None:
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    for i in range(6):
        pixels = np.roll(HU, i, 1)
        kept = pixels.astype(np.uint16) if i == 3 else (pixels + 1100).astype(np.uint16)
        Image.fromarray(kept).save(tmp_path / "images" / f"a{i}.png")
        Image.fromarray(pixels > 0).save(tmp_path / "masks" / f"a{i}.png")
    done = CliRunner().invoke(app, ["check", str(tmp_path)])
    said = " ".join(done.stdout.split())
    assert done.exit_code == 1 and "wrapped around" in said, said
    assert "a3.png" in said
