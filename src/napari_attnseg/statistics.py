"""Rank statistics of maps. NaN where a statistic is undefined; numpy and scipy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
#: Bootstrap resamples of a mean, and of any other statistic.
MEAN_RESAMPLES, RESAMPLES = 10_000, 1_000


def auroc(score: ArrayLike, label: ArrayLike) -> float:
    """Area under the ROC curve: P(score of a positive > score of a negative).

    Ties count one half; 0.5 is chance. NaN if `label` has one value only.
    """
    positive = np.ravel(label).astype(bool)
    n, total = int(positive.sum()), positive.size
    if n in (0, total):
        return float("nan")
    ranked = ranks(score)
    return float((ranked[positive].sum() - n * (n + 1) / 2) / (n * (total - n)))


def spearman(a: ArrayLike, b: ArrayLike) -> float:
    """Rank correlation in [-1, 1]; NaN if either is constant."""
    return partial_spearman(a, b, ())


def partial_spearman(a: ArrayLike, b: ArrayLike, others: Sequence[ArrayLike]) -> float:
    """Rank correlation of `a` and `b` with what `others` explain taken out of both.

    The ranks are regressed linearly on the ranks of `others`; their residuals are
    correlated.
    """
    x, y = ranks(a), ranks(b)
    design = np.stack([np.ones_like(x), *(ranks(o) for o in others)], 1)
    both = np.stack([x, y], 1)
    x, y = (both - design @ np.linalg.lstsq(design, both, rcond=None)[0]).T
    norm = np.linalg.norm(x) * np.linalg.norm(y)
    # Residuals of a constant are rounding errors, not a pattern.
    return float(x @ y / norm) if norm > 1e-6 * x.size else float("nan")


def mean_interval(values: ArrayLike, seed: int = 0) -> dict[str, float]:
    """``mean``, sample ``sd`` and 95 % percentile interval of the mean; NaN left out.

    By `MEAN_RESAMPLES` bootstrap resamples. Without any defined value all are NaN.
    """
    given = np.asarray(values, dtype=float)
    defined = given[np.isfinite(given)]
    if not len(defined):
        return dict.fromkeys(("mean", "sd", "low", "high"), float("nan"))
    low, high = np.percentile(_resampled_means(defined, seed), [2.5, 97.5])
    return {
        "mean": float(defined.mean()),
        "sd": float(defined.std(ddof=1)) if len(defined) > 1 else 0.0,
        "low": float(low),
        "high": float(high),
    }


def bootstrap_p(differences: ArrayLike, seed: int = 0) -> float:
    """Two-sided p of a mean difference of 0, by the resamples of `mean_interval`.

    Twice the share of resampled means on the other side of 0, at least
    2 / `MEAN_RESAMPLES`; 1 if nothing differs. NaN left out.
    """
    given = np.asarray(differences, dtype=float)
    defined = given[np.isfinite(given)]
    if not len(defined) or not defined.any():
        return 1.0
    means = _resampled_means(defined, seed)
    share = min((means <= 0).mean(), (means >= 0).mean())
    return float(min(1.0, 2 * max(share, 1 / MEAN_RESAMPLES)))


def _resampled_means(values: Floats, seed: int) -> Floats:
    """Means of `MEAN_RESAMPLES` bootstrap resamples of (n,) values."""
    drawn = np.random.default_rng(seed).integers(
        len(values), size=(MEAN_RESAMPLES, len(values))
    )
    means: Floats = values[drawn].mean(1)
    return means


def bootstrap_interval(
    statistic: Callable[[NDArray[np.intp]], float], n: int, seed: int = 0
) -> dict[str, float]:
    """``mean`` (the statistic itself), ``low``, ``high``: 95 % percentile interval.

    For what is no mean over images; slower than `mean_interval`.

    Parameters
    ----------
    statistic : callable
        Of an array of image indices, some of them repeated.
    n : int
        Number of images; whole images are resampled, because regions of one image are
        not independent.
    seed : int
        Of the draw of `RESAMPLES` resamples.
    """
    rng = np.random.default_rng(seed)
    found = np.array([statistic(rng.integers(n, size=n)) for _ in range(RESAMPLES)])
    found = found[np.isfinite(found)]
    low, high = np.percentile(found, [2.5, 97.5]) if found.size else (np.nan, np.nan)
    value = statistic(np.arange(n))
    return {"mean": float(value), "low": float(low), "high": float(high)}


def ranks(values: ArrayLike) -> Floats:
    """Rank all values, from 1; ties get their mean rank. All NaN if one is NaN.

    The same numbers as ``scipy.stats.rankdata``, which takes ten times as long for the
    few hundred values of a bootstrap resample, and half a second to import.
    """
    flat = np.ravel(values)
    found: Floats = np.full(flat.size, np.nan)
    if np.isnan(flat).any():
        return found
    order = flat.argsort()
    rising = flat[order]
    # Where each group of equal values ends, behind its last one.
    ends = np.append(np.flatnonzero(rising[1:] != rising[:-1]) + 1, flat.size)
    counts = np.diff(ends, prepend=0)
    found[order] = np.repeat(ends - (counts - 1) / 2, counts)
    return found
