"""Lesions that were found, missed and made up, and masks at other thresholds."""

import numpy as np
import pytest

from attnseg_training.evaluation.detection import Detection, detect, detection
from attnseg_training.evaluation.thresholds import (
    THRESHOLDS,
    counts_at,
    threshold_curve,
)
from napari_attnseg.metrics import confusion, dice

RNG = np.random.default_rng(0)


def boxes(*corners: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((60, 80), np.uint8)
    for top, bottom, left, right in corners:
        mask[top:bottom, left:right] = 1
    return mask


def test_a_lesion_is_found_by_one_region_that_covers_mostly_it() -> None:
    one, two = (5, 15, 5, 15), (30, 40, 30, 40)
    truth = boxes(one, two)
    assert detect(truth, truth) == Detection(2, 2, 2)
    assert detect(truth, boxes(one)) == Detection(2, 1, 1)
    assert detect(truth, boxes(one, (50, 55, 60, 70))) == Detection(2, 2, 1)
    # One region over both lesions finds neither: it does not tell them apart.
    assert detect(truth, boxes((5, 40, 5, 40))) == Detection(2, 1, 0)
    # IoU is 0.5 and not above, then just above.
    assert detect(truth, boxes((5, 10, 5, 15), two)) == Detection(2, 2, 1)
    assert detect(truth, boxes((5, 11, 5, 15), two)) == Detection(2, 2, 2)
    # Halves of one lesion are two regions, the larger of which may match.
    assert detect(boxes(one), boxes((5, 12, 5, 15), (13, 15, 5, 15))) == (1, 2, 1)
    # Corners touch: one lesion.
    assert detect(boxes((0, 5, 0, 5), (5, 9, 5, 9)), 0 * truth) == Detection(1, 0, 0)
    assert detect(0 * truth, truth) == Detection(0, 2, 0)


def test_recall_and_precision_are_of_all_lesions_and_their_intervals_of_images() -> (
    None
):
    # 12 lesions in 10 images, 9 of them found; 3 regions in vain, all in one image.
    images = [*[Detection(1, 1, 1)] * 6, Detection(3, 3, 3), *[Detection(1, 0, 0)] * 3]
    images[0] = Detection(1, 4, 1)
    found = detection(images)
    assert (found["lesions"], found["regions"], found["matched"]) == (12, 12, 9)
    assert found["recall"]["mean"] == pytest.approx(9 / 12)
    assert found["precision"]["mean"] == pytest.approx(9 / 12)
    assert found["false_positives_per_image"]["mean"] == pytest.approx(0.3)
    for name in ("recall", "precision", "false_positives_per_image"):
        assert found[name]["low"] < found[name]["mean"] < found[name]["high"]
    empty = detection([Detection(0, 1, 0)] * 3)
    assert np.isnan(empty["recall"]["mean"]) and empty["precision"]["mean"] == 0


def test_the_curve_is_the_metric_of_the_mask_at_each_threshold() -> None:
    truths = [boxes((5, 25, 5, 25)), boxes((10, 50, 30, 70)), boxes()]
    noise = RNG.random((3, 60, 80)).astype(np.float32)
    maps = [np.float32(0.4) * t + np.float32(0.6) * n for t, n in zip(truths, noise)]
    maps[0][0, 0] = np.float32(0.3)  # a probability that equals a threshold
    counts = [counts_at(t, p) for t, p in zip(truths, maps)]
    for truth, probability, found in zip(truths, maps, counts):
        for threshold, one in zip(THRESHOLDS, found):
            mask = probability >= np.float32(threshold)
            assert one == confusion(truth, mask)
    curve = threshold_curve(counts)
    assert "validation images only" in curve["note"]
    assert [at["threshold"] for at in curve["at"]] == list(THRESHOLDS)
    middle = next(at for at in curve["at"] if at["threshold"] == 0.5)
    expected = np.mean([dice(t, p >= 0.5) for t, p in zip(truths, maps)])
    assert middle["dice"]["mean"] == pytest.approx(expected)
