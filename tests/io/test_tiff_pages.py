"""Of a TIFF with a thumbnail the main page is read, wherever the thumbnail lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from attnseg_training.datasets import read_mask
from napari_attnseg.batch import Note, segment_images
from napari_attnseg.commands.console import Wording, image_sentences
from napari_attnseg.errors import InputError
from napari_attnseg.io.file_kinds import FileKind, file_kind, header_size
from napari_attnseg.io.images import read_image, read_upright
from napari_attnseg.io.readers import open_frames
from napari_attnseg.io.results import load_results
from napari_attnseg.io.tiff_pages import THUMBNAILS

GREY = np.random.default_rng(0).integers(0, 256, (48, 64)).astype(np.uint8)
SMALL = GREY[::4, ::4].copy()
RGB = np.dstack([GREY, GREY[:, ::-1], GREY[::-1]])


def write(path: Path, *pages: np.ndarray, **how: object) -> Path:
    """Pages of which those that are smaller than the largest are called thumbnails."""
    largest = max(page.shape[0] for page in pages)
    with tifffile.TiffWriter(path) as file:
        for page in pages:
            small = page.shape[0] < largest
            file.write(page, subfiletype=int(small), metadata=None, **how)
    return path


@pytest.mark.parametrize("image", [GREY, RGB, GREY.astype(np.uint16) * 100])
@pytest.mark.parametrize("first", [True, False])
def test_the_main_page_is_read(tmp_path: Path, image: np.ndarray, first: bool) -> None:
    small = image[::4, ::4].copy()
    pages = (image, small) if first else (small, image)
    path = write(tmp_path / "a.tif", *pages)
    np.testing.assert_array_equal(read_image(path), image)
    assert read_upright(path).left_out == {"thumbnails": 1}
    assert header_size(path) == (48, 64)
    with open_frames(path) as frames:
        np.testing.assert_array_equal(frames[0], image)
        assert frames.to_provenance()["not_used"] == ["other_images"]


@pytest.mark.parametrize("first", [True, False])
def test_a_thumbnail_may_be_of_another_kind(tmp_path: Path, first: bool) -> None:
    small = RGB[::4, ::4].copy()
    pages = (GREY, small) if first else (small, GREY)
    path = write(tmp_path / "a.tif", *pages)
    np.testing.assert_array_equal(read_image(path), GREY)


@pytest.mark.parametrize("first", [True, False])
def test_colours_of_a_palette_have_thumbnails(tmp_path: Path, first: bool) -> None:
    """Pillow reads these."""
    table = np.random.default_rng(1).integers(0, 2**16, (3, 256)).astype(np.uint16)
    pages = (GREY, SMALL) if first else (SMALL, GREY)
    path = write(tmp_path / "a.tif", *pages, photometric="palette", colormap=table)
    np.testing.assert_array_equal(read_image(path), (table >> 8).T[GREY])
    assert read_upright(path).left_out == {"thumbnails": 1}
    assert file_kind(path) == FileKind.PALETTE


def test_masks_have_thumbnails(tmp_path: Path) -> None:
    mask = np.zeros((48, 64), np.uint8)
    mask[8:30, 20:50] = 255
    small = np.asarray(Image.fromarray(mask).resize((16, 12)))
    for i, pages in enumerate([(mask, small), (small, mask)]):
        path = write(tmp_path / f"{i}.tif", *pages)
        np.testing.assert_array_equal(read_mask(path), mask > 0)


def test_other_pages_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        for page in (GREY, GREY[:20, :30].copy()):
            file.write(page, metadata=None)
    with pytest.raises(InputError, match="holds 2 images"):
        read_image(path)
    assert read_upright(write(tmp_path / "b.tif", GREY)).left_out == {}
    stack = write(tmp_path / "c.tif", GREY, GREY[::-1].copy(), SMALL)
    assert read_image(stack).shape == (2, 48, 64)
    assert read_upright(stack).thumbnails == 1


@pytest.mark.parametrize("first", [True, False])
def test_provenance_counts_thumbnails(
    tmp_path: Path, tiny_weights: Path, first: bool
) -> None:
    small = RGB[::4, ::4].copy()
    path = write(tmp_path / "a.tif", *((RGB, small) if first else (small, RGB)))
    out = tmp_path / "out"
    (outcome,) = segment_images([path], out, tiny_weights, "cpu")
    assert outcome.error is None
    (result,) = load_results(out / "a.json").segmentations
    assert result.mask.shape == (48, 64) and result.provenance[THUMBNAILS] == 1
    whole = write(tmp_path / "b.tif", RGB)
    (outcome,) = segment_images([whole], out, tiny_weights, "cpu")
    (other,) = load_results(out / "b.json").segmentations
    np.testing.assert_array_equal(other.mask, result.mask)
    assert THUMBNAILS not in other.provenance


@pytest.mark.parametrize("photometric", ["rgb", "palette"])
def test_a_transparency_mask_is_left_out_and_said(
    tmp_path: Path, tiny_weights: Path, photometric: str
) -> None:
    path, image, more = tmp_path / "a.tif", RGB, {}
    if photometric == "palette":  # which Pillow reads
        table = np.random.default_rng(1).integers(0, 2**16, (3, 256)).astype(np.uint16)
        image, more = GREY, {"colormap": table}
    with tifffile.TiffWriter(path) as file:
        file.write(image, photometric=photometric, metadata=None, **more)
        file.write(np.ones(GREY.shape, bool), subfiletype=4, metadata=None)
        file.write(image[::4, ::4], photometric=photometric, subfiletype=1, **more)
    right = RGB if photometric == "rgb" else (table >> 8).T[GREY]
    np.testing.assert_array_equal(read_image(path), right)
    said = {"thumbnails": 1, "transparency_masks": 1}
    assert read_upright(path).left_out == said
    (outcome,) = segment_images([path], tmp_path / "out", tiny_weights, "cpu")
    assert outcome.error is None and Note.TRANSPARENCY in outcome.notes
    (told,) = [
        one
        for one in image_sentences(outcome, Wording("", "", ""))
        if "transparency mask" in one
    ]
    assert told.startswith("a.tif holds")
