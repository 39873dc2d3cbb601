"""Pictures of formats that are not read are refused by the name of the format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from medical_files import dicom_file
from PIL import Image, features

from attnseg_training.datasets import load_dataset, read_mask
from napari_attnseg.errors import InputError
from napari_attnseg.io.images import read_image
from napari_attnseg.io.readers import open_frames

#: How files of such formats begin.
HEADS = {
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200),
    "AVIF": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(200),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200),
    "JPEG XL": b"\xff\x0a" + bytes(200),
}


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "heic"])
def test_a_file_is_refused_by_what_it_is(
    tmp_path: Path, name: str, suffix: str
) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(HEADS[name])
    words = f"the format {name}, which is not read: export it as PNG"
    with pytest.raises(InputError, match=words):
        read_image(path)
    with pytest.raises(InputError, match=words):
        read_mask(path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "a.nrrd",
            "a volume of the format NRRD, which is not read: convert it to NIfTI",
        ),
        ("a.seg.nrrd", "the format NRRD, which is not read: convert it to NIfTI"),
        ("a.MHA", "the format MetaImage, which is not read: convert it to NIfTI"),
        ("a.flv", "a film .*, which is not read: convert it to MP4"),
        ("a.czi", r"slide scanner \(\.czi\), .* as TIFF or OME-TIFF"),
        ("a.xyz", "expected a picture .*DICOM, NIfTI, .*film such as MP4: convert it"),
        ("a.png", "expected a whole PNG"),
    ],
)
def test_what_is_read_is_said_of_other_volumes_and_films(
    tmp_path: Path, name: str, words: str
) -> None:
    (tmp_path / name).write_bytes(b"NRRD0004\ntype: short\n\n" + bytes(99))
    with pytest.raises(InputError, match=words):
        open_frames(tmp_path / name)
    with pytest.raises(InputError, match=words):
        read_image(tmp_path / name)


@pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
def test_a_real_file_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(tmp_path / "a.avif")
    (tmp_path / "a.avif").rename(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="the format AVIF"):
        read_image(tmp_path / "a.jpg")


def test_a_data_folder_leaves_none_of_them_out_unsaid(tmp_path: Path) -> None:
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
        for i, name in enumerate("ab"):
            pixels = np.zeros((16, 16), np.uint8)
            pixels[4:9, 4 + i : 9] = 255
            Image.fromarray(pixels).save(tmp_path / part / f"{name}.png")
    (tmp_path / "images" / "c.heic").write_bytes(HEADS["HEIC"])
    with pytest.raises(InputError, match=r"format HEIC or the like, first c\.heic"):
        load_dataset(tmp_path)
    # Originals beside what was made of them.
    (tmp_path / "images" / "c.heic").rename(tmp_path / "images" / "a.HEIC")
    assert load_dataset(tmp_path).left_out == {".heic": 1}


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_dicom_of_another_name_is_named(tmp_path: Path, suffix: str) -> None:
    path = dicom_file(tmp_path / f"a.{suffix}", np.zeros((8, 9), np.uint8))
    said = r"it is a DICOM file, whatever its name says: let its name end in \.dcm"
    with pytest.raises(InputError, match=said):
        read_image(path)


def test_a_picture_may_have_these_bytes(tmp_path: Path) -> None:
    Image.new("RGB", (20, 8)).save(tmp_path / "a.bmp")
    data = bytearray((tmp_path / "a.bmp").read_bytes())
    data[128:132] = b"DICM"
    (tmp_path / "a.bmp").write_bytes(data)
    assert np.count_nonzero(read_image(tmp_path / "a.bmp")) == 4
