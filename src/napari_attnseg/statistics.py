"""Intervals and verdicts. NaN where a statistic is undefined; numpy and scipy.

How the intervals were chosen: for 20 skewed values (distributed like Dice over images),
percentile and BCa bootstrap intervals of the mean contained the true mean in 90 to 92 %
of the draws, and the t interval in 92 %. Corrected for skewness (Hall 1992), the t
interval contains it in 94 to 95 %. For symmetric values with heavy tails, the
correction lowers the coverage. Therefore each end is the outer one of the corrected and
the plain t interval. ``tests/test_statistics.py`` measures the coverage.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
#: ``mean``, ``low``, ``high``, ``n``, ``method`` (an `IntervalMethod`) and ``enough``
#: (whether there are `ENOUGH` images for a verdict); of a mean also ``sd``.
Interval = dict[str, Any]
#: Below this number of images there is no verdict: no interval of fewer skewed values
#: can be relied on.
ENOUGH = 20
#: Both ends of the range that a statistic may have.
Range = tuple[float, float]
UNLIMITED: Range = (-np.inf, np.inf)
UNIT: Range = (0.0, 1.0)


class IntervalMethod(StrEnum):
    """Method of a 95 % interval."""

    #: Of a mean over images: t interval, each end moved out by Hall's correction for
    #: skewness where that is further out.
    SKEWNESS_CORRECTED_T = "skewness_corrected_t"
    #: Of another statistic of all images: the same with the pseudo-values of a
    #: jackknife that leaves one image out at a time, with all of its regions.
    JACKKNIFE_T = "jackknife_t"
    #: Of Cohen's kappa: 1.96 times its large-sample standard error.
    LARGE_SAMPLE = "large_sample"
    #: Of the expected calibration error: bootstrap over images, corrected for bias.
    BIAS_CORRECTED_BOOTSTRAP = "bias_corrected_bootstrap"
    #: Not over images but over random draws: their 2.5th and 97.5th percentile.
    PERCENTILES_OF_DRAWS = "percentiles_of_draws"


def enough(n: int) -> bool:
    """Whether `n` images are enough for a verdict."""
    return n >= ENOUGH


def too_few_words(n: int) -> str:
    """Say that `n` images are too few for a verdict; empty if they are enough."""
    if enough(n):
        return ""
    return f"{n} images are too few for a verdict, at least {ENOUGH} are needed"


class Comparison(StrEnum):
    """Conclusion from the paired difference of a metric between two models."""

    SECOND_HIGHER = "second_higher"
    FIRST_HIGHER = "first_higher"
    NOT_SHOWN = "not_shown"
    #: Both are defined in fewer than `ENOUGH` images.
    TOO_FEW = "too_few"

    @classmethod
    def of(cls, difference: Interval) -> Comparison:
        """Verdict on the difference, second model minus first."""
        if not enough(difference["n"]):
            return cls.TOO_FEW
        if difference["low"] > 0:
            return cls.SECOND_HIGHER
        return cls.FIRST_HIGHER if difference["high"] < 0 else cls.NOT_SHOWN


#: Bootstrap resamples of images.
RESAMPLES = 1_000


def mean_interval(values: ArrayLike, within: Range = UNLIMITED) -> Interval:
    """``mean``, sample ``sd`` and 95 % interval of the mean; NaN is left out.

    The method is `IntervalMethod.SKEWNESS_CORRECTED_T`. Without any defined value all
    numbers are NaN. With a single value only the ends are NaN, because its error is
    unknown.

    Parameters
    ----------
    values : array_like
        Values, one per image.
    within : (float, float)
        Lowest and highest possible mean; the interval is clipped to them.
    """
    given = np.ravel(np.asarray(values, dtype=float))
    defined = given[np.isfinite(given)]
    n = len(defined)
    mean = float(defined.mean()) if n else float("nan")
    sd = float(defined.std(ddof=1)) if n > 1 else 0.0 if n else float("nan")
    low, high = _around(mean, defined, within)
    ends = {"low": low, "high": high}
    method = IntervalMethod.SKEWNESS_CORRECTED_T
    return {"mean": mean, "sd": sd, **ends, **_basis(n, method)}


def _basis(n: int, method: IntervalMethod) -> Interval:
    """On how many images an interval rests, and how it was computed."""
    return {"n": n, "method": str(method), "enough": enough(n)}


def _around(centre: float, values: Floats, within: Range = UNLIMITED) -> Range:
    """95 % interval around `centre`, the mean of (n,) values or of pseudo-values."""
    n = len(values)
    if n < 2 or not np.isfinite(values).all():
        return (float("nan"), float("nan"))
    off = values - values.mean()
    spread = float(off.std())
    # Equal values differ by rounding errors.
    if spread <= 1e-12 * max(1.0, abs(centre)):
        return (float(np.clip(centre, *within)),) * 2
    # Imported late, for the time that a start takes.
    from scipy.special import stdtrit

    t = float(stdtrit(n - 1, 0.975))
    skewness = float((off**3).mean()) / spread**3 / n**0.5
    below, above = (_corrected(end, skewness) for end in (t, -t))
    error = spread / (n - 1) ** 0.5  # of the mean
    ends = centre - error * max(t, below), centre - error * min(-t, above)
    low, high = np.clip(ends, *within)
    return float(low), float(high)


def _corrected(t: float, skewness: float) -> float:
    """Inverse of Hall's cubic transformation; `skewness` is divided by sqrt(n)."""
    shifted = t - skewness / 6
    if abs(skewness) < 1e-6:
        return shifted
    return float((np.cbrt(1 + skewness * shifted) - 1) / (skewness / 3))


