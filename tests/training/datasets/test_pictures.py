"""A photo in place of a mask is refused, whatever was said of the masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation, distance_transform_edt, gaussian_filter, zoom

from attnseg_training.datasets.masks import UnclearMaskError, read

N = 64
Y, X = np.mgrid[:N, :N]
RNG = np.random.default_rng(0)
FROM_CENTRE = np.hypot(Y - 32, X - 32)
DISC = np.hypot(Y - 30, X - 36) < 12


def texture(sigma: float) -> np.ndarray:
    """Even noise (N, N) of 0 to 1."""
    noise = gaussian_filter(RNG.normal(size=(N, N)), sigma)
    return np.asarray((noise - noise.min()) / np.ptp(noise))


def photo() -> np.ndarray:
    """Flesh colours, darker towards a black surround."""
    light = 0.7 * texture(2) + 0.3 * texture(0.7)
    rgb = light[..., None] * [190, 110, 70] + 40
    rgb *= (FROM_CENTRE < 31)[..., None] * (1.1 - FROM_CENTRE / 40)[..., None]
    return rgb.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_a_threshold_makes_no_mask_of_a_photo(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m.{suffix}"
    Image.fromarray(photo()).convert("L").save(path)
    with pytest.raises(UnclearMaskError, match="greys of a picture"):
        read(path, threshold=127)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize("outline", [False, True])
def test_a_grey_photo_is_told_as_such(
    tmp_path: Path, suffix: str, outline: bool
) -> None:
    grey = (40 + 120 * texture(1)).astype(np.uint8)
    grey[0, 0] = 0
    if outline:
        grey[binary_dilation(DISC, iterations=2) & ~DISC] = 255
    path = tmp_path / f"m.{suffix}"
    Image.fromarray(grey).save(path)
    words = "greys of a picture, such as a photo, perhaps one with an outline; fill"
    with pytest.raises(UnclearMaskError, match=words):
        read(path)


MAPS = {
    "soft": gaussian_filter(DISC.astype(float), 6),
    "distances": (60 + distance_transform_edt(DISC) - distance_transform_edt(~DISC))
    / 120,
    "enlarged": zoom(RNG.random((7, 7)), N / 7, order=1).clip(0, 1),
}


@pytest.mark.parametrize("kind", MAPS)
def test_a_threshold_applies_to_wide_soft_edges(tmp_path: Path, kind: str) -> None:
    values = (255 * MAPS[kind]).round().astype(np.uint8)
    Image.fromarray(values).save(tmp_path / "m.png")
    found = read(tmp_path / "m.png", threshold=127).planes[0]
    np.testing.assert_array_equal(found, values > 127)


@pytest.mark.parametrize("light", [0.4, 0.5, 1])
@pytest.mark.parametrize("share", [0, 0.4])
def test_a_photo_with_a_dark_surround_is_no_mask(
    tmp_path: Path, share: float, light: float
) -> None:
    green = np.where(DISC, share, 0)[..., None]
    painted = light * photo() * (1 - green) + green * [0, 255, 0]
    Image.fromarray(painted.astype(np.uint8)).save(tmp_path / "m.png")
    with pytest.raises(UnclearMaskError, match="as many colours as in a picture"):
        read(tmp_path / "m.png")


def test_a_nearly_black_object_beside_a_bright_one_is_not_dropped(
    tmp_path: Path,
) -> None:
    rgb = np.zeros((N, N, 3), np.uint8)
    rgb[DISC] = [200, 0, 0]
    rgb[4:12, 4:14] = [10, 0, 0]
    Image.fromarray(rgb).save(tmp_path / "m.png")
    with pytest.raises(UnclearMaskError, match="hardly differs from the background"):
        read(tmp_path / "m.png")
