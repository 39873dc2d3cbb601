"""A number that fills a region is read as said, or refused: never dropped silently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy.ndimage import gaussian_filter

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.masks import UnclearMaskError, read
from napari_attnseg.errors import InputError

H, W = 60, 80
Y, X = np.mgrid[:H, :W]


def discs(*numbers: int) -> np.ndarray:
    """One disc of each number, in int32 (H, W)."""
    values = np.zeros((H, W), np.int32)
    for i, number in enumerate(numbers):
        values[(Y - 30) ** 2 + (X - 9 - 15 * i) ** 2 < 36] = number
    return values


def dots(numbers: np.ndarray) -> np.ndarray:
    """Single pixels of these numbers, some of which touch."""
    values = np.zeros((H, W), np.uint8)
    where = np.random.default_rng(1).choice(H * W, len(numbers), replace=False)
    values.ravel()[where] = numbers
    return values


def write(folder: Path, values: np.ndarray) -> Path:
    path = folder / "m.tif"
    tifffile.imwrite(path, values)
    return path


LARGE = [
    (1, 50),
    (3, 512),
    (5, 104),
    (3, 15, 17, 460),
    (1, 254),
    (1, 2, 254),
    (1, 1000),
    (254, 255),
    (1, 2, 3, 4, 6, 800),
]


@pytest.mark.parametrize("numbers", LARGE)
def test_large_numbers_beside_small_ones_are_refused_with_three_ways_out(
    tmp_path: Path, numbers: tuple[int, ...]
) -> None:
    values = discs(*numbers[:4], *numbers[-1:])
    path = write(tmp_path, values)
    with pytest.raises(UnclearMaskError) as refused:
        read(path)
    found = np.unique(values)
    assert ", ".join(map(str, found)) in str(refused.value)
    for way in ('classes = ["lesion"]', "classes = {name = value", "ignore = value"):
        assert way in str(refused.value)
    np.testing.assert_array_equal(read(path, stated=True).planes[0], values > 0)
    each = read(path, tuple(found[1:].tolist()))
    np.testing.assert_array_equal(each.planes, [values == v for v in found[1:]])
    rest = read(path, ignore=numbers[-1], stated=True)
    np.testing.assert_array_equal(
        rest.planes[0], (values > 0) & (values != numbers[-1])
    )
    np.testing.assert_array_equal(rest.ignored, values == numbers[-1])


@pytest.mark.parametrize("numbers", [(1,), (7,), (1, 2), (1, 2, 3), (1, 15)])
def test_numbers_that_are_near_each_other_are_objects(
    tmp_path: Path, numbers: tuple[int, ...]
) -> None:
    values = discs(*numbers)
    np.testing.assert_array_equal(read(write(tmp_path, values)).planes[0], values > 0)


def test_many_objects_far_below_another_number_do_not_vanish(tmp_path: Path) -> None:
    numbers = np.array([0, *range(1, 20), 900], np.uint16)
    values = numbers[np.kron(np.arange(20).reshape(4, 5), np.ones((15, 16), int)) + 1]
    values[::15] = values[:, ::16] = 0
    with pytest.raises(UnclearMaskError, match=r"ignore = value"):
        read(write(tmp_path, values))


def test_small_dots_beside_a_large_number_do_not_vanish(tmp_path: Path) -> None:
    values = np.zeros((H, W), np.uint8)
    for i, number in enumerate((1, 2, 3, 200)):
        values[10:12, 10 * i + 5 : 10 * i + 7] = number
    with pytest.raises(UnclearMaskError, match=r"0, 1, 2, 3, 200"):
        read(write(tmp_path, values))


@pytest.mark.parametrize(
    "numbers", [np.arange(50) % 2 + 1, np.arange(50) % 3 + 1, np.arange(100) + 1]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_single_pixels_with_numbers_are_lesions(
    tmp_path: Path, numbers: np.ndarray, dtype: type
) -> None:
    values = dots(numbers).astype(dtype)
    np.testing.assert_array_equal(read(write(tmp_path, values)).planes[0], values > 0)


@pytest.mark.parametrize("number", [254, 1000, 65535])
def test_any_number_can_be_a_class_or_be_ignored(
    small_mask_folder: Path, number: int
) -> None:
    values = discs(1, number).astype(np.uint16)
    for name in "ab":
        tifffile.imwrite(small_mask_folder / "masks" / f"{name}.tif", values)
    toml = small_mask_folder / "dataset.toml"

    def mask() -> np.ndarray:
        sample = load_dataset(small_mask_folder).split("train")[0]
        return sample.read()[1]

    toml.write_text(f"ignore = {number}")
    np.testing.assert_array_equal(mask(), values == 1)
    toml.write_text(f"classes = {{lesion = {number}, other = 1}}")
    np.testing.assert_array_equal(mask() == 1, values == number)
    toml.write_text("classes = {lesion = 1}")
    with pytest.raises(InputError, match=f"ignore = {number}"):
        mask()
    if number != 65535:  # which never is a class unless it is named
        toml.write_text('classes = ["lesion"]')
        np.testing.assert_array_equal(mask(), values > 0)


@pytest.fixture
def small_mask_folder(tmp_path: Path) -> Path:
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    picture = np.random.default_rng(0).integers(0, 255, (H, W, 3), np.uint8)
    for name in "ab":
        path = tmp_path / "images" / f"{name}.tif"
        tifffile.imwrite(path, picture, photometric="rgb")
    return tmp_path


def test_many_numbers_of_objects_are_read_as_said(tmp_path: Path) -> None:
    """Those that touch and are far apart; not where they grow as at a soft edge."""
    cells = 37 * (Y // 4) * 20 + 53 * (X // 4) + 9
    lesion = (Y - 30) ** 2 + (X - 40) ** 2 < 400
    path = write(tmp_path, (cells * lesion).astype(np.uint16))
    with pytest.raises(UnclearMaskError, match="numbers of objects do; write"):
        read(path)
    np.testing.assert_array_equal(read(path, stated=True).planes[0], lesion)
    away = 20 - np.hypot(Y // 2 * 2 - 30, X // 2 * 2 - 40)  # in squares
    soft = write(tmp_path, (away.clip(0, 20) * 900).astype(np.uint16))
    try:
        assert read(soft, stated=True).planes[0].sum() < lesion.sum() / 2
    except UnclearMaskError as refused:
        assert "objects" not in str(refused)


def ringed(band: int, grey: int) -> np.ndarray:
    """A disc of 255 with a band of one grey around it."""
    radius = np.hypot(Y - 30, X - 40)
    return np.select([radius < 10, radius < 10 + band], [255, grey], 0).astype(np.uint8)


@pytest.mark.parametrize("quality", [30, 60, 90])
@pytest.mark.parametrize(("band", "grey"), [(4, 128), (4, 150), (12, 150), (12, 190)])
def test_a_band_of_grey_in_a_jpeg_is_a_level_of_its_own(
    tmp_path: Path, band: int, grey: int, quality: int
) -> None:
    Image.fromarray(ringed(band, grey)).save(tmp_path / "m.jpg", quality=quality)
    with pytest.raises(UnclearMaskError, match=r"dataset\.toml"):
        read(tmp_path / "m.jpg")


@pytest.mark.parametrize("quality", [20, 60, 95])
@pytest.mark.parametrize("sigma", [0, 1, 2.5])
def test_a_soft_edge_in_a_jpeg_is_no_level(
    tmp_path: Path, sigma: float, quality: int
) -> None:
    soft = gaussian_filter(ringed(0, 0).astype(float), sigma).round().astype(np.uint8)
    Image.fromarray(soft).save(tmp_path / "m.jpg", quality=quality)
    found = read(tmp_path / "m.jpg").planes[0]
    assert (found != (soft > 127)).mean() < 0.01


def beside(level: int, sigma: float, edge: float) -> np.ndarray:
    """A lesion of 255 with an edge, and a blurred disc of one level away from it."""
    lesion = gaussian_filter(255.0 * (np.hypot(Y - 30, X - 20) < 10), edge)
    blurred = gaussian_filter(level * (np.hypot(Y - 30, X - 60) < 10.0), sigma)
    return np.maximum(lesion, blurred).round().astype(np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("edge", [0, 1])
@pytest.mark.parametrize(("level", "sigma"), [(128, 3), (90, 4), (160, 2), (200, 3)])
def test_a_blurred_grey_region_beside_lesions_is_refused(
    tmp_path: Path, level: int, sigma: float, edge: float, suffix: str
) -> None:
    path = tmp_path / f"m{suffix}"
    Image.fromarray(beside(level, sigma, edge)).save(path, quality=90)
    with pytest.raises(UnclearMaskError, match=r"grey.* threshold = number"):
        read(path)


@pytest.mark.parametrize("sigma", [0.7, 1.5, 2.5])
def test_small_lesions_that_were_blurred_are_no_grey_region(
    tmp_path: Path, sigma: float
) -> None:
    lesions = (np.hypot(Y - 30, X - 20) < 12) | (np.hypot(Y - 30, X - 60) < 2.5)
    values = gaussian_filter(255.0 * lesions, sigma).round().astype(np.uint8)
    found = read(write(tmp_path, values)).planes[0]
    np.testing.assert_array_equal(found, values > 127)
