"""Masks of many colours: objects are told from pictures; few numbers without a 0."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from matplotlib import colormaps
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.masks import UnclearMaskError, read
from attnseg_training.datasets.rules import Rule

RNG = np.random.default_rng(0)
H, W = 90, 120
Y, X = np.mgrid[:H, :W]
BLOB = np.zeros((H, W), bool)
BLOB[30:60, 40:90] = True


def save(path: Path, array: np.ndarray) -> Path:
    Image.fromarray(np.asarray(array, np.uint8)).save(path)
    return path


def cells(colours: np.ndarray, size: int) -> np.ndarray:
    """Squares of 100 colours (100, 3) on black, and where they are (H, W)."""
    rgb = np.zeros((H, W, 3), np.uint8)
    for i, colour in enumerate(colours):
        y, x = divmod(i, 12)
        rgb[9 * y + 2 : 9 * y + 2 + size, 10 * x + 1 : 10 * x + 1 + size] = colour
    return rgb


@pytest.mark.parametrize("size", [2, 6])
@pytest.mark.parametrize("ids", [False, True])
def test_flat_objects_of_many_colours_on_black_are_lesions(
    tmp_path: Path, size: int, ids: bool
) -> None:
    numbers = np.arange(1, 101)
    coded = np.stack([numbers % 256, numbers // 256, 0 * numbers], -1)  # as RGB ids
    colours = coded * [1, 1, 1] if ids else RNG.integers(0, 256, (100, 3)) | 1
    colours[:, 1] += ids * (numbers % 3)
    rgb = cells(colours, size)
    planes = read(save(tmp_path / "m.png", rgb)).planes
    np.testing.assert_array_equal(planes[0], rgb.any(-1))
    assert planes.sum() == 100 * size**2


#: Of no program's list: of many hues, and of few that lie on a curve.
UNKNOWN = {
    "hues": [(0, 0, 90), (0, 200, 0), (230, 0, 230), (0, 220, 220), (90, 0, 0)],
    "curve": [(62, 38, 168), (39, 150, 235), (129, 204, 89), (249, 251, 20)],
}


def mapped(name: str, share: np.ndarray) -> np.ndarray:
    """Numbers of 0 to 1 in the colours of a map."""
    if name in UNKNOWN:
        ends = np.array(UNKNOWN[name])
        at = np.linspace(0, 1, len(ends))
        return np.dstack([np.interp(share, at, ends[:, c]) for c in range(3)])
    return colormaps[name](share)[..., :3] * 255


@pytest.mark.parametrize("sigma", [1, 3, 8])
@pytest.mark.parametrize("name", ["viridis", "hot", "inferno", "jet", "viridis_r"])
def test_soft_edges_along_a_colour_map_are_cut_at_half(
    tmp_path: Path, name: str, sigma: int
) -> None:
    share = gaussian_filter(BLOB.astype(float), sigma)
    share /= share.max()
    planes = read(save(tmp_path / "m.png", mapped(name, share).round())).planes
    assert np.mean(planes[0] != (share > 0.5)) < 0.001
    if sigma == 3 and "viridis" in name:
        found = read(save(tmp_path / "m.jpg", mapped(name, share).round())).planes
        assert np.mean(found[0] != (share > 0.5)) < 0.01


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [
        *((kind, "png") for kind in ("viridis", "jet", "hot", "magma")),
        *((kind, "jpg") for kind in ("viridis", "hot", "magma")),
    ],
)
def test_maps_of_distances_in_the_colours_of_a_map_are_asked_about(
    tmp_path: Path, kind: str, suffix: str
) -> None:
    seen = MasksSeen()
    for i in range(3):
        lesion = np.hypot(Y - 44, X - 60 - 5 * i) < 30
        away = distance_transform_edt(lesion)
        colours = colormaps[kind](away / away.max())[..., :3]
        file = tmp_path / f"{i}.{suffix}"
        picture = Image.fromarray((colours * 255).round().astype(np.uint8))
        picture.save(file, quality=95)
        reading = read(file)
        seen.add(f"m{i}", reading.planes, readings=[reading])
        edges = gaussian_filter(lesion.astype(float), 2)
        colours = colormaps[kind](edges)[..., :3]
        picture = Image.fromarray((colours * 255).round().astype(np.uint8))
        picture.save(file, quality=95)
        assert not read(file).traits[0].sloped
    assert [error.rule for error in seen.broken()] == [Rule.MOSTLY_SLOPED]


@pytest.mark.parametrize("sigma", [1, 3, 8])
@pytest.mark.parametrize("name", UNKNOWN)
def test_soft_edges_along_an_unknown_curve_are_refused(
    tmp_path: Path, name: str, sigma: int
) -> None:
    share = gaussian_filter(BLOB.astype(float), sigma)
    with pytest.raises(
        UnclearMaskError, match=r"picture|nor along a colour map"
    ) as one:
        read(save(tmp_path / "m.png", mapped(name, share / share.max()).round()))
    assert one.value.rule is Rule.UNCLEAR_COLOURS


def test_flat_colours_of_a_map_are_objects(tmp_path: Path) -> None:
    numbers = np.zeros((H, W))
    for i in range(5):
        numbers[10:40, 10 + 20 * i : 25 + 20 * i] = (i + 1) / 5
    for file in ("m.png", "m.jpg"):
        planes = read(save(tmp_path / file, mapped("viridis", numbers).round())).planes
        assert np.mean(planes[0] != (numbers > 0)) < 0.02


def test_a_heat_map_of_a_picture_is_refused(tmp_path: Path) -> None:
    noise = gaussian_filter(np.random.default_rng(1).normal(size=(H, W)), 2)
    share = (noise - noise.min()) / np.ptp(noise)
    with pytest.raises(UnclearMaskError) as error:
        read(save(tmp_path / "m.png", mapped("jet", share)))
    assert error.value.rule is Rule.UNCLEAR_COLOURS


def test_soft_edges_of_few_colours_are_no_heat_map(tmp_path: Path) -> None:
    one, two = BLOB, np.roll(BLOB, (-20, -35), (0, 1)) & ~BLOB
    parts = [gaussian_filter(part.astype(float), 0.8)[..., None] for part in (one, two)]
    rgb = parts[0] * [255, 40, 0] + parts[1] * [0, 200, 255]
    planes = read(save(tmp_path / "m.png", rgb)).planes
    assert np.mean(planes[0] != (one | two)) < 0.01


@pytest.mark.parametrize("numbers", [(1, 2), (1, 2, 3), (1, 3), (2, 9)])
def test_few_numbers_without_0_are_not_empty(
    tmp_path: Path, numbers: tuple[int, ...]
) -> None:
    mask = np.full((H, W), numbers[0])
    mask[BLOB] = numbers[-1]
    mask[30:60, 40:44] = numbers[len(numbers) // 2]
    with pytest.raises(UnclearMaskError, match="found no 0 and the values ") as error:
        read(save(tmp_path / "m.png", mask))
    told = f"classes = {{background = {numbers[0]}, lesion = {numbers[1]}}}"
    assert told in str(error.value)
    if len(numbers) > 2:  # the last one may be another lesion, or not labelled
        assert f"threshold = {numbers[0]}.5 if all above" in str(error.value)
        assert f"ignore = {numbers[-1]} if that is neither" in str(error.value)


def test_numbers_that_were_resized_are_told_so(tmp_path: Path) -> None:
    soft = 20 * gaussian_filter(BLOB.astype(float), 3)
    with pytest.raises(UnclearMaskError, match="resized with smoothing or changed by"):
        read(save(tmp_path / "m.png", soft.round()))


def test_dataset_toml_may_begin_with_a_mark(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        for name in "ab":
            save(tmp_path / folder / f"{name}.png", BLOB * 2)
    text = "classes = {organ = 2}\n"
    (tmp_path / "dataset.toml").write_text(text, encoding="utf-8-sig")
    data = load_dataset(tmp_path)
    assert data.classes == ("organ",)
    np.testing.assert_array_equal(data.split("all")[0].read()[1] > 0, BLOB)


@pytest.mark.parametrize("sigma", [4, 9, 16])
@pytest.mark.parametrize("kind", ["png", "jpg", "16", "float"])
def test_blurred_masks_are_cut_at_half(tmp_path: Path, kind: str, sigma: int) -> None:
    share = gaussian_filter(BLOB.astype(float), sigma, mode="constant")
    share /= share.max()
    path = tmp_path / ("m.tif" if kind in ("16", "float") else f"m.{kind}")
    if kind == "16":
        tifffile.imwrite(path, (share * 60000).astype(np.uint16))
    elif kind == "float":
        tifffile.imwrite(path, share.astype(np.float32))
    else:
        save(path, (share * 255).round())
    wrong = read(path).planes[0] != (share > 0.5)
    assert np.mean(wrong) < (0.02 if kind == "jpg" else 0.004)


@pytest.mark.parametrize(
    ("values", "helps"),
    [((-1, 0), False), ((-6, 6), True), ((np.nan, 0), False), ((np.nan, 1), True)],
)
def test_a_threshold_is_offered_where_it_tells_something(
    tmp_path: Path, values: tuple[float, float], helps: bool
) -> None:
    path = tmp_path / "m.tif"
    tifffile.imwrite(path, np.where(BLOB, values[1], values[0]).astype(np.float32))
    with pytest.raises(UnclearMaskError, match="mask of 0 and 255") as error:
        read(path)
    assert ("threshold = 0" in str(error.value)) == helps


def test_the_ends_of_viridis_tell_the_background_where_the_border_does_not(
    tmp_path: Path,
) -> None:
    lesion = np.zeros((60, 80), bool)
    lesion[:40, :60] = True  # more than half of the border
    ends = np.array([(68, 1, 84), (253, 231, 36)], np.uint8)
    for suffix in ("png", "jpg"):
        file = tmp_path / f"mask.{suffix}"
        Image.fromarray(ends[lesion.astype(int)]).save(file, quality=95)
        wrong = (read(file).planes[0] > 0) != lesion
        assert wrong.sum() <= (0 if suffix == "png" else 20)
    other = np.array([(70, 60, 84), (253, 231, 36)], np.uint8)
    Image.fromarray(other[lesion.astype(int)]).save(tmp_path / "other.png")
    with pytest.raises(UnclearMaskError, match="no colour along most of the border"):
        read(tmp_path / "other.png")
