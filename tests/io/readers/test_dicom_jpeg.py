"""DICOM whose header says RGB and whose JPEG stream holds YCbCr."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from medical_files import dicom_set
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit
from scipy.ndimage import gaussian_filter

from napari_attnseg.io.readers import read_picture
from napari_attnseg.io.readers.facts import Assumed

SMOOTH = np.linspace(20, 230, 32 * 32 * 3).reshape(32, 32, 3).astype(np.uint8)
ADOBE = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00"


NOISE = gaussian_filter(np.random.default_rng(3).normal(size=(96, 96)), 4)
#: Pink, dark to bright.
PINK = (120 + 60 * NOISE / NOISE.std())[..., None] * [1.2, 0.8, 0.6]
PINK = PINK.clip(0, 255).astype(np.uint8)


def coded(values: np.ndarray, mode: str, subsampling: int, adobe: int | None) -> bytes:
    """JPEG without a JFIF marker, with one of Adobe if `adobe` is its number."""
    file = io.BytesIO()
    picture = Image.fromarray(values).convert("YCbCr") if mode == "YCbCr" else None
    if picture is None:  # RGB as it is: called YCbCr, nothing is converted
        picture = Image.frombytes("YCbCr", values.shape[1::-1], values.tobytes())
    picture.save(file, "JPEG", quality=98, subsampling=subsampling)
    data = file.getvalue()
    data = data[:2] + data[4 + int.from_bytes(data[4:6]) :]
    marker = b"" if adobe is None else ADOBE + bytes([adobe])
    return data[:2] + marker + data[2:]


@pytest.mark.parametrize(
    ("mode", "subsampling", "adobe", "told"),
    [
        ("YCbCr", 2, None, True),
        ("YCbCr", 1, None, True),
        ("YCbCr", 0, 1, True),
        ("RGB", 0, None, False),
        ("RGB", 0, 0, False),
    ],
)
def test_the_stream_says_what_it_holds(
    tmp_path: Path, mode: str, subsampling: int, adobe: int | None, told: bool
) -> None:
    data = dicom_set(SMOOTH, "RGB")
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    data.PixelData = encapsulate([coded(SMOOTH, mode, subsampling, adobe)])
    data["PixelData"].is_undefined_length = True
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    found = read_picture(tmp_path / "a.dcm")
    assert np.abs(found.pixels.astype(int) - SMOOTH).max() <= 12
    assert found.facts is not None
    assert (Assumed.YCBCR_STREAM in found.facts.assumed) is told


@pytest.mark.parametrize("said", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("adobe", [None, 0, 1])
def test_colours_that_neither_header_nor_stream_name_are_read_as_they_look(
    tmp_path: Path, said: str, adobe: int | None
) -> None:
    for mode in ("YCbCr", "RGB"):
        data = dicom_set(PINK, "RGB", PhotometricInterpretation=said)
        data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        data.PixelData = encapsulate([coded(PINK, mode, 0, adobe)])
        data["PixelData"].is_undefined_length = True
        data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        found = read_picture(tmp_path / "a.dcm")
        assert np.abs(found.pixels.astype(int) - PINK).max() <= 12, mode
        assert found.facts is not None
        right = (mode == "RGB") is (said == "RGB")
        contradicted = not right or (mode == "RGB" and adobe == 1)
        assert bool(found.facts.assumed) is contradicted, mode
