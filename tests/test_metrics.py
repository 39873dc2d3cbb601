"""Overlap metrics against numbers worked out by hand."""

import math

import numpy as np
import pytest

from napari_attnseg.metrics import PAPER_SMOOTH, Confusion, confusion, dice, scores


def test_by_hand() -> None:
    truth = np.array([[1, 1, 1, 0], [0, 0, 0, 0]])
    mask = np.array([[0, 255, 255, 255], [255, 0, 0, 0]])
    counts = confusion(truth, mask)
    assert counts == Confusion(tp=2, fp=2, fn=1, tn=3)
    found = scores(counts)
    assert found["dice"] == pytest.approx(4 / 7) == pytest.approx(dice(truth, mask))
    assert found["iou"] == pytest.approx(2 / 5)
    assert found["precision"] == pytest.approx(1 / 2)
    assert found["recall"] == pytest.approx(2 / 3)
    assert found["accuracy"] == pytest.approx(5 / 8)


def test_empty_masks() -> None:
    empty, some = np.zeros((2, 2)), np.array([[1, 0], [0, 0]])
    both = scores(confusion(empty, empty))
    assert both["dice"] == both["iou"] == 1
    assert math.isnan(both["precision"]) and math.isnan(both["recall"])
    missed = scores(confusion(some, empty))
    assert missed["dice"] == missed["recall"] == 0
    assert math.isnan(missed["precision"])
    # The released code of the paper counts an empty prediction as fully precise.
    published = scores(confusion(some, empty), PAPER_SMOOTH)
    assert published["precision"] == 1
    assert published["recall"] == pytest.approx(1e-6, rel=1e-3)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        confusion(np.zeros((2, 2)), np.zeros((2, 3)))
