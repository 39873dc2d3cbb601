"""Embedded ICC profiles: colours become sRGB, and those of sRGB stay as they are."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from colour_profiles import ADOBE, SRGB, icc_profile, in_adobe
from odd_files import picture
from PIL import Image, ImageCms

from napari_attnseg.io.colour_profiles import COLOUR_PROFILE, PROFILE_LEFT
from napari_attnseg.io.file_kinds import FileKind, file_kind
from napari_attnseg.io.images import read_image, read_numbers, read_upright
from napari_attnseg.io.readers import read_picture
from napari_attnseg.io.results import load_results

#: Colours that sRGB and Adobe RGB both have.
COLOURS = (picture() // 2 + 60).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "jpg"])
def test_colours_of_another_profile_become_srgb(tmp_path: Path, suffix: str) -> None:
    path, stored = tmp_path / f"a.{suffix}", in_adobe(COLOURS)
    assert np.abs(stored.astype(int) - COLOURS).max() > 15
    profile = icc_profile(ADOBE)
    if suffix == "tif":
        tifffile.imwrite(path, stored, photometric="rgb", iccprofile=profile)
    else:
        more = {"quality": 98, "subsampling": 0} if suffix == "jpg" else {}
        more |= {"lossless": True} if suffix == "webp" else {}
        Image.fromarray(stored).save(path, icc_profile=profile, **more)
    found = read_picture(path)
    assert np.abs(found.pixels.astype(int) - COLOURS).mean() < 2
    assert found.noted[COLOUR_PROFILE] == "test"
    np.testing.assert_array_equal(read_image(path), found.pixels)
    # A mask's numbers are no colours, and napari shows the stored ones.
    raw = np.asarray(Image.open(path))
    np.testing.assert_array_equal(read_numbers(path), raw)
    np.testing.assert_array_equal(read_image(path, upright=False), raw)
    assert file_kind(path) is FileKind.COLOUR_PROFILE


def camera_exif(rule: str, space: int = 65535) -> bytes:
    """EXIF of a camera that names its colours by the rule and the colour space."""
    interop = (1, 2, 4, int.from_bytes((rule + "\0").encode(), "little"))
    found = b"II*\0" + struct.pack("<IH", 8, 1)
    found += struct.pack("<HHII", 0x8769, 4, 1, 26) + b"\0" * 4
    found += struct.pack("<H", 2) + struct.pack("<HHII", 0xA001, 3, 1, space)
    found += struct.pack("<HHII", 0xA005, 4, 1, 56) + b"\0" * 4
    found += struct.pack("<H", 1) + struct.pack("<HHII", *interop) + b"\0" * 4
    return b"Exif\0\0" + found


def test_adobe_rgb_that_a_camera_says_in_exif_only(tmp_path: Path) -> None:
    path, stored = tmp_path / "a.jpg", in_adobe(COLOURS)
    how = {"quality": 98, "subsampling": 0}
    for facts in (camera_exif("R03"), camera_exif("R98", 2)):
        Image.fromarray(stored).save(path, exif=facts, **how)
        found = read_picture(path)
        assert np.abs(found.pixels.astype(int) - COLOURS).mean() < 2
        assert found.noted[COLOUR_PROFILE] == "Adobe RGB (EXIF)"
        assert file_kind(path) is FileKind.COLOUR_PROFILE
    # sRGB by the same rule, and a profile that says more than EXIF.
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for facts, profile in ((camera_exif("R98", 1), None), (camera_exif("R03"), srgb)):
        Image.fromarray(stored).save(path, exif=facts, icc_profile=profile, **how)
        assert read_picture(path).noted == {}
        np.testing.assert_array_equal(read_image(path), np.asarray(Image.open(path)))
    # Damaged metadata of a sound picture.
    Image.fromarray(stored).save(path, exif=camera_exif("R03")[:50], **how)
    assert read_picture(path).noted == {}


def test_alpha_and_palettes(tmp_path: Path) -> None:
    profile = icc_profile(ADOBE)
    rgba = np.dstack([in_adobe(COLOURS), COLOURS[..., 0]])
    Image.fromarray(rgba).save(tmp_path / "a.png", icc_profile=profile)
    found = read_image(tmp_path / "a.png")
    assert np.abs(found[..., :3].astype(int) - COLOURS).mean() < 2
    np.testing.assert_array_equal(found[..., 3], rgba[..., 3])
    # Grey is the same in all of them, up to the gamma, and is left alone.
    Image.fromarray(rgba[..., 0]).save(tmp_path / "g.png", icc_profile=profile)
    np.testing.assert_array_equal(read_image(tmp_path / "g.png"), rgba[..., 0])


@pytest.mark.parametrize("kind", ["none", "pillow", "damaged"])
def test_srgb_keeps_its_numbers(tmp_path: Path, kind: str) -> None:
    profile = {
        "none": None,
        "pillow": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        "damaged": icc_profile(SRGB)[:150],
    }[kind]
    path = tmp_path / "a.png"
    Image.fromarray(COLOURS).save(path, icc_profile=profile)
    found = read_upright(path)
    np.testing.assert_array_equal(found.pixels, COLOURS)
    assert found.noted == {} and file_kind(path) is None


def test_a_profile_of_16_bits_is_told(tmp_path: Path, tiny_weights: Path) -> None:
    from napari_attnseg.batch import Note, segment_images

    path, deep = tmp_path / "a.tif", COLOURS.astype(np.uint16) * 257
    profile = icc_profile(ADOBE)
    tifffile.imwrite(path, deep, photometric="rgb", iccprofile=profile)
    np.testing.assert_array_equal(read_image(path), deep)
    (outcome,) = segment_images([path], tmp_path / "out", tiny_weights, "cpu")
    assert Note.PROFILE_LEFT in outcome.notes
    (result,) = load_results(tmp_path / "out" / "a.json").segmentations
    assert result.provenance[PROFILE_LEFT] == "test"


def test_the_profile_is_recorded(tmp_path: Path, tiny_weights: Path) -> None:
    from napari_attnseg.batch import segment_images

    for name, profile in (("a", icc_profile(ADOBE)), ("b", None)):
        path = tmp_path / f"{name}.png"
        Image.fromarray(COLOURS).save(path, icc_profile=profile)
        (outcome,) = segment_images([path], tmp_path / "out", tiny_weights, "cpu")
        assert outcome.error is None
        (result,) = load_results(tmp_path / "out" / f"{name}.json").segmentations
        expected = "test" if profile else None
        assert result.provenance.get(COLOUR_PROFILE) == expected
