"""Of an array of three axes, what may be channels is named, and never read unasked."""

import numpy as np
import pytest

from napari_attnseg.axes import (
    AXIS_READING,
    AxisReading,
    ReadAs,
    describe_axes,
    doubtful_axes,
    possible_readings,
    read_array,
)
from napari_attnseg.errors import InputError
from napari_attnseg.preprocessing import to_rgb

FRAMES, COLOUR = ReadAs.FRAMES, ReadAs.COLOUR
GREY, GREY_ALPHA = ReadAs.GREY, ReadAs.GREY_ALPHA
UNNAMED = ("", "", "")


@pytest.mark.parametrize(
    ("shape", "names", "expected"),
    [
        # A stack without doubt.
        ((5, 64, 48), UNNAMED, []),
        ((1, 64, 48), UNNAMED, []),
        ((3, 64, 48), ("t", "y", "x"), []),
        ((4, 64, 48), ("Z", "Y", "X"), []),
        ((9, 64, 3), ("t", "y", "x"), []),
        ((9, 64, 3), ("", "", "x"), []),
        ((1, 64, 48), ("c", "y", "x"), []),
        # Channels first, or few frames.
        ((3, 64, 48), UNNAMED, [(0, 3, FRAMES), (0, 3, COLOUR)]),
        ((4, 64, 48), UNNAMED, [(0, 4, FRAMES), (0, 4, COLOUR)]),
        ((2, 64, 48), UNNAMED, [(0, 2, FRAMES), (0, 2, GREY_ALPHA)]),
        ((3, 64, 48), ("C", "Y", "X"), [(0, 3, FRAMES), (0, 3, COLOUR)]),
        ((7, 64, 48), ("c", "y", "x"), [(0, 7, FRAMES)]),
        # Channels last, or narrow frames.
        ((64, 48, 1), UNNAMED, [(2, 1, GREY)]),
        ((64, 48, 2), UNNAMED, [(0, 64, FRAMES), (2, 2, GREY_ALPHA)]),
        ((20, 20, 3), UNNAMED, [(0, 20, FRAMES), (2, 3, COLOUR)]),
        ((64, 48, 4), UNNAMED, [(0, 64, FRAMES), (2, 4, COLOUR)]),
        ((64, 48, 3), ("y", "x", "c"), [(0, 64, FRAMES), (2, 3, COLOUR)]),
        # Either.
        ((3, 64, 4), UNNAMED, [(0, 3, FRAMES), (0, 3, COLOUR), (2, 4, COLOUR)]),
    ],
)
def test_what_an_array_may_be(
    shape: tuple[int, ...],
    names: tuple[str, ...],
    expected: list[tuple[int, int, ReadAs]],
) -> None:
    found = possible_readings(shape, names)
    assert [(one.axis, one.length, one.read_as) for one in found] == expected


def test_the_axis_in_doubt_is_named() -> None:
    said = {
        shape: describe_axes(doubtful_axes(possible_readings(shape)))
        for shape in ((3, 64, 48), (64, 48, 2), (3, 64, 4))
    }
    assert said == {
        (3, 64, 48): "axis 0 (of length 3)",
        (64, 48, 2): "axis 2 (of length 2)",
        (3, 64, 4): "axis 0 (of length 3) and axis 2 (of length 4)",
    }


def test_channels_become_the_one_image_that_they_are() -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (6, 5, 3), np.uint8)
    first = np.moveaxis(rgb, -1, 0)
    np.testing.assert_array_equal(AxisReading(0, 3, COLOUR).image(first), rgb)
    np.testing.assert_array_equal(AxisReading(2, 3, COLOUR).image(rgb), rgb)
    np.testing.assert_array_equal(AxisReading(0, 3, FRAMES).image(first), first)
    grey = AxisReading(0, 2, GREY_ALPHA).image(first[:2])
    np.testing.assert_array_equal(grey, rgb[..., 0])
    alone = AxisReading(2, 1, GREY).image(rgb[..., 1:2])
    np.testing.assert_array_equal(alone, rgb[..., 1])


def test_a_recorded_reading_is_repeated() -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (6, 5, 3), np.uint8)
    first = np.moveaxis(rgb, -1, 0)
    run = {AXIS_READING: {"axis": 0, "length": 3, "read_as": "colour"}}
    assert AxisReading.from_dict(run[AXIS_READING]).to_dict() == run[AXIS_READING]
    np.testing.assert_array_equal(read_array(first, run), rgb)
    assert read_array(rgb, run) is rgb  # channels are last already
    assert read_array(first, {}) is first
    with pytest.raises(InputError, match="axis_reading"):
        read_array(first, {AXIS_READING: {"axis": 0, "read_as": "flavour"}})


def test_one_channel_behind_is_grey() -> None:
    grey = np.random.default_rng(0).integers(0, 255, (6, 9), np.uint8)
    expected = to_rgb(grey)[0]
    np.testing.assert_array_equal(to_rgb(grey[..., None])[0], expected)
    np.testing.assert_array_equal(to_rgb(grey[..., None], rgb=False)[0], expected)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((3, 64, 48), r"\(3, 64, 48\), whose axis 0 of length 3 .*moveaxis"),
        ((2, 64, 48), "axis 0 of length 2 may be channels or frames"),
        ((64, 48, 2), r"axis 2 has length 2; .*image\[\.\.\., 0\]"),
        ((1, 64, 48), r"is one frame; give that alone, image\[0\]"),
        ((64, 48, 5), "axis 2 of length 5 may be channels, or axis 0 of length 64"),
        ((5, 64, 48, 3), "which is 5 pages or frames in colour"),
        ((10, 64, 48), "axis 0 of length 10 comes before rows and columns"),
    ],
)
def test_what_is_no_image_is_refused_with_its_axis(
    shape: tuple[int, ...], words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        to_rgb(np.zeros(shape, np.uint8))
    assert str(caught.value).count(". ") == 0  # one sentence
