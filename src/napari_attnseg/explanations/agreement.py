"""Agreement of gate maps with measured trust, and calibration of psi by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.rank_statistics import auroc, spearman

#: Number of groups of regions with a like mean of the model's own mask.
GROUPS = 10


def agreement(
    psi: NDArray[np.floating], tau: NDArray[np.floating]
) -> tuple[float, float]:
    """Agreement of psi with measured trust tau, over regions of any number of images.

    Returns
    -------
    float
        Spearman correlation of psi and tau, over all regions.
    float
        `sign_agreement`.
    """
    return spearman(psi, tau), sign_agreement(psi, tau)


def sign_agreement(psi: NDArray[np.floating], tau: NDArray[np.floating]) -> float:
    """AUROC of psi for the sign of tau, on the half of the regions with the larger tau.

    Regions are compared by the absolute value of tau, because the sign of a small tau
    is noise. NaN if that half has only one sign.
    """
    clear = _clear(tau)
    return auroc(np.ravel(psi)[clear], np.ravel(tau)[clear] > 0)


def _clear(tau: NDArray[np.floating]) -> NDArray[np.intp]:
    size = np.abs(np.ravel(tau))
    return np.flatnonzero(size >= np.median(size))


def sign_agreement_alike(
    psi: NDArray[np.floating],
    tau: NDArray[np.floating],
    mask: NDArray[np.floating],
) -> float:
    """`sign_agreement` among regions with similar values of `mask`.

    If one encoder is better in lesions and the other elsewhere, a gate that draws the
    lesion agrees with trust, but it says nothing that the mask does not say. This
    measure is near chance for such a gate. Regions are sorted by `mask` and divided
    into `GROUPS` groups of equal size, and only pairs within a group are compared.

    Parameters
    ----------
    psi, tau, mask : ndarray of one shape
        Values of regions; `mask` is the mean of the model's own probability.
    """
    psi, tau, mask = np.ravel(psi), np.ravel(tau), np.ravel(mask)
    clear = _clear(tau)
    by_mask = clear[np.argsort(mask[clear], kind="stable")]
    right = pairs = 0.0
    for group in np.array_split(by_mask, GROUPS):
        positive = tau[group] > 0
        n = float(positive.sum() * (~positive).sum())
        if n:
            right += n * auroc(psi[group], positive)
            pairs += n
    return right / pairs if pairs else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class TrustCalibration:
    """Measured frequency with which the CNN is better, as a function of psi.

    Attributes
    ----------
    psi : ndarray, shape (m,), rising
        Values of psi.
    frequency : ndarray, shape (m,), in [0, 1], not falling
        Fraction of regions with that psi in which the CNN was better, by isotonic
        regression.
    """

    psi: NDArray[np.float64]
    frequency: NDArray[np.float64]

    @classmethod
    def fit(
        cls, psi: NDArray[np.floating], tau: NDArray[np.floating], knots: int = 33
    ) -> TrustCalibration:
        """Fit to regions with known tau, and keep at most `knots` points.

        Each point is the mean of equally many regions, so that no single region decides
        an end of the curve.
        """
        # Imported late, for the time that a start takes.
        from scipy.optimize import isotonic_regression

        flat = np.ravel(psi).astype(float)
        order = np.argsort(flat, kind="stable")
        x = flat[order]
        # Equal psi has one share, in whatever order its regions come.
        _, which, n = np.unique(flat, return_inverse=True, return_counts=True)
        share = np.bincount(which, np.ravel(tau) > 0) / n
        y = isotonic_regression(share, weights=n).x[which][order]
        parts = np.array_split(np.arange(len(x)), min(knots, len(x)))
        return cls(
            np.array([x[part].mean() for part in parts]),
            np.array([y[part].mean() for part in parts]),
        )

    def __call__(self, psi: NDArray[np.floating]) -> NDArray[np.float64]:
        """Frequency with which the CNN was measured better, for psi of any shape."""
        return np.asarray(np.interp(psi, self.psi, self.frequency))


def reliability(
    psi: NDArray[np.floating], tau: NDArray[np.floating], bins: int = 10
) -> list[dict[str, float]]:
    """Bins of equal width over psi: mean ``psi``, frequency ``cnn_better``, ``n``."""
    psi, better = np.ravel(psi), np.ravel(tau) > 0
    which = np.clip((psi * bins).astype(int), 0, bins - 1)
    return [
        {
            "psi": float(psi[which == b].mean()),
            "cnn_better": float(better[which == b].mean()),
            "n": int((which == b).sum()),
        }
        for b in range(bins)
        if (which == b).any()
    ]
