"""DICOM whose pixels contradict the bits or the sign that its header says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import attnseg
from medical_files import dicom_file, dicom_set
from PIL import Image
from typer.testing import CliRunner

from attnseg_training.cli import app
from napari_attnseg._widgets.layers import file_reader
from napari_attnseg.errors import InputError
from napari_attnseg.io.readers import open_frames
from napari_attnseg.io.readers.facts import Assumed

Y, X = np.mgrid[:64, :80]
DISC = (Y - 30) ** 2 + (X - 35) ** 2 < 300
#: A disc on a ramp, with noise, from 30 to 225.
GREY = 36 + 2 * X + 30 * DISC + np.random.default_rng(0).integers(-6, 7, X.shape)
#: The same as numbers of a CT, from -700 to 900.
HU = GREY * 8 - 950
TWELVE = {"BitsStored": 12, "HighBit": 11}
UNCLEAR = "pixels of 12 bits, as the header says .* use more, and it is not clear"


def stored(values: Any) -> Any:
    return np.asarray(values).astype(np.uint16)


def read(path: Path, words: Any, *args: Any, **more: Any) -> tuple[Any, bool]:
    """Values of the one frame, and whether all bits are said to be read."""
    file = dicom_file(path / "a.dcm", words, *args, **more)
    with open_frames(file) as frames:
        return frames[0], Assumed.ALL_BITS in frames.facts.assumed


def bits(count: int) -> dict[str, int]:
    return {"BitsStored": count, "HighBit": count - 1}


@pytest.mark.parametrize(
    ("scale", "said"), [(257, 12), (256, 12), (24, 12), (20, 10), (200, 14), (256, 8)]
)
def test_of_an_image_with_more_bits_all_are_read(
    tmp_path: Path, scale: int, said: int
) -> None:
    found, told = read(tmp_path, stored(GREY * scale), **bits(said))
    np.testing.assert_array_equal(found, GREY * scale)
    assert told


def test_all_bits_of_colours_and_of_inverted_values(tmp_path: Path) -> None:
    found, told = read(tmp_path, stored(GREY * 257), "MONOCHROME1", **TWELVE)
    np.testing.assert_array_equal(found, 65535 - GREY * 257)
    colours = stored(np.stack([GREY, GREY // 2, 255 - GREY], -1) * 257)
    shown, said = read(tmp_path, colours, "RGB", **TWELVE)
    np.testing.assert_array_equal(shown, colours >> 8)
    assert told and said


def test_of_frames_some_of_which_are_dark(tmp_path: Path) -> None:
    film = stored(np.stack([GREY, GREY * 257, GREY * 15]))
    file = dicom_file(tmp_path / "a.dcm", film, "MONOCHROME1", **TWELVE)
    with open_frames(file) as frames:
        for one, expected in zip(frames, film, strict=True):
            np.testing.assert_array_equal(one, 65535 - expected)


def test_frames_that_are_read_differently_are_refused(tmp_path: Path) -> None:
    film = np.repeat(stored(GREY * 15)[None], 40, 0)
    film[1] = stored(GREY * 257)  # is not looked at when the file is opened
    file = dicom_file(tmp_path / "a.dcm", film, **TWELVE)
    with open_frames(file) as frames:
        np.testing.assert_array_equal(frames[0], film[0])
        with pytest.raises(InputError, match=UNCLEAR):
            frames[1]


@pytest.mark.parametrize(
    "beyond",
    [
        0x1000 * DISC,
        0x1000 * (GREY > 120),  # an overlay that follows what is seen
        0x8000 * (Y % 16 == 0) + 0x1000 * ((Y < 20) & (X < 40)),
        0x7000 * (np.random.default_rng(0).random(GREY.shape) < 0.5),
        0x4000 * (np.random.default_rng(0).random(GREY.shape) < 0.01),
    ],
)
def test_drawings_and_noise_in_further_bits_are_left_out(
    tmp_path: Path, beyond: Any
) -> None:
    found, told = read(tmp_path, stored(GREY * 15 + beyond), **TWELVE)
    np.testing.assert_array_equal(found, GREY * 15)
    assert not told


def test_an_overlay_may_follow_a_sharp_edge(tmp_path: Path) -> None:
    values = GREY * 8 + 1500 * DISC
    found, told = read(tmp_path, stored(values + 0x1000 * DISC), **TWELVE)
    np.testing.assert_array_equal(found, values)
    assert not told


def test_signs_that_are_not_extended(tmp_path: Path) -> None:
    for words in (HU.astype(np.int16), HU.astype(np.int16) & 0xFFF):
        found, told = read(tmp_path, words, **TWELVE)
        np.testing.assert_array_equal(found, HU)
        assert not told


def test_marks_and_padding_are_not_values(tmp_path: Path) -> None:
    marks = (Y < 10) & (X < 30)
    found, told = read(tmp_path, stored(np.where(marks, 65535, GREY * 15)), **TWELVE)
    np.testing.assert_array_equal(found, np.where(marks, 4095, GREY * 15))
    padded = stored(np.where(marks, 63536, GREY * 15))
    filled, said = read(tmp_path, padded, PixelPaddingValue=63536, **TWELVE)
    least = (GREY * 15)[~marks].min()
    np.testing.assert_array_equal(filled, np.where(marks, least, GREY * 15))
    assert not told and not said
    with pytest.raises(InputError, match=UNCLEAR):
        read(tmp_path, padded, **TWELVE)
    outside = np.where(marks, -2000, HU).astype(np.int16)
    found, _ = read(tmp_path, outside, PixelPaddingValue=-2000, **TWELVE)
    np.testing.assert_array_equal(found, np.where(marks, HU[~marks].min(), HU))


def test_random_bits_are_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 2**16, GREY.shape)
    with pytest.raises(InputError, match=UNCLEAR):
        read(tmp_path, stored(noise), **TWELVE)


def test_an_overlay_below_a_dark_value(tmp_path: Path) -> None:
    dark = GREY // 16
    data = dicom_set(stored(dark * 16 + DISC), BitsStored=12, HighBit=15)
    data.add_new((0x6000, 0x0102), "US", 0)
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with open_frames(tmp_path / "a.dcm") as frames:
        np.testing.assert_array_equal(frames[0], dark)


@pytest.mark.parametrize("sign", [np.uint16, np.int16])
def test_bits_of_overlays_that_the_header_names(tmp_path: Path, sign: Any) -> None:
    """Even in noise, where neighbours tell nothing."""
    noise = np.random.default_rng(0).integers(0, 4096, GREY.shape)
    noise = noise if sign is np.uint16 else noise - 2048
    words = (noise ^ 0x2000 * DISC ^ 0x8000 * (X > 60)).astype(sign)
    data = dicom_set(words, **TWELVE)
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(InputError, match=UNCLEAR), open_frames(tmp_path / "a.dcm"):
        pass
    for group, place in ((0x6000, 13), (0x6002, 15)):
        data.add_new((group, 0x0100), "US", 16)
        data.add_new((group, 0x0102), "US", place)
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with open_frames(tmp_path / "a.dcm") as frames:
        np.testing.assert_array_equal(frames[0], noise)
        assert Assumed.ALL_BITS not in frames.facts.assumed


def test_a_value_in_the_upper_bits(tmp_path: Path) -> None:
    high = {"BitsStored": 12, "HighBit": 15}
    low = np.random.default_rng(0).integers(0, 16, GREY.shape)  # an overlay, or noise
    for words, expected in (
        (stored(GREY * 256), GREY * 16),
        (stored(GREY * 256 + low), GREY * 16),
        (stored(GREY + low) // 16 * 16, (GREY + low) // 16),  # dark
        ((HU * 16).astype(np.int16), HU),
    ):
        found, told = read(tmp_path, words, **high)
        np.testing.assert_array_equal(found, expected)
        assert not told
    said = "upper 12 of 16 bits, as the header says .HighBit.* set HighBit to 11"
    with pytest.raises(InputError, match=said):
        read(tmp_path, stored(GREY * 15), **high)
    # A HighBit below BitsStored is an old one.
    found, _ = read(tmp_path, stored(GREY * 257), HighBit=11)
    np.testing.assert_array_equal(found, GREY * 257)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (stored(HU), 16),
        (stored(HU), 12),
        (stored(HU) & 0xFFF, 12),
        (stored(HU) & 0x3FFF, 14),
        (stored(HU // 4) & 0x3FF, 10),
    ],
)
def test_signed_numbers_that_are_called_unsigned(
    tmp_path: Path, words: Any, said: int
) -> None:
    with pytest.raises(InputError, match="have wrapped around, as signed ones do; set"):
        read(tmp_path, words, RescaleIntercept=-1024, **bits(said))


def test_unsigned_numbers_that_are_called_signed(tmp_path: Path) -> None:
    said = "have wrapped around, as unsigned ones do; set PixelRepresentation to 0"
    with pytest.raises(InputError, match=said):
        read(tmp_path, stored(GREY * 257).view(np.int16))
    with pytest.raises(InputError, match=said):
        read(tmp_path, stored(GREY * 257).view(np.int16), **TWELVE)
    found, told = read(tmp_path, (GREY * 16).astype(np.int16), **TWELVE)
    np.testing.assert_array_equal(found, GREY * 16)
    assert told


#: Air, tissue and bone, noisy, as a scanner stores them.
CT = np.where(DISC, 1900, np.where(X > 10, 40, -1000))
CT = CT + np.random.default_rng(0).normal(0, 12, CT.shape).astype(int)


@pytest.mark.parametrize(
    "values",
    [
        CT.astype(np.int16),
        stored(CT + 1100),
        stored(np.clip((GREY - 90) * 80, 0, 4095)),  # saturated at both ends
        stored(np.where(DISC, 4095, GREY // 16)),  # white letters on black
        stored(np.random.default_rng(0).integers(0, 4096, GREY.shape)),
        stored(4095 * DISC),
    ],
)
def test_other_images_are_read_as_they_are(tmp_path: Path, values: Any) -> None:
    for more in (TWELVE, {}):
        found, told = read(tmp_path, values, **more)
        np.testing.assert_array_equal(found, values)
        assert not told


def test_images_of_8_bits_are_as_they_are(tmp_path: Path) -> None:
    padding = {"PixelPaddingValue": -2000}  # 48, if only 8 bits are compared
    for values, more in (
        (GREY.astype(np.uint8), {}),
        ((GREY - 128).astype(np.int8), padding),
        (np.where(DISC, 255, 0).astype(np.uint8), {}),
    ):
        found, told = read(tmp_path, values, **more)
        np.testing.assert_array_equal(found, values)
        assert not told


def test_commands_and_napari_say_it(
    tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = dicom_file(tmp_path / "in" / "all.dcm", stored(GREY * 257), **TWELVE)
    wrong = dicom_file(tmp_path / "in" / "wrong.dcm", stored(HU), **TWELVE)
    out = tmp_path / "out"
    for command in (["segment"], ["explain", "--method", "gate"]):
        where = ["--out", out / command[0], "--weights", tiny_weights]
        done = attnseg(*command, right, wrong, *where)
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode == 1, said
        assert "and all bits were read: correct BitsStored" in said
        assert "set PixelRepresentation to 1" in said
    told: list[str] = []
    monkeypatch.setattr(file_reader, "show_warning", told.append)
    (layer,) = file_reader.read_files(str(right))
    np.testing.assert_array_equal(layer.data, GREY * 257)
    assert len(told) == 1 and "all bits were read" in told[0]
    with pytest.raises(InputError, match="set PixelRepresentation to 1"):
        file_reader.read_files(str(wrong))


def test_check_names_the_image(tmp_path: Path) -> None:
    for i in range(6):
        words = np.roll(HU, i, 1)
        kept = words if i == 3 else words + 1100
        dicom_file(tmp_path / "images" / f"a{i}.dcm", stored(kept), **TWELVE)
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(np.roll(DISC, i, 1)).save(tmp_path / "masks" / f"a{i}.png")
    done = CliRunner().invoke(app, ["check", str(tmp_path)])
    said = " ".join(done.stdout.split())
    assert done.exit_code == 1 and "set PixelRepresentation to 1" in said, said
    assert "a3.dcm cannot be used: Expected unsigned numbers" in said
    for i in range(6):
        kept = stored(np.roll(GREY * 257, i, 1))
        dicom_file(tmp_path / "images" / f"a{i}.dcm", kept, **TWELVE)
    said = " ".join(CliRunner().invoke(app, ["check", str(tmp_path)]).stdout.split())
    assert "'a0' (and of 5 more) have more bits than its header says" in said, said
