"""Masks as people have them: each kind is read right, or refused by its rule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
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
    frames,
    jpeg,
    palette,
    photo,
    pillow_tiff,
    png,
    rgba,
    shifted,
    soft,
    tiff,
)
from scipy.ndimage import maximum_filter

from attnseg_training.datasets.masks import MaskKind, UnclearMaskError, read
from attnseg_training.datasets.rules import Rule

DARK_AND_BRIGHT = np.array(
    [(0, 0, 0), (255, 255, 200), (40, 0, 0), (0, 0, 60)], np.uint8
)


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


ramp = np.tile(np.arange(W, dtype=np.uint8) * 3, (H, 1))
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
        assert "threshold = 0 if all that is not 0 is lesion" in sentence
        assert read(path, threshold=0).planes.any()


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
