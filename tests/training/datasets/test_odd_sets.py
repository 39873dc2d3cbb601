"""Folders and files that people have: what is wrong with them is said as it is."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageFilter
from scipy.ndimage import binary_dilation, gaussian_filter, shift

from attnseg_training.config import read_toml
from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.all_masks import look_at_masks
from attnseg_training.datasets.check import check
from attnseg_training.datasets.counted_findings import counts, warning
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.masks import UnclearMaskError, read
from attnseg_training.datasets.rules import Rule
from napari_attnseg.errors import InputError

H, W = 96, 112
Y, X = np.mgrid[:H, :W]
LESION = ((Y - 45) / 20) ** 2 + ((X - 52) / 28) ** 2 < 1
BLUE, WHITE, BLACK, RED = (68, 114, 196), (255, 255, 255), (0, 0, 0), (255, 0, 0)


def folder(root: Path, high: int = 255) -> Path:
    """Four images and masks; no two alike."""
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    for i in range(4):
        wave = 100 + 50 * np.sin(Y / (5 + 4 * i)) + 40 * np.cos(X / (4 + 5 * i))
        Image.fromarray(wave.astype(np.uint8)).save(root / "images" / f"{i}.png")
        mask = np.roll(LESION, (5 * i, 7 * i), (0, 1)) * np.uint8(high)
        Image.fromarray(mask.astype(np.uint8)).save(root / "masks" / f"{i}.png")
    return root


def drawn(
    colour: tuple[int, ...],
    ground: tuple[int, ...],
    glow: tuple[int, ...],
    sigma: float,
    moved: float,
    share: float,
) -> np.ndarray:
    """A shape of one colour, and beneath it a soft one of another."""
    soft = shift(gaussian_filter(LESION.astype(float), sigma), (moved, moved))
    soft = share * soft[..., None]
    picture = np.array(ground) * (1 - soft) + np.array(glow) * soft
    picture[LESION] = colour
    return picture.clip(0, 255).round().astype(np.uint8)


@pytest.mark.parametrize(
    "how",
    [
        (BLUE, WHITE, BLACK, 2, 3, 0.4),
        (BLUE, WHITE, BLACK, 4, 3, 0.5),
        (BLUE, WHITE, BLACK, 6, 4, 0.6),
        (RED, BLACK, (255, 255, 0), 3, 0, 0.6),
        (RED, BLACK, WHITE, 3, 0, 0.6),
    ],
)
def test_a_shadow_or_a_glow_is_asked_about(tmp_path: Path, how: tuple) -> None:
    Image.fromarray(drawn(*how)).save(tmp_path / "m.png")
    with pytest.raises(UnclearMaskError, match="as a soft shadow or a glow does"):
        read(tmp_path / "m.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("moved", [(2, 2), (4, 3), (-3, 4)])
@pytest.mark.parametrize("shade", [90, 180])
def test_a_sharp_shadow_is_refused(
    tmp_path: Path, moved: tuple[int, int], shade: int, suffix: str
) -> None:
    picture = np.full((H, W, 3), 255, np.uint8)
    picture[np.roll(LESION, moved, (0, 1))] = shade
    picture[LESION] = BLUE
    Image.fromarray(picture).save(tmp_path / f"m{suffix}", quality=95)
    with pytest.raises(UnclearMaskError, match="a sharp shadow beside what is drawn"):
        read(tmp_path / f"m{suffix}")


def test_a_grey_object_beside_a_blue_one_is_no_shadow(tmp_path: Path) -> None:
    picture = np.full((H, W, 3), 255, np.uint8)
    picture[10:30, 10:30] = 120
    picture[LESION] = BLUE
    Image.fromarray(picture).save(tmp_path / "m.png")
    found = read(tmp_path / "m.png").planes[0] > 0
    np.testing.assert_array_equal(found, (picture != 255).any(-1))


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize(
    ("colour", "ground"), [(BLUE, WHITE), (RED, WHITE), (RED, BLACK)]
)
def test_a_shape_without_a_shadow_is_read(
    tmp_path: Path, colour: tuple, ground: tuple, suffix: str
) -> None:
    picture = drawn(colour, ground, ground, 1, 0, 0)
    Image.fromarray(picture).save(tmp_path / f"m{suffix}", quality=60)
    found = read(tmp_path / f"m{suffix}").planes[0]
    assert abs(int(found.sum()) - LESION.sum()) < 0.01 * LESION.sum()


def test_a_wide_soft_edge_of_one_colour_is_cut_at_half(tmp_path: Path) -> None:
    soft = gaussian_filter(LESION.astype(float), 5)[..., None]
    picture = np.array(WHITE) * (1 - soft) + np.array(BLUE) * soft
    Image.fromarray(picture.round().astype(np.uint8)).save(tmp_path / "m.png")
    found = read(tmp_path / "m.png").planes[0] > 0
    half = soft[..., 0] > soft.max() / 2
    assert np.count_nonzero(found != half) < 0.05 * half.sum()


def test_a_small_dark_lesion_beside_a_bright_one_is_kept(tmp_path: Path) -> None:
    picture = np.zeros((H, W, 3), np.uint8)
    picture[LESION], picture[80:84, 90:95] = RED, (70, 0, 0)
    Image.fromarray(picture).save(tmp_path / "m.png")
    assert np.array_equal(read(tmp_path / "m.png").planes[0] > 0, picture.any(-1))


def test_a_thin_line_around_a_shape_on_white_is_lesion_or_refused(
    tmp_path: Path,
) -> None:
    picture = np.full((H, W, 3), 255, np.uint8)
    wide = binary_dilation(LESION, iterations=3)
    picture[wide], picture[LESION] = (20, 40, 90), BLUE
    Image.fromarray(picture).save(tmp_path / "m.png")
    assert np.array_equal(read(tmp_path / "m.png").planes[0] > 0, wide)


def test_a_page_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (H // 2, W // 2, 3))
    with tifffile.TiffWriter(tmp_path / "m.tif") as file:
        file.write(LESION.astype(np.uint8) * np.uint8(255))
        file.write(noise.astype(np.uint8), photometric="rgb")
    with pytest.raises(UnclearMaskError, match=r"m\.tif \(page 2 of 2\), found"):
        read(tmp_path / "m.tif")


def test_a_threshold_above_all_numbers_is_named(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", high=1)
    (root / "dataset.toml").write_text("threshold = 127", encoding="utf-8")
    samples = load_dataset(root).split("all")
    with pytest.raises(UnclearMaskError, match=r"above the threshold of dataset\.toml"):
        look_at_masks(samples)
    (root / "dataset.toml").write_text("threshold = 0.5", encoding="utf-8")
    assert look_at_masks(load_dataset(root).split("all")).looks.empty == []


def test_images_in_folders_of_their_splits_are_named(tmp_path: Path) -> None:
    root = folder(tmp_path / "d")
    for name in ("images", "masks"):
        (root / "all").mkdir()
        (root / name).rename(root / "all" / "train")
        (root / "all").rename(root / name)
    with pytest.raises(InputError, match="found folders only: train; move the files"):
        load_dataset(root)
    (root / "images" / "other").mkdir()
    (inside,) = (root / "images" / "train").glob("0.*")
    shutil.copy(inside, root / "images" / "other")
    name = re.escape(inside.name)
    said = rf"up under names .* {name} is in other and in train: .*\(other_{name}\)"
    with pytest.raises(InputError, match=said):
        load_dataset(root)


def test_soft_edges_of_a_class_with_a_number_have_ways_out(tmp_path: Path) -> None:
    root = folder(tmp_path / "d")
    for path in (root / "masks").iterdir():
        Image.open(path).filter(ImageFilter.GaussianBlur(1)).save(path)
    setting = root / "dataset.toml"
    setting.write_text("classes = {polyp = 255}")
    said = (
        r"export it so, or, if .* soft edges, leave .* or write threshold = 127\.5 in"
    )
    with pytest.raises(UnclearMaskError, match=said):
        look_at_masks(load_dataset(root).split("all"))
    for way in ("", "threshold = 127.5"):
        setting.write_text(way)
        assert look_at_masks(load_dataset(root).split("all")).present == [4]


def test_one_stack_is_no_set_of_images(tmp_path: Path) -> None:
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "s.tif", np.zeros((6, H, W), np.uint8))
    with pytest.raises(InputError, match=r"s\.tif alone, a stack of 6 × 96 × 112"):
        load_dataset(tmp_path)


def test_lists_of_other_names_are_told(tmp_path: Path) -> None:
    root = folder(tmp_path / "d")
    (root / "splits").mkdir()
    (root / "splits" / "fold0_train.txt").write_text("0\n1\n2\n")
    (root / "splits" / "fold0_val.txt").write_text("3\n")
    report = check(root)
    ((kind, _, text),) = report.found
    assert kind == "splits" and "found fold0_train, fold0_val" in text
    assert report.to_json()["stops_training"] == ["splits"]
    (root / "splits" / "fold0_val.txt").rename(root / "splits" / "test.txt")
    assert check(root).found == []


def test_a_class_that_no_mask_has_is_told_in_a_sentence() -> None:
    seen = MasksSeen()
    seen.add("a", np.stack([LESION, LESION & False]).astype(np.uint8))
    found = counts({"train": seen})
    assert found == {str(Rule.ABSENT_CLASS): 1}
    assert warning(found, 1).startswith("1 class is in no mask that was read")


def test_settings_may_begin_with_a_mark(tmp_path: Path) -> None:
    file = tmp_path / "bom.toml"
    file.write_text('\ufeffmodel = "tiny"\r\n', encoding="utf-8")
    assert read_toml(file) == {"model": "tiny"}
