from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr, ttest_1samp

from napari_attnseg.rank_statistics import auroc, partial_spearman, ranks, spearman
from napari_attnseg.statistics import (
    ENOUGH,
    UNIT,
    Comparison,
    IntervalMethod,
    calibration_interval,
    enough,
    jackknife_interval,
    mean_interval,
    mean_p,
    too_few_words,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "values",
    [
        RNG.random(200),
        RNG.integers(0, 5, (20, 7)),
        RNG.random(50) < 0.3,
        np.array([]),
        np.array([0.0, -0.0, np.inf, -np.inf, 1e-300]),
        np.array([1.0, np.nan, 0.0, np.nan]),
        RNG.random(64).astype(np.float32),
    ],
)
def test_ranks_are_scipys_to_the_last_digit(values: np.ndarray) -> None:
    np.testing.assert_array_equal(ranks(values), rankdata(np.ravel(values)))


def test_auroc_is_the_share_of_rightly_ordered_pairs() -> None:
    score = RNG.integers(0, 5, 60)
    label = RNG.random(60) < 0.4
    pairs = score[label][:, None] - score[~label][None]
    assert auroc(score, label) == pytest.approx(
        ((pairs > 0) + 0.5 * (pairs == 0)).mean()
    )
    assert np.isnan(auroc(score, np.ones(60, bool)))


def test_spearman_is_scipys_and_undefined_for_a_constant() -> None:
    a, b = RNG.integers(0, 9, 50), RNG.random(50)
    assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert np.isnan(spearman(np.full(50, 0.3), b))


def test_partial_correlation_takes_a_common_cause_out() -> None:
    cause = RNG.random(2000)
    a, b = cause + RNG.random(2000) / 5, cause + RNG.random(2000) / 5
    assert spearman(a, b) > 0.8
    assert abs(partial_spearman(a, b, [cause])) < 0.15


def test_interval_of_a_mean_leaves_out_what_is_undefined() -> None:
    values = np.linspace(0, 1, 101)
    found = mean_interval([*values, np.nan])
    assert found["mean"] == pytest.approx(0.5)
    assert found["sd"] == pytest.approx(values.std(ddof=1))
    assert (found["n"], found["enough"]) == (101, True)
    assert found["method"] == IntervalMethod.SKEWNESS_CORRECTED_T
    # At this size nearly the normal interval of a mean.
    half = 1.96 * values.std(ddof=1) / 101**0.5
    assert found["high"] - 0.5 == pytest.approx(half, rel=0.05)
    assert 0.5 - found["low"] == pytest.approx(half, rel=0.05)
    nothing = mean_interval([np.nan])
    assert all(np.isnan(nothing[key]) for key in ("mean", "sd", "low", "high"))
    assert (nothing["n"], nothing["enough"]) == (0, False)
    # Of one image nothing says how far the mean may be off; equal ones are certain.
    one = mean_interval([0.7])
    assert one["mean"] == 0.7 and np.isnan([one["low"], one["high"]]).all()
    same = mean_interval([0.7] * 30)
    assert same["low"] == same["high"] == pytest.approx(0.7)


