"""The colours of gate maps tell psi apart for every kind of colour vision."""

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from numpy.typing import NDArray
from skimage.color import rgb2lab

from napari_attnseg.colormaps import (
    GAINED_COLOUR,
    GATE_MAPS,
    KEPT_COLOUR,
    LOST_COLOUR,
    MASK_COLOURS,
    OBJECT_COLOUR,
    READER_BOTH_COLOUR,
    READER_CNN_COLOUR,
    READER_TRANSFORMER_COLOUR,
    SELECTED_COLOUR,
    SIGNED_HIGH,
    SIGNED_LOW,
)

#: Linear RGB as it is seen without red, green or blue cones (G. M. Machado et al. 2009,
#: severity 1), and without any (luminance).
VISIONS = {
    "all": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
    "none": np.tile([0.2126, 0.7152, 0.0722], (3, 1)),
}


def lab(colour: str, vision: str = "all") -> NDArray[np.float64]:
    """CIE L*a*b* of a colour as it is seen."""
    value = np.array(to_rgb(colour))
    linear = np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
    seen = np.clip(VISIONS[vision] @ linear, 0, 1)
    again = np.where(seen > 0.0031308, 1.055 * seen ** (1 / 2.4) - 0.055, 12.92 * seen)
    return np.asarray(rgb2lab(again))


def apart(one: str, other: str, vision: str) -> float:
    return float(np.linalg.norm(lab(one, vision) - lab(other, vision)))


@pytest.mark.parametrize("name", GATE_MAPS)
@pytest.mark.parametrize("vision", ["all", "protanopia", "deuteranopia", "tritanopia"])
def test_psi_is_told_apart(name: str, vision: str) -> None:
    colours = [colour for _, colour in GATE_MAPS[name].stops]
    for i, one in enumerate(colours):
        for other in colours[i + 1 :]:
            assert apart(one, other, vision) > 15
    assert apart(colours[0], colours[-1], vision) > 40


@pytest.mark.parametrize("name", GATE_MAPS)
def test_neither_end_looks_like_more_unless_that_is_the_point(name: str) -> None:
    lightness = [lab(colour)[0] for _, colour in GATE_MAPS[name].stops]
    if name == list(GATE_MAPS)[-1]:
        grey = [lab(colour, "none")[0] for _, colour in GATE_MAPS[name].stops]
        assert np.all(np.diff(grey) > 10)
    else:
        assert abs(lightness[0] - lightness[-1]) < 10
        assert np.argmax(lightness) == 2


def test_a_what_if_is_not_taken_for_a_gate() -> None:
    for colours in GATE_MAPS.values():
        for _, colour in colours.stops:
            for changed in (GAINED_COLOUR, LOST_COLOUR):
                assert apart(colour, changed, "all") > 20


@pytest.mark.parametrize("vision", VISIONS)
def test_a_kept_outline_is_not_the_models(vision: str) -> None:
    readers = (READER_BOTH_COLOUR, READER_CNN_COLOUR, READER_TRANSFORMER_COLOUR)
    for colour in (*MASK_COLOURS.values(), *readers):
        assert apart(colour, KEPT_COLOUR, vision) > 8


@pytest.mark.parametrize("vision", VISIONS)
def test_objects_are_not_taken_for_a_mask(vision: str) -> None:
    for colour in (*MASK_COLOURS.values(), SELECTED_COLOUR):
        assert apart(colour, OBJECT_COLOUR, vision) > 8


def test_mask_colours_are_no_change() -> None:
    for colour in MASK_COLOURS.values():
        for changed in (GAINED_COLOUR, LOST_COLOUR):
            assert apart(colour, changed, "all") > 30


#: A mucous membrane in light and shadow, blood, a pale polyp, glare.
TISSUE = (
    *("#5a2418", "#d07030", "#e8a080", "#b03020"),
    *("#2a1510", "#c86450", "#f0e0c8", "#fff8f0"),
)


@pytest.mark.parametrize("vision", [name for name in VISIONS if name != "none"])
def test_maps_around_0_are_seen_on_tissue(vision: str) -> None:
    for _, colour in (SIGNED_LOW, SIGNED_HIGH):
        for tissue in TISSUE:
            mixed = 0.75 * np.array(to_rgb(colour)) + 0.25 * np.array(to_rgb(tissue))
            assert apart(to_hex(mixed), tissue, vision) > 15, (colour, tissue)
    assert apart(SIGNED_LOW[1], SIGNED_HIGH[1], vision) > 60


def test_maps_around_0_are_told_apart_in_grey() -> None:
    assert apart(SIGNED_LOW[1], SIGNED_HIGH[1], "none") > 40