def mean_p(differences: ArrayLike) -> float:
    """Two-sided p of a mean difference of 0, by the paired t test; NaN is left out.

    The result is 1 if all differences are 0, or if there are fewer than two.
    """
    given = np.ravel(np.asarray(differences, dtype=float))
    defined = given[np.isfinite(given)]
    n = len(defined)
    if n < 2 or not defined.any():
        return 1.0
    error = defined.std(ddof=1) / n**0.5
    if not error:
        return 0.0
    from scipy.special import stdtr

    return float(2 * stdtr(n - 1, -abs(defined.mean() / error)))


def jackknife_interval(
    statistic: Callable[[NDArray[np.intp]], float],
    n: int,
    within: Range = UNLIMITED,
) -> Interval:
    """``mean`` (the statistic itself) and its 95 % interval over images.

    The method, `IntervalMethod.JACKKNIFE_T`, is for statistics that are not means over
    images, such as AUROC and ratios of sums. Whole images are left out in turn, because
    regions of one image are not independent. The ends are NaN if the statistic is
    undefined when some image is left out.

    Parameters
    ----------
    statistic : callable
        Function of an array of image indices.
    n : int
        Number of images.
    within : (float, float)
        Lowest and highest possible value; the interval is clipped to them.
    """
    everything = np.arange(n)
    value = float(statistic(everything))
    without = (
        [float(statistic(np.delete(everything, i))) for i in range(n)]
        if (n > 1 and np.isfinite(value))
        else []
    )
    pseudo = n * value - (n - 1) * np.array(without)
    low, high = _around(value, pseudo, within)
    ends = {"low": low, "high": high}
    return {"mean": value, **ends, **_basis(n, IntervalMethod.JACKKNIFE_T)}


def calibration_interval(bins: Floats, seed: int = 0) -> Interval:
    """Expected calibration error of all pixels together, and its 95 % interval.

    ``mean`` is the error as it is commonly computed. Noise in the bins makes it too
    large. ``bias`` estimates this increase, and the interval is corrected for it
    (`IntervalMethod.BIAS_CORRECTED_BOOTSTRAP`), so that ``mean`` may lie above the
    interval. Bins are resampled with their images. The increase depends on the true
    error of each bin. The increase is computed twice, with the measured errors as true
    errors, and with errors that noise alone may explain set to 0; the interval covers
    both results.

    Parameters
    ----------
    bins : ndarray, shape (images, bins, 3)
        Pixels, sum of their probabilities, sum of their truth.
    seed : int
        Seed of the resamples.
    """
    n = len(bins)
    found: Interval = {
        **dict.fromkeys(("mean", "low", "high", "bias"), float("nan")),
        **_basis(n, IntervalMethod.BIAS_CORRECTED_BOOTSTRAP),
    }
    pixels = bins[..., 0].sum(1)
    if not pixels.any():
        return found
    signed = bins[..., 1] - bins[..., 2]
    own = signed.sum(0) / pixels.sum()
    value = float(np.abs(own).sum())
    found["mean"] = value
    if n < 2:
        return found
    from scipy.special import ndtr, stdtrit

    rng = np.random.default_rng(seed)
    weight = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(float)
    total = weight @ pixels
    weight, total = weight[total > 0], total[total > 0]
    noise = weight @ signed / total[:, None] - own
    size = noise.std(0)
    # A resample varies less than a sample: the ends lie further out, as those of t.
    level = float(ndtr(-((n / (n - 1)) ** 0.5) * stdtrit(n - 1, 0.975)))

    def raised(true: Floats) -> Floats:
        return np.asarray(np.abs(true + noise).sum(1) - np.abs(true).sum())

    clear = np.where(np.abs(own) > 1.96 * size, own, 0.0)
    quantiles = [np.quantile(raised(true), (level, 1 - level)) for true in (own, clear)]
    least, most = min(q[0] for q in quantiles), max(q[1] for q in quantiles)
    shrunk = np.sign(own) * np.sqrt((own**2 - size**2).clip(0))
    found["low"], found["high"] = (
        float(np.clip(value - end, 0, 1)) for end in (most, least)
    )
    found["bias"] = float(raised(shrunk).mean())
    return found
