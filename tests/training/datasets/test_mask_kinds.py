"""Masks as people have them: each kind is read right, or refused by its rule."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter, maximum_filter

from attnseg_training.datasets import Sample
from attnseg_training.datasets.masks import MaskKind, UnclearMaskError, read
from attnseg_training.datasets.rules import Rule, RuleError

H, W = 60, 80
Y, X = np.mgrid[:H, :W]

DARK_AND_BRIGHT = np.array(
    [(0, 0, 0), (255, 255, 200), (40, 0, 0), (0, 0, 60)], np.uint8
)


def objects() -> np.ndarray:
    """Object numbers (H, W): three discs, two of which touch, and one at the border."""
    labels = np.zeros((H, W), np.uint8)
    for number, (y, x, r) in enumerate([(20, 20, 9), (20, 35, 8), (50, 76, 8)], 1):
        labels[((Y - y) ** 2 + (X - x) ** 2 < r * r) & (labels == 0)] = number
    return labels


LABELS = objects()
TRUTH = LABELS > 0
WHITE = TRUTH.astype(np.uint8) * 255
COLOURS = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)], np.uint8)


def soft(top: int = 255) -> np.ndarray:
    """A mask with an edge of many levels."""
    large = Image.fromarray(WHITE).resize((4 * W, 4 * H), Image.Resampling.BILINEAR)
    small = large.resize((W, H), Image.Resampling.BOX)
    return (np.asarray(small).astype(float) * top / 255).round().astype(np.uint8)


def photo() -> np.ndarray:
    """A picture: a bright blob on noisy tissue with a gradient."""
    noise = np.random.default_rng(0).normal(0, 9, (H, W, 3))
    light = 60 + X[..., None] + 0.5 * Y[..., None] * np.array([1, 0.5, 0.4])
    return (light + noise + 60 * TRUTH[..., None]).clip(0, 255).astype(np.uint8)


def rgba(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    picture = np.zeros((H, W, 4), np.uint8)
    picture[..., :3], picture[..., 3] = colour, alpha
    return picture


def palette(index: np.ndarray, colours: list[tuple[int, int, int]]) -> Image.Image:
    image = Image.fromarray(index.astype(np.uint8))
    image = image.convert("P") if image.mode != "P" else image
    image = Image.frombytes("P", (W, H), index.astype(np.uint8).tobytes())
    image.putpalette([v for colour in colours for v in colour])
    return image


def png(values: np.ndarray | Image.Image) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        image = values if isinstance(values, Image.Image) else Image.fromarray(values)
        image.save(folder / "m.png")
        return folder / "m.png"

    return write


def jpeg(values: np.ndarray, quality: int = 75) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        Image.fromarray(values).save(folder / "m.jpg", quality=quality)
        return folder / "m.jpg"

    return write


def tiff(values: np.ndarray, **options: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        tifffile.imwrite(folder / "m.tif", values, **options)
        return folder / "m.tif"

    return write


def pillow_tiff(values: np.ndarray, **options: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        Image.fromarray(values).save(folder / "m.tif", **options)
        return folder / "m.tif"

    return write


def frames(suffix: str, *pages: np.ndarray) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        first, *others = [Image.fromarray(page) for page in pages]
        options = {"save_all": True, "append_images": others, "lossless": True}
        first.save(folder / f"m{suffix}", **options)
        return folder / f"m{suffix}"

    return write


def per_object(dtype: type = np.uint8) -> np.ndarray:
    return np.stack([(k == LABELS).astype(dtype) * dtype(255) for k in (1, 2, 3)])


GREY = MaskKind.HALF_OF_MAXIMUM
OBJECTS, ALPHA = MaskKind.OBJECT_NUMBERS, MaskKind.ALPHA
TWO, BY_COLOUR, PAGES = MaskKind.TWO_VALUES, MaskKind.COLOURS, MaskKind.PAGES
YELLOW_FIRST = [(255, 255, 0), (0, 0, 0)]
NO_BLACK = [(250, 250, 120), (40, 60, 200)]

READ = {
    "white": (png(WHITE), TWO),
    "0 and 1": (png(WHITE // 255), TWO),
    "two other values": (png(WHITE // 255 * 38), TWO),
    "object numbers": (png(LABELS), OBJECTS),
    "object numbers with gaps": (
        png(np.array([0, 2, 9, 30], np.uint8)[LABELS]),
        OBJECTS,
    ),
    "object numbers 16 bit": (png(LABELS.astype(np.uint16)), OBJECTS),
    "object numbers int64": (
        tiff(LABELS.astype(np.int64), compression="zlib"),
        OBJECTS,
    ),
    "object numbers big-endian": (tiff(LABELS.astype(">u4"), byteorder=">"), OBJECTS),
    "object numbers float": (tiff(LABELS.astype(np.float32)), OBJECTS),
    "object numbers LZW": (pillow_tiff(LABELS, compression="tiff_lzw"), OBJECTS),
    "bool": (tiff(TRUTH), TWO),
    "bool packbits": (pillow_tiff(TRUTH, compression="packbits"), TWO),
    "bool fax": (pillow_tiff(TRUTH, compression="group4"), TWO),
    "bool LZW": (pillow_tiff(TRUTH, compression="tiff_lzw"), TWO),
    "white is zero": (tiff(WHITE, photometric="miniswhite"), TWO),
    "object numbers, white is zero": (tiff(LABELS, photometric="miniswhite"), OBJECTS),
    "soft edge": (png(soft()), GREY),
    "up to 100": (png(WHITE // 255 * 100), TWO),
    "soft edge up to 100": (png(soft(100)), GREY),
    "soft edge up to 127": (png(soft(127)), GREY),
    "soft edge 16 bit": (png(soft().astype(np.uint16) * 257), GREY),
    "fractions": (
        tiff(soft().astype(np.float32) / 255),
        MaskKind.PROBABILITIES,
    ),
    "jpeg": (jpeg(WHITE), TWO),
    "jpeg up to 100": (jpeg(WHITE // 255 * 100), TWO),
    "jpeg up to 127": (jpeg(WHITE // 255 * 127), TWO),
    "jpeg in colour": (jpeg(np.dstack([WHITE] * 3)), TWO),
    "white on transparent": (png(rgba(np.full((H, W, 3), 255), WHITE)), ALPHA),
    "black on transparent": (png(rgba(np.zeros((H, W, 3)), WHITE)), ALPHA),
    "half transparent": (png(rgba(np.full((H, W, 3), 255), WHITE // 2)), ALPHA),
    "grey and alpha": (png(np.dstack([np.full((H, W), 9, np.uint8), WHITE])), ALPHA),
    "grey and alpha, tiff": (
        pillow_tiff(np.dstack([np.zeros((H, W), np.uint8), WHITE])),
        ALPHA,
    ),
    "opaque": (png(rgba(np.dstack([WHITE] * 3), np.full((H, W), 255))), TWO),
    "colours on transparent": (png(rgba(COLOURS[LABELS], WHITE)), BY_COLOUR),
    "one colour": (png(COLOURS[TRUTH.astype(int)]), BY_COLOUR),
    "blue": (png(COLOURS[3 * TRUTH.astype(int)]), BY_COLOUR),
    "colour per object": (png(COLOURS[LABELS]), BY_COLOUR),
    "dark and bright": (
        png(
            np.array([(0, 0, 0), (255, 255, 200), (40, 0, 0), (0, 0, 60)], "u1")[LABELS]
        ),
        BY_COLOUR,
    ),
    "colours 16 bit": (
        tiff(COLOURS[LABELS].astype(np.uint16) * 257, photometric="rgb"),
        BY_COLOUR,
    ),
    "colours in planes": (
        tiff(
            np.moveaxis(COLOURS[LABELS], -1, 0).copy(),
            photometric="rgb",
            planarconfig="separate",
        ),
        BY_COLOUR,
    ),
    "red, soft edge": (png(np.dstack([soft(), 0 * soft(), 0 * soft()])), BY_COLOUR),
    "red jpeg": (jpeg(COLOURS[TRUTH.astype(int)], 90), BY_COLOUR),
    "blue jpeg": (jpeg(COLOURS[3 * TRUTH.astype(int)], 75), BY_COLOUR),
    "colour per object, jpeg": (jpeg(COLOURS[LABELS], 90), BY_COLOUR),
    "palette, colour first": (png(palette(~TRUTH, YELLOW_FIRST)), BY_COLOUR),
    "palette without black": (png(palette(TRUTH, NO_BLACK)), BY_COLOUR),
    "palette without black, lesion first": (
        png(palette(~TRUTH, NO_BLACK[::-1])),
        BY_COLOUR,
    ),
    "palette of class colours": (
        png(palette(LABELS, [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)])),
        BY_COLOUR,
    ),
    "palette of greys": (png(palette(~TRUTH, [(255, 255, 255), (0, 0, 0)])), TWO),
    "palette of one colour": (png(palette(LABELS, [(0, 0, 0)] * 4)), OBJECTS),
    "a page per object": (tiff(per_object(), photometric="minisblack"), PAGES),
    "a bool page per object": (
        tiff(per_object(np.uint8) > 0, photometric="minisblack"),
        PAGES,
    ),
    "the same page twice": (frames(".tif", WHITE, WHITE), PAGES),
    "an empty page": (frames(".tif", np.zeros_like(WHITE), WHITE), PAGES),
    "frames of a GIF": (frames(".gif", *per_object()), PAGES),
    "frames of a PNG": (frames(".png", *per_object()), PAGES),
    "frames of a WebP": (
        frames(".webp", *[np.dstack([page] * 3) for page in per_object()]),
        PAGES,
    ),
}
#: Kinds whose edge pixels compression or resizing has moved.
EDGES = ("soft", "jpeg", "fractions")


@pytest.mark.parametrize("kind", READ)
def test_a_kind_that_is_read(tmp_path: Path, kind: str) -> None:
    write, how = READ[kind]
    found = read(write(tmp_path))
    assert found.planes.dtype == np.uint8 and found.ignored is None
    wrong = (found.planes[0] > 0) != TRUTH
    if any(word in kind for word in EDGES):
        inner = TRUTH[1:-1, 1:-1]
        for y in range(3):
            for x in range(3):
                inner = inner & TRUTH[y : y + H - 2, x : x + W - 2]
        assert not wrong[1:-1, 1:-1][inner].any()
        assert wrong.mean() < 0.01
    else:
        assert not wrong.any()
    assert found.how == how


VOID = np.where(TRUTH, LABELS > 0, 0).astype(np.uint8)
VOID[(Y - 50) ** 2 + (X - 40) ** 2 < 30] = 255
ramp = np.tile(np.arange(W, dtype=np.uint8) * 3, (H, 1))
shifted = np.roll(WHITE, 3, 1)
hole = rgba(np.full((H, W, 3), 255), 255 - WHITE * (X < 60))

#: A line of one pixel around the lesion, and a frame of one around the image.
LINED = np.where(TRUTH, 255, 128 * maximum_filter(TRUTH, 3)).astype(np.uint8)
FRAMED = np.where(TRUTH, 255, 128 * ((X % (W - 1) == 0) | (Y % (H - 1) == 0)))
FRAMED = FRAMED.astype(np.uint8)

REFUSED = {
    "0, 1 and 255": (png(VOID), Rule.VOID_VALUES),
    "0, 1, 2, 3 and 255": (png(np.where(VOID == 255, 255, LABELS)), Rule.VOID_VALUES),
    "0, 1 and 65535": (
        png(np.where(VOID == 255, 65535, VOID).astype(np.uint16)),
        Rule.VOID_VALUES,
    ),
    "1 and 2": (png(TRUTH.astype(np.uint8) + 1), Rule.UNCLEAR_VALUES),
    "0, 128 and 255": (
        png(np.array([0, 128, 255, 0], np.uint8)[LABELS]),
        Rule.UNCLEAR_VALUES,
    ),
    "a line of 128 around 255": (png(LINED), Rule.UNCLEAR_VALUES),
    "a frame of 128 around 255": (png(FRAMED), Rule.UNCLEAR_VALUES),
    "a line of 128 as JPEG": (jpeg(LINED, 95), Rule.UNCLEAR_VALUES),
    "a frame of 100 as JPEG": (jpeg(FRAMED - FRAMED // 4, 95), Rule.UNCLEAR_VALUES),
    "negative": (tiff(-TRUTH.astype(np.int16)), Rule.UNCLEAR_VALUES),
    "NaN": (tiff(np.where(TRUTH, np.nan, 0).astype("f4")), Rule.UNCLEAR_VALUES),
    "a ramp": (png(ramp), Rule.UNCLEAR_VALUES),
    "a grey picture": (png(photo()[..., 0]), Rule.UNCLEAR_VALUES),
    "object numbers as JPEG": (jpeg(LABELS, 95), Rule.UNCLEAR_VALUES),
    "a picture": (png(photo()), Rule.UNCLEAR_COLOURS),
    "a picture as JPEG": (jpeg(photo()), Rule.UNCLEAR_COLOURS),
    "no background": (
        png(
            np.dstack([np.where(X < W / 2, 255, 9), 90 + 0 * X, 9 + 0 * X]).astype("u1")
        ),
        Rule.UNCLEAR_COLOURS,
    ),
    "black among others": (
        png(COLOURS[np.where(TRUTH, 0, 1 + (X > W // 2))]),
        Rule.UNCLEAR_COLOURS,
    ),
    "a hole": (png(hole), Rule.UNCLEAR_COLOURS),
    "hidden colours": (
        png(rgba(np.dstack([WHITE] * 3), np.zeros((H, W)))),
        Rule.UNCLEAR_COLOURS,
    ),
    "two experts": (frames(".tif", WHITE, shifted), Rule.PAGES),
    "a page of background": (frames(".tif", WHITE, 255 - WHITE), Rule.PAGES),
    "a full page": (frames(".tif", WHITE, np.full_like(WHITE, 255)), Rule.PAGES),
    "pages of two sizes": (frames(".tif", WHITE, WHITE[:40]), Rule.PAGES),
    "two pages of a GIF": (frames(".gif", WHITE, shifted), Rule.PAGES),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_kind_that_is_refused(tmp_path: Path, kind: str) -> None:
    write, rule = REFUSED[kind]
    path = write(tmp_path)
    with pytest.raises(UnclearMaskError) as refused:
        read(path)
    assert refused.value.rule == rule
    sentence = str(refused.value)
    assert path.name in sentence and sentence.endswith(".")
    if rule == Rule.VOID_VALUES:
        assert "ignore = " in sentence and "dataset.toml" in sentence


@pytest.mark.parametrize(
    "write",
    [
        png(np.zeros((H, W), np.uint8)),
        jpeg(np.zeros((H, W), np.uint8)),
        jpeg(np.random.default_rng(0).integers(0, 4, (H, W), np.uint8), 75),
        png(rgba(np.zeros((H, W, 3)), np.zeros((H, W)))),
        tiff(np.zeros((H, W), bool)),
        tiff(np.zeros((H, W), np.float32)),
        png(palette(np.zeros((H, W)), [(0, 0, 0)])),
    ],
)
def test_an_empty_mask_is_empty(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    assert not read(write(tmp_path)).planes.any()


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
