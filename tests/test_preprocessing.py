"""Any image array becomes RGB in [0, 1], or is refused in words."""

import numpy as np
import pytest

from napari_attnseg.errors import InputError
from napari_attnseg.preprocessing import to_rgb


@pytest.fixture
def colour() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def test_uint8_is_divided_by_255(colour: np.ndarray) -> None:
    rgb, note = to_rgb(colour)
    np.testing.assert_allclose(rgb, colour / 255, rtol=1e-6)
    assert rgb.dtype == np.float32 and "255" in str(note)


def test_alpha_is_dropped_and_grey_repeated(colour: np.ndarray) -> None:
    alpha = np.dstack([colour, np.zeros((6, 9), np.uint8)])
    np.testing.assert_array_equal(to_rgb(alpha)[0], to_rgb(colour)[0])
    grey = to_rgb(colour[..., 0])[0]
    assert grey.shape == (6, 9, 3)
    for channel in range(3):
        np.testing.assert_allclose(grey[..., channel], colour[..., 0] / 255, rtol=1e-6)


@pytest.mark.parametrize(
    "dtype", [np.uint16, np.int16, np.int32, np.uint32, np.float32, np.float64]
)
def test_other_ranges_are_stretched(dtype: type) -> None:
    values = (np.arange(12).reshape(3, 4) * 100 + 1000).astype(dtype)
    rgb, note = to_rgb(values)
    expected = np.arange(12).reshape(3, 4) / 11
    np.testing.assert_allclose(rgb[..., 0], expected, atol=1e-6)
    assert "1000" in str(note) and "2100" in str(note)


def test_unit_floats_and_bool_stay() -> None:
    values = np.array([[0.25, 0.5], [0.5, 0.3]])
    np.testing.assert_allclose(to_rgb(values)[0][..., 1], values)
    flags = np.array([[True, False], [False, False]])
    np.testing.assert_array_equal(to_rgb(flags)[0][..., 2], flags.astype(float))


def test_constant_image_does_not_divide_by_zero() -> None:
    rgb, note = to_rgb(np.full((4, 4), 700, np.uint16))
    assert np.all(rgb == 0) and "constant" in str(note)


def test_nan_in_a_dropped_alpha_channel_does_not_matter() -> None:
    image = np.full((4, 4, 4), 0.5)
    image[0, 0, 3] = np.nan
    assert np.all(to_rgb(image)[0] == 0.5)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((0, 5)), "0×5"),
        (np.zeros((1, 1)), "1×1"),
        (np.zeros((1, 9, 3)), "1×9"),
        (np.full((4, 4), np.nan), "16 values are NaN"),
        (np.array([[np.inf, 0.0], [0.0, 0.0]]), "1 values are NaN or inf"),
        (np.zeros((4, 4, 5)), r"\(4, 4, 5\)"),
        (np.zeros((2, 3, 4, 5)), r"\(2, 3, 4, 5\)"),
        (np.zeros(7), r"\(7,\)"),
        (np.zeros((4, 4), complex), "complex"),
        (np.array([["a", "b"], ["c", "d"]]), "<U1"),
    ],
)
def test_refused_in_words(image: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        to_rgb(image)


def test_rgb_flag_wins_over_the_shape() -> None:
    with pytest.raises(InputError, match="shape"):
        to_rgb(np.zeros((20, 20, 3)), rgb=False)
    with pytest.raises(InputError, match="shape"):
        to_rgb(np.zeros((20, 20)), rgb=True)
