"""DICOM whose header names other colours than its pixels have."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from medical_files import dicom_set
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.pixels import convert_color_space
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
)
from scipy.ndimage import gaussian_filter

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers import open_frames, read_picture
from napari_attnseg.io.readers.facts import Assumed
from napari_attnseg.io.readers.sets import set_of

NOISE = gaussian_filter(np.random.default_rng(3).normal(size=(96, 100)), 4)
GREY = (120 + 45 * NOISE / NOISE.std())[..., None].clip(0, 255)
#: Colours of an endoscopic image: dark corners, and a pink middle.
PINK = (GREY * [1.2, 0.8, 0.6]).clip(0, 255).astype(np.uint8)
PINK[:20, :20] = 0
GREY_RGB = GREY[..., [0, 0, 0]].astype(np.uint8)
#: Neither far out of range as YBR, nor alike as the channels of either are.
UNCLEAR = np.random.default_rng(0).integers(110, 146, (64, 64, 3), np.uint8)


def ybr(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(convert_color_space(pixels, "RGB", "YBR_FULL"))


def written(
    path: Path, pixels: np.ndarray, said: str, syntax: str = ExplicitVRLittleEndian
) -> Path:
    data = dicom_set(pixels, "RGB", PhotometricInterpretation=said)
    data.file_meta.TransferSyntaxUID = syntax
    data.save_as(path, enforce_file_format=True)
    return path


SYNTAXES = ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("said", ["YBR_FULL_422", "YBR_FULL", "YBR_ICT", "YBR_RCT"])
@pytest.mark.parametrize("pixels", [PINK, GREY_RGB])
def test_three_bytes_are_rgb_or_ybr_as_their_colours_show(
    tmp_path: Path, pixels: np.ndarray, said: str, syntax: str
) -> None:
    for name, stored in (("rgb", pixels), ("ybr", ybr(pixels))):
        found = read_picture(written(tmp_path / f"{name}.dcm", stored, said, syntax))
        assert np.abs(found.pixels.astype(int) - pixels).max() <= 2, name
        assert found.facts is not None
        right = (name, said) == ("ybr", "YBR_FULL")
        assert (Assumed.COLOURS_BY_DATA in found.facts.assumed) is not right


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("pixels", [PINK, GREY_RGB])
def test_ybr_that_is_called_rgb_is_read_as_its_colours_show(
    tmp_path: Path, pixels: np.ndarray, syntax: str
) -> None:
    for name, stored in (("rgb", pixels), ("ybr", ybr(pixels))):
        found = read_picture(written(tmp_path / f"{name}.dcm", stored, "RGB", syntax))
        assert np.abs(found.pixels.astype(int) - pixels).max() <= (name == "ybr") * 2
        assert found.facts is not None
        assert (Assumed.COLOURS_BY_DATA in found.facts.assumed) is (name == "ybr")


#: Recolourings (blue light, dull green, pale, inverted), and what is never dark.
OTHER_RGB = [
    GREY * [0.1, 0.5, 1.0],
    GREY * [0.2, 0.3, -0.3] + [0, 90, 166],
    255 - (255 - GREY) * [0.1, 0.4, 0.3],
    255 - PINK.astype(float),
    100 + GREY * [0.2, 0.1, -0.1],
    np.full((96, 100, 3), [0, 128, 128]),
    UNCLEAR,
]


@pytest.mark.parametrize("pixels", OTHER_RGB)
def test_other_colours_that_are_called_rgb_are_rgb(
    tmp_path: Path, pixels: np.ndarray
) -> None:
    pixels = pixels.clip(0, 255).astype(np.uint8)
    found = read_picture(written(tmp_path / "a.dcm", pixels, "RGB"))
    np.testing.assert_array_equal(found.pixels, pixels)
    assert found.facts is not None and not found.facts.assumed


def test_each_frame_of_a_film_is_read_so(tmp_path: Path) -> None:
    film = np.stack([PINK, PINK[::-1], PINK[:, ::-1]])
    ycbcr = ybr(film)
    for stored, said in (
        (film, "YBR_FULL_422"),
        (ycbcr, "YBR_FULL_422"),
        (ycbcr, "RGB"),
    ):
        path = written(tmp_path / "a.dcm", stored, said)
        with open_frames(set_of(path)) as frames:
            found = np.stack([frames[i] for i in range(len(frames))])
        assert np.abs(found.astype(int) - film).max() <= 2


def test_two_bytes_of_ybr_full_422_are_read_as_before(tmp_path: Path) -> None:
    colours = ybr(PINK)
    pairs = colours.reshape(96, 50, 2, 3)
    stored = np.stack(
        [pairs[..., 0, 0], pairs[..., 1, 0], pairs[..., 0, 1], pairs[..., 0, 2]], -1
    )
    data = dicom_set(PINK, "RGB", PhotometricInterpretation="YBR_FULL_422")
    data.PixelData = stored.tobytes()
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    found = read_picture(tmp_path / "a.dcm")
    assert np.abs(found.pixels.astype(int) - PINK).mean() < 4
    assert found.facts is not None and not found.facts.assumed


def test_colours_that_may_be_either_are_refused_or_as_the_header_says(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError, match="RGB or YBR_FULL; write the right"):
        read_picture(written(tmp_path / "a.dcm", UNCLEAR, "YBR_FULL_422"))
    found = read_picture(written(tmp_path / "b.dcm", UNCLEAR, "YBR_FULL"))
    told = convert_color_space(UNCLEAR, "YBR_FULL", "RGB")
    np.testing.assert_array_equal(found.pixels, told)


@pytest.mark.parametrize("said", ["YBR_FULL", "YBR_FULL_422", "YBR_RCT", "RGB"])
def test_jpeg_2000_says_whether_it_is_decoded_to_rgb(tmp_path: Path, said: str) -> None:
    for transformed in (True, False):
        stored = PINK if transformed or said == "RGB" else ybr(PINK)
        coded = io.BytesIO()
        Image.fromarray(stored).save(coded, "JPEG2000", no_jp2=True, mct=transformed)
        data = dicom_set(PINK, "RGB", PhotometricInterpretation=said)
        data.file_meta.TransferSyntaxUID = JPEG2000Lossless
        data.PixelData = encapsulate([coded.getvalue()])
        data["PixelData"].is_undefined_length = True
        data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        found = read_picture(tmp_path / "a.dcm").pixels
        assert np.abs(found.astype(int) - PINK).max() <= 2, transformed