def dice_like(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Most images near 1, a long tail below; the mean is 6 / 6.7."""
    return rng.beta(6, 0.7, size)


def dice_and_failures(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A fifth of the images fails; the mean is 0.2 · 0.35 + 0.8 · 20 / 21.5."""
    good, bad = rng.beta(20, 1.5, size), rng.uniform(0, 0.7, size)
    return np.where(rng.random(size) < 0.2, bad, good)


def change_of_few(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A difference of two models without effect: most images change by nothing."""
    return np.where(rng.random(size) < 0.5, 0, rng.normal(size=size))


def heavy_tails(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    return rng.standard_t(3, size)


@pytest.mark.parametrize("n", [20, 24, 88])
@pytest.mark.parametrize(
    ("draw", "true"),
    [
        (dice_like, 6 / 6.7),
        (dice_and_failures, 0.07 + 0.8 * 20 / 21.5),
        (change_of_few, 0),
        (heavy_tails, 0),
    ],
)
def test_95_percent_intervals_of_means_cover_93_and_more(
    draw: Callable[[np.random.Generator, tuple[int, int]], np.ndarray],
    true: float,
    n: int,
) -> None:
    rng = np.random.default_rng(0)
    within = UNIT if true else (-np.inf, np.inf)
    found = [mean_interval(values, within) for values in draw(rng, (1000, n))]
    covered = np.mean([one["low"] <= true <= one["high"] for one in found])
    assert 0.93 <= covered < 0.985
    if true:  # of Dice
        assert all(one["low"] >= 0 and one["high"] <= 1 for one in found)


def test_intervals_of_what_is_no_mean_leave_out_whole_images() -> None:
    values = RNG.gamma(2, 1, 100)
    found = jackknife_interval(lambda i: float(values[i].mean()), 100)
    assert found["method"] == IntervalMethod.JACKKNIFE_T
    # Of a mean it is the interval of the mean.
    expected = mean_interval(values)
    for key in ("mean", "low", "high", "n", "enough"):
        assert found[key] == pytest.approx(expected[key])
    # Without its only lesion a recall is not defined, so nothing is known of its error.
    lesions = np.array([0, 1, 0])
    alone = jackknife_interval(
        lambda i: 1.0 if lesions[i].any() else float("nan"), 3, UNIT
    )
    assert alone["mean"] == 1 and np.isnan([alone["low"], alone["high"]]).all()


def test_intervals_of_an_auroc_of_regions_cover_93_and_more() -> None:
    rng = np.random.default_rng(1)

    def regions(n: int) -> tuple[np.ndarray, np.ndarray]:
        """Score and label of 16 regions of each image; both depend on the image."""
        own = rng.normal(size=(n, 1))
        score = own + rng.normal(size=(n, 16))
        label = score + 0.5 * own + 2 * rng.normal(size=(n, 16)) > 0.5
        return score, label

    true = auroc(*regions(20_000))
    covered = []
    for _ in range(400):
        score, label = regions(20)
        found = jackknife_interval(
            lambda i, score=score, label=label: auroc(score[i], label[i]), 20, UNIT
        )
        covered.append(found["low"] <= true <= found["high"])
    assert 0.93 <= np.mean(covered) < 0.99


@pytest.mark.parametrize("tilt", [0, 0.1, 0.4])
def test_the_interval_of_the_calibration_error_is_not_raised_by_noise(
    tilt: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    probability = (np.arange(10) + 0.5) / 10
    true = tilt * np.abs(probability - 0.5).mean()
    monkeypatch.setattr("napari_attnseg.statistics.RESAMPLES", 300)
    covered, found = [], []
    for _ in range(100):
        # Images are too bright or too dark as a whole, and in each bin.
        noise = rng.normal(0, 0.15, (20, 1)) + rng.normal(0, 0.15, (20, 10))
        truth = probability - tilt * (probability - 0.5) + noise
        bins = np.stack([np.ones((20, 10)), 0 * truth + probability, truth], -1)
        found.append(calibration_interval(100 * bins))
        # To the last digit of a report: at 0 all may be taken away.
        covered.append(found[-1]["low"] - 5e-4 <= true <= found[-1]["high"] + 5e-4)
    assert np.mean(covered) >= 0.93
    mean = np.mean([one["mean"] for one in found])
    bias = np.mean([one["bias"] for one in found])
    if not tilt:  # all of it is noise
        assert mean > 0.02 and bias > mean / 3
        assert np.mean([one["low"] == 0 for one in found]) > 0.9
    assert abs(mean - bias - true) < abs(mean - true)
    assert found[0]["method"] == IntervalMethod.BIAS_CORRECTED_BOOTSTRAP


def test_below_twenty_images_there_is_no_verdict() -> None:
    assert ENOUGH == 20 and enough(20) and not enough(19)
    assert too_few_words(20) == "" and "19 images are too few" in too_few_words(19)
    better = np.linspace(0.1, 0.2, 20)
    assert Comparison.of(mean_interval(better)) is Comparison.SECOND_HIGHER
    assert Comparison.of(mean_interval(-better)) is Comparison.FIRST_HIGHER
    assert Comparison.of(mean_interval(better - 0.15)) is Comparison.NOT_SHOWN
    assert Comparison.of(mean_interval(better[:19])) is Comparison.TOO_FEW
    # What is undefined does not count.
    assert Comparison.of(mean_interval([*better[:19], np.nan])) is Comparison.TOO_FEW


def test_p_of_a_mean_is_that_of_the_t_test() -> None:
    change = RNG.normal(0.3, 1, 25)
    assert mean_p([*change, np.nan]) == pytest.approx(ttest_1samp(change, 0).pvalue)
    assert mean_p(np.zeros(5)) == mean_p([np.nan]) == mean_p([0.3]) == 1
