"""ICC profiles of DICOM: colours become sRGB, as those of pictures do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from colour_profiles import ADOBE, SRGB, icc_profile, in_adobe
from medical_files import dicom_file
from odd_files import picture
from PIL import Image, ImageCms

from attnseg_training.datasets.masks import read
from attnseg_training.datasets.rules import RuleError
from napari_attnseg.batch import segment_files
from napari_attnseg.io.colour_profiles import COLOUR_PROFILE
from napari_attnseg.io.images import read_image
from napari_attnseg.io.readers import open_frames, read_picture
from napari_attnseg.io.readers.facts import NotUsed
from napari_attnseg.io.readers.facts_words import facts_sentences
from napari_attnseg.io.results import load_results

#: Colours that sRGB and Adobe RGB both have.
COLOURS = (picture() // 2 + 60).astype(np.uint8)
STORED = in_adobe(COLOURS)
PROFILE = icc_profile(ADOBE)


def test_dicom_is_converted_as_a_picture_is(tmp_path: Path) -> None:
    Image.fromarray(STORED).save(tmp_path / "a.png", icc_profile=PROFILE)
    expected = read_image(tmp_path / "a.png")
    path = dicom_file(tmp_path / "a.dcm", STORED, "RGB", ICCProfile=PROFILE)
    found = read_picture(path)
    np.testing.assert_array_equal(found.pixels, expected)
    assert np.abs(found.pixels.astype(int) - COLOURS).mean() < 2
    assert found.noted == {COLOUR_PROFILE: "test"}
    assert found.facts is not None and NotUsed.PROFILE not in found.facts.not_used
    assert found.facts.said[COLOUR_PROFILE] == "test"


def test_frames_and_colours_of_16_bits_are_converted(tmp_path: Path) -> None:
    both = np.stack([STORED, STORED[::-1]])
    film = dicom_file(tmp_path / "a.dcm", both, "RGB", ICCProfile=PROFILE)
    deep = STORED.astype(np.uint16) * 257  # cut to 8 bits first
    path = dicom_file(tmp_path / "b.dcm", deep, "RGB", ICCProfile=PROFILE)
    with open_frames(film) as frames:
        for index, right in enumerate((COLOURS, COLOURS[::-1])):
            assert np.abs(frames[index].astype(int) - right).mean() < 2
    found = read_picture(path)
    assert found.pixels.dtype == np.uint8
    assert np.abs(found.pixels.astype(int) - COLOURS).mean() < 2


@pytest.mark.parametrize("kind", ["own", "pillow", "none"])
def test_srgb_keeps_its_numbers(tmp_path: Path, kind: str) -> None:
    pillow = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = {"own": icc_profile(SRGB), "pillow": pillow, "none": None}[kind]
    more = {} if profile is None else {"ICCProfile": profile + b"\0" * 2}
    found = read_picture(dicom_file(tmp_path / "a.dcm", STORED, "RGB", **more))
    assert found.facts is not None
    np.testing.assert_array_equal(found.pixels, STORED)
    assert found.noted == {} and COLOUR_PROFILE not in found.facts.said
    assert NotUsed.PROFILE not in found.facts.not_used


def test_a_damaged_profile_is_told(tmp_path: Path) -> None:
    path = dicom_file(tmp_path / "a.dcm", STORED, "RGB", ICCProfile=PROFILE[:150])
    found = read_picture(path)
    np.testing.assert_array_equal(found.pixels, STORED)
    assert found.facts is not None and NotUsed.PROFILE in found.facts.not_used
    (told,) = facts_sentences([("a.dcm", found.facts.to_provenance())])
    assert "its colour profile (ICC) is damaged" in told
    # Greys have no colours.
    grey = dicom_file(tmp_path / "g.dcm", STORED[..., 0], ICCProfile=PROFILE)
    facts = read_picture(grey).facts
    assert (
        facts is not None and facts.not_used == () and COLOUR_PROFILE not in facts.said
    )


def test_the_profile_is_recorded(tmp_path: Path, tiny_weights: Path) -> None:
    path = dicom_file(tmp_path / "a.dcm", STORED, "RGB", ICCProfile=PROFILE)
    (outcome,) = segment_files([path], tmp_path / "out", tiny_weights, "cpu")
    assert outcome.error is None
    (record,) = (tmp_path / "out").glob("dicom-*.json")
    (result,) = load_results(record).segmentations
    assert result.provenance["file_facts"][COLOUR_PROFILE] == "test"


def test_numbers_of_a_mask_are_not_converted(tmp_path: Path) -> None:
    numbers = np.zeros((20, 30, 3), np.uint8)
    numbers[4:9, 5:20] = 100
    path = dicom_file(tmp_path / "m.dcm", numbers, "RGB", ICCProfile=PROFILE)
    with pytest.raises(RuleError, match=r"m\.dcm, but it is a DICOM image in colour"):
        read(path)
