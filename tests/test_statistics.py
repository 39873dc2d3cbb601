import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from napari_attnseg.statistics import (
    auroc,
    bootstrap_interval,
    mean_interval,
    partial_spearman,
    ranks,
    spearman,
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
    # The normal interval of a mean is the bootstrap's at this size.
    half = 1.96 * values.std(ddof=1) / 101**0.5
    assert found["high"] - 0.5 == pytest.approx(half, rel=0.05)
    assert 0.5 - found["low"] == pytest.approx(half, rel=0.05)
    assert all(np.isnan(value) for value in mean_interval([np.nan]).values())


def test_interval_resamples_whole_images() -> None:
    values = RNG.normal(3, 1, 100)
    found = bootstrap_interval(lambda i: float(values[i].mean()), 100)
    assert found["mean"] == pytest.approx(values.mean())
    half = 1.96 * values.std() / 10
    assert found["low"] == pytest.approx(values.mean() - half, abs=0.03)
    assert found["high"] == pytest.approx(values.mean() + half, abs=0.03)
