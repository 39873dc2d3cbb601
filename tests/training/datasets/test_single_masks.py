"""One mask: what is ignored in it, how it is turned, and what its numbers mean."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from mask_files import (
    COLOURS,
    LABELS,
    TRUTH,
    VOID,
    WHITE,
    H,
    W,
    X,
    Y,
    jpeg,
    palette,
    photo,
    png,
    soft,
    tiff,
)
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter

from attnseg_training.datasets import Sample
from attnseg_training.datasets.masks import UnclearMaskError, read
from attnseg_training.datasets.rules import Rule, RuleError


def test_what_is_to_be_ignored_is_neither_lesion_nor_background(tmp_path: Path) -> None:
    path = png(VOID)(tmp_path)
    found = read(path, ignore=255)
    np.testing.assert_array_equal(found.planes[0], VOID == 1)
    assert found.ignored is not None
    np.testing.assert_array_equal(found.ignored, VOID == 255)
    # Beside classes that have names.
    labels = np.where(VOID == 255, 255, LABELS).astype(np.uint8)
    path = png(labels)(tmp_path)
    with pytest.raises(UnclearMaskError) as refused:
        read(path, (1, 2, 3))
    assert refused.value.rule == Rule.VOID_VALUES
    found = read(path, (1, 2, 3), ignore=255)
    for number in (1, 2, 3):
        np.testing.assert_array_equal(found.planes[number - 1], labels == number)
    np.testing.assert_array_equal(found.ignored, labels == 255)
    # A mask without it, and what a JPEG cannot hold.
    assert read(png(LABELS)(tmp_path), ignore=255).ignored is None
    with pytest.raises(UnclearMaskError, match="JPEG changes"):
        read(jpeg(WHITE)(tmp_path), ignore=255)


def test_a_palette_is_read_by_index_where_classes_are_named(tmp_path: Path) -> None:
    colours = [(90, 90, 0), (0, 0, 0), (0, 128, 0), (128, 128, 0)]
    path = png(palette(LABELS, colours))(tmp_path)
    found = read(path, (1, 2, 3)).planes
    for number in (1, 2, 3):
        np.testing.assert_array_equal(found[number - 1], number == LABELS)


def test_a_sample_gives_what_is_ignored(tmp_path: Path) -> None:
    Image.fromarray(photo()).save(tmp_path / "i.png")
    sample = Sample("i", tmp_path / "i.png", (png(VOID)(tmp_path),), ignore=255)
    rgb, planes, ignored = sample.read_all()
    np.testing.assert_array_equal(rgb, photo())
    np.testing.assert_array_equal(planes[0], VOID == 1)
    np.testing.assert_array_equal(ignored, VOID == 255)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("turned", ["image", "mask", "both"])
def test_image_and_mask_are_turned_alike(
    tmp_path: Path, orientation: int, turned: str
) -> None:
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Image.Exif()
    exif[274] = orientation
    image, mask = tmp_path / "i.png", tmp_path / "m.tif"
    if turned in ("image", "both"):
        Image.fromarray(stored(photo())).save(image, exif=exif)
    else:
        Image.fromarray(photo()).save(image)
    tag = [(274, "H", 1, orientation, True)] if turned != "image" else []
    values = stored(LABELS) if turned != "image" else LABELS
    tifffile.imwrite(mask, values.copy(), extratags=tag)
    sample = Sample("i", image, (mask,))
    rgb, found = sample.read()
    np.testing.assert_array_equal(rgb, photo())
    np.testing.assert_array_equal(found, TRUTH)
    (reading,) = sample.read_masks()
    assert reading.orientation == (1 if turned == "image" else orientation)


def test_a_mask_that_was_drawn_on_the_stored_photo_is_named(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(np.rot90(photo())).save(tmp_path / "i.png", exif=exif)
    Image.fromarray(np.rot90(WHITE)).save(tmp_path / "m.png")
    with pytest.raises(RuleError, match="turned by 90°") as refused:
        Sample("i", tmp_path / "i.png", (tmp_path / "m.png",)).read()
    assert refused.value.rule == Rule.ORIENTATION
    Image.fromarray(WHITE[:-1]).save(tmp_path / "m.png")
    with pytest.raises(RuleError) as refused:
        Sample("i", tmp_path / "i.png", (tmp_path / "m.png",)).read()
    assert refused.value.rule == Rule.SIZE


def resaved(values: np.ndarray, folder: Path) -> Path:
    """As PNG what was a JPEG."""
    path = folder / "first.jpg"
    Image.fromarray(values).save(path, quality=90, subsampling=0)
    with Image.open(path) as image:
        image.save(folder / "again.png")
    return folder / "again.png"


def test_noise_of_a_jpeg_that_was_saved_again_is_no_lesion(tmp_path: Path) -> None:
    for values in (WHITE, COLOURS[TRUTH.astype(int)] // 255 * 200, COLOURS[LABELS]):
        found = read(resaved(values, tmp_path)).planes[0] > 0
        assert (found != TRUTH).mean() < 0.01


def test_a_frame_is_no_background(tmp_path: Path) -> None:
    paper = np.array([(68, 1, 84), (253, 231, 37)], np.uint8)[TRUTH.astype(int)]
    for frame, picture in ((255, paper), (0, np.where(TRUTH[..., None], paper, 255))):
        wide = ((9, 9), (9, 9), (0, 0))
        path = png(np.pad(picture, wide, constant_values=frame).astype(np.uint8))
        with pytest.raises(UnclearMaskError) as refused:
            read(path(tmp_path))
        assert refused.value.rule == Rule.UNCLEAR_COLOURS


def test_a_void_border_of_a_palette_is_no_lesion(tmp_path: Path) -> None:
    colours = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)]
    colours += [(0, 0, 0)] * 251 + [(224, 224, 192)]
    index = np.where(VOID == 255, 255, LABELS)
    path = png(palette(index, colours))(tmp_path)
    with pytest.raises(UnclearMaskError) as refused:
        read(path)
    assert refused.value.rule == Rule.VOID_VALUES
    assert "threshold" not in str(refused.value)  # none applies to colours
    found = read(path, ignore=255)
    np.testing.assert_array_equal(found.planes[0] > 0, TRUTH & (VOID != 255))
    np.testing.assert_array_equal(found.ignored, VOID == 255)


def test_one_channel_in_an_axis_of_its_own_is_grey(tmp_path: Path) -> None:
    path = tiff(WHITE[..., None])(tmp_path)
    assert (read(path).planes[0] == TRUTH).all()


def test_a_white_is_zero_mask_that_viewers_show_right_is_not_inverted(
    tmp_path: Path,
) -> None:
    path = tmp_path / "m.tif"
    tifffile.imwrite(path, 255 - WHITE, photometric="miniswhite")
    with pytest.raises(UnclearMaskError, match="may be inverted"):
        read(path)
    tifffile.imwrite(path, WHITE, photometric="miniswhite")  # as ImageJ writes it
    np.testing.assert_array_equal(read(path).planes[0], TRUTH)


@pytest.mark.parametrize("kind", ["noise", "shades", "small jpeg"])
def test_a_mask_that_holds_colours_is_not_read_as_empty(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "m.png"
    colours, rng = np.zeros((H, W, 3), np.uint8), np.random.default_rng(0)
    if kind == "noise":
        colours[TRUTH] = rng.integers(90, 255, (TRUTH.sum(), 3))
    elif kind == "shades":
        colours[..., 0] = TRUTH * (120 + 5 * (X % 27))
    else:
        path = path.with_suffix(".jpg")
        colours[(Y - 30) ** 2 + (X - 40) ** 2 < 9] = (255, 0, 0)
    Image.fromarray(colours).save(path)
    try:
        found = read(path).planes[0]
    except UnclearMaskError:
        return
    assert found[30, 40] if kind == "small jpeg" else (found == TRUTH).mean() > 0.98


def test_a_grey_jpeg_of_several_levels_is_refused_as_its_png_is(
    tmp_path: Path,
) -> None:
    greys = np.array([0, 85, 170, 255], np.uint8)[LABELS]
    for name in ("m.jpg", "m.png"):
        Image.fromarray(greys).save(tmp_path / name)
        with pytest.raises(UnclearMaskError, match=r"dataset\.toml"):
            read(tmp_path / name)
    Image.fromarray(WHITE).save(tmp_path / "m.jpg", quality=60)
    np.testing.assert_array_equal(read(tmp_path / "m.jpg").planes[0], TRUTH)


def test_complex_numbers_are_read_where_they_are_real(tmp_path: Path) -> None:
    file = tmp_path / "mask.tif"
    tifffile.imwrite(file, TRUTH.astype(np.complex64))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(read(file).planes[0], TRUTH)
    tifffile.imwrite(file, (TRUTH * 1j).astype(np.complex64))
    with pytest.raises(UnclearMaskError, match="found complex ones"):
        read(file)


@pytest.mark.parametrize("largest", [3, 255])
def test_object_numbers_as_fractions_are_asked_for(
    tmp_path: Path, largest: int
) -> None:
    path = tmp_path / "mask.tif"
    tifffile.imwrite(path, (LABELS / largest).astype(np.float32))
    with pytest.raises(UnclearMaskError, match=r"fractions .* classes = ..lesion"):
        read(path)
    found = read(path, stated=True)
    assert np.array_equal(found.planes[0] > 0, TRUTH)


DISTANCE = distance_transform_edt(TRUTH)
DISTANCE *= 255 / DISTANCE.max()
#: A disc on white, filled from blue to nearly white.
FILL = np.full((H, W, 3), 255, np.uint8)
FILL[..., :2] -= np.where(
    (Y - 30) ** 2 + (X - 40) ** 2 < 625, ((75 - X) * 4).clip(0, 255), 0
).astype(np.uint8)[..., None]


#: A shape as of PowerPoint, with a darker outline, made smaller.
OUTLINE = np.hypot(*np.mgrid[-120:120, -160:160]) / 4
SHAPE = np.full((240, 320, 3), 255, np.uint8)
SHAPE[OUTLINE < 20], SHAPE[abs(OUTLINE - 20) < 0.75] = (68, 114, 196), (47, 82, 143)
SHAPE = np.asarray(Image.fromarray(SHAPE).resize((80, 60), Image.Resampling.BOX))


@pytest.mark.parametrize(
    ("mask", "sloped"),
    [
        (DISTANCE.astype(np.uint8), True),
        ((DISTANCE / 255).astype(np.float32), True),
        (gaussian_filter(WHITE, 4), False),
        (gaussian_filter(WHITE, 1), False),
        (soft(), False),
        (soft().astype(np.float32) / 255, False),
        (WHITE, False),
        (FILL, True),
        (SHAPE, False),
        (255 - soft()[..., None] // np.array([1, 2, 255], np.uint8), False),
    ],
)
def test_slopes_are_told_from_soft_edges(
    tmp_path: Path, mask: np.ndarray, sloped: bool
) -> None:
    path = tmp_path / "mask.tif"
    tifffile.imwrite(path, mask, photometric="rgb" if mask.ndim == 3 else "minisblack")
    assert any(one.sloped for one in read(path).traits) == sloped


def test_three_people_as_red_green_and_blue_are_noticed(tmp_path: Path) -> None:
    y, x = np.mgrid[:160, :160]
    disc = (y - 80) ** 2 + (x - 60) ** 2 < 900
    shifted = [disc, np.roll(disc, 8, 1), np.roll(disc, (6, 3), (0, 1))]
    path = tmp_path / "mask.png"
    Image.fromarray(np.dstack(shifted).astype(np.uint8) * 255).save(path)
    (traits,) = read(path).traits
    assert traits.mixed and len(traits.kinds) > 3
