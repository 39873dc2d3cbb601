"""Masks by rules."""

import numpy as np
import pytest

from napari_attnseg.masks import MaskMaker, MaskRules, MaskSize, make_mask, measure


@pytest.fixture
def probability() -> np.ndarray:
    """A ring with a hole, a smaller square, a single pixel."""
    p = np.zeros((1, 40, 60), np.float32)
    p[0, 5:25, 5:25] = 0.9
    p[0, 12:16, 12:16] = 0.1
    p[0, 30:36, 40:46] = 0.6
    p[0, 2, 55] = 0.7
    return p


def test_the_threshold_itself_belongs_to_the_mask(probability: np.ndarray) -> None:
    p = np.full((1, 2, 2), 0.5, np.float32)
    assert make_mask(p, MaskRules(0.5)).all()
    assert not make_mask(p, MaskRules(0.51)).any()


def test_clean_up(probability: np.ndarray) -> None:
    ring, square = 400 - 16, 36
    assert measure(make_mask(probability, MaskRules())) == (ring + square + 1, 3)
    assert measure(make_mask(probability, MaskRules(0.65))) == (ring + 1, 2)
    found = make_mask(probability, MaskRules(min_size=2))
    assert measure(found) == (ring + square, 2)
    assert measure(make_mask(probability, MaskRules(largest=True))) == (ring, 1)
    filled = make_mask(probability, MaskRules(fill_holes=True, largest=True))
    assert measure(filled) == (400, 1)


def test_a_bay_that_is_open_to_the_edge_is_no_hole() -> None:
    p = np.zeros((1, 10, 10), np.float32)
    p[0, :, :] = 1
    p[0, 4:6, :5] = 0
    assert not make_mask(p, MaskRules(fill_holes=True))[4, 0]
    p[0, 4:6, 0] = 1
    assert make_mask(p, MaskRules(fill_holes=True)).all()


def test_smoothing_removes_what_is_small(probability: np.ndarray) -> None:
    found = make_mask(probability, MaskRules(smoothing=2))
    assert not found[2, 55] and found[6, 15]
    maker = MaskMaker(probability)
    maker(MaskRules())
    assert np.array_equal(maker(MaskRules(smoothing=2)), found)
    assert np.array_equal(maker(MaskRules()), make_mask(probability, MaskRules()))


def test_several_classes() -> None:
    p = np.zeros((2, 6, 12), np.float32)
    p[0, :, :6], p[1, :, 6:] = 0.9, 0.8
    p[1, 2:4, 2:4] = 0.95
    found = make_mask(p, MaskRules())
    assert (found[:, 6:] == 2).all() and (found[2:4, 2:4] == 2).all()
    assert measure(found) == (72, 3)
    # What another class holds is no hole of this one.
    assert np.array_equal(make_mask(p, MaskRules(fill_holes=True)), found)
    assert measure(make_mask(p, MaskRules(largest=True))) == (68, 2)


def test_nothing_found() -> None:
    empty = np.zeros((1, 8, 8), np.float32)
    rules = MaskRules(fill_holes=True, largest=True, min_size=3)
    assert measure(make_mask(empty, rules)) == MaskSize(0, 0)
