"""Whether an image is like those that a model was measured on, by its features.

The distance is a Mahalanobis distance with a regularised covariance: the main axes of
the measured images' features have their own variances, and all other directions share
one variance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """Distribution of the features of the measured images.

    Attributes
    ----------
    centre : ndarray, shape (d,)
        Mean.
    axes : ndarray, shape (k, d)
        Main axes, orthonormal.
    variance : ndarray, shape (k,)
        Variance along each main axis.
    rest : float
        Variance along any other direction.
    limit : float
        Distance beyond which an image is unlike them.
    """

    centre: NDArray[np.float64]
    axes: NDArray[np.float64]
    variance: NDArray[np.float64]
    rest: float
    limit: float = 1.0

    @classmethod
    def fit(cls, features: Floats, axes: int) -> Likeness:
        """Fit to features (n, d), along at most `axes` axes, with limit 1."""
        x = np.asarray(features, dtype=float)
        n, d = x.shape
        centre = x.mean(0)
        _, size, directions = np.linalg.svd(x - centre, full_matrices=False)
        variance = size**2 / max(n - 1, 1)
        k = min(axes, n // 2, d)
        # The small variances of few images are too small: they share one.
        left = variance[k:]
        rest = float(left.sum() / max(min(n - 1, d) - k, 1)) if left.size else 0.0
        floor = max(rest, 1e-6 * float(variance.sum()), 1e-12)
        return cls(centre, directions[:k], np.maximum(variance[:k], floor), floor)

    def distance(self, features: Floats) -> float:
        """Mahalanobis distance of features (d,), per dimension (root mean square)."""
        off = np.asarray(features, dtype=float) - self.centre
        along = self.axes @ off
        across = max(float(off @ off) - float(along @ along), 0.0)
        squared = float((along**2 / self.variance).sum()) + across / self.rest
        return float(np.sqrt(squared / len(off)))

    def unlikeness(self, features: Floats) -> float:
        """Distance in units of `limit`; above 1 the image is unlike those measured."""
        return self.distance(features) / self.limit

    def limited(self, limit: float) -> Likeness:
        """Return a copy with another limit."""
        return replace(self, limit=limit)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form; numbers have four digits, which keeps the card small."""
        return {
            "centre": _digits(self.centre),
            "axes": [_digits(axis) for axis in self.axes],
            "variance": _digits(self.variance),
            "rest": float(f"{self.rest:.6g}"),
            "limit": float(f"{self.limit:.6g}"),
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Likeness:
        """Inverse of `to_json`."""
        centre, axes, variance = (
            np.array(facts[name], dtype=float)
            for name in ("centre", "axes", "variance")
        )
        axes = axes.reshape(len(variance), len(centre))
        return cls(centre, axes, variance, float(facts["rest"]), float(facts["limit"]))


def _digits(values: Floats) -> list[float]:
    return [float(f"{value:.4g}") for value in values]
