"""Measured trust: which encoder's features really are better here, by trying both.

tau(R) = L(psi_R = 0) - L(psi_R = 1) for a region R and the pixel loss L: above 0 the
CNN's features give the smaller loss there. A gate that means what it shows has a high
psi where tau is above 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from torch import Tensor

from napari_attnseg.explanations.interventions import Pairs
from napari_attnseg.explanations.statistics import auroc, spearman
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import STRIDES

#: Regions per side, where nothing else is asked for.
REGIONS = 6


class Trust(NamedTuple):
    """Of the k×k regions of one gate, for N images.

    Attributes
    ----------
    tau : Tensor, shape (N, k, k)
        Measured trust; above 0 the CNN is better.
    psi : Tensor, shape (N, k, k), in [0, 1]
        The gate's own coefficients, averaged over each region.
    """

    tau: Tensor
    psi: Tensor


def cells(size: tuple[int, int], k: int) -> Tensor:
    """Regions of a map: (R, 1, h, w) of 0 and 1, a grid of k×k or of what fits."""
    rows, columns = (_bands(n, min(k, n)) for n in size)
    grid = rows[:, None, :, None] * columns[None, :, None, :]
    return grid.reshape(-1, 1, *size)


def _bands(n: int, k: int) -> Tensor:
    which = ((torch.arange(n) + 0.5) * k / n).long()
    return F.one_hot(which, k).T.float()


@torch.no_grad()
def measured_trust(
    network: SegmentationNetwork,
    pairs: Pairs,
    truth: Tensor,
    stride: int,
    k: int = REGIONS,
    batch: int = 9,
) -> Trust:
    """Trust in k×k regions of the gate at one stride; two decodings per region.

    Parameters
    ----------
    network : SegmentationNetwork
        In eval mode.
    pairs : sequence of (Tensor, Tensor)
        From `SegmentationNetwork.align`, of N images.
    truth : Tensor, shape (N, classes, S, S)
        True masks, or the model's own where there are none.
    stride : int
        Which gate: 4, 8, 16 or 32.
    k : int
        Regions per side; fewer where the map is smaller.
    batch : int
        Decodings at a time; 9 took less CPU time than 36 for the bundled model.
    """
    level = STRIDES.index(stride)
    fused, attention = network.fuse(pairs)
    size = fused[level].shape[-2:]
    regions = cells((size[0], size[1]), k).to(truth.device)
    side = min(k, size[0]), min(k, size[1])
    taus, psis = [], []
    for i in range(len(truth)):
        losses = []
        for side_map in (pairs[level][1][i], pairs[level][0][i]):  # psi 0, psi 1
            found = []
            for part in torch.split(regions, batch):
                maps = [f[i].expand(len(part), *f[i].shape) for f in fused]
                maps[level] = torch.lerp(maps[level], side_map, part)
                logits = network.logits(maps)
                loss = F.binary_cross_entropy_with_logits(
                    logits, truth[i].expand_as(logits), reduction="none"
                )
                found.append(loss.mean((1, 2, 3)))
            losses.append(torch.cat(found))
        taus.append((losses[0] - losses[1]).view(side))
        own = (attention[stride][i] * regions).sum((1, 2, 3)) / regions.sum((1, 2, 3))
        psis.append(own.view(side))
    return Trust(torch.stack(taus), torch.stack(psis))


def agreement(
    psi: NDArray[np.floating], tau: NDArray[np.floating]
) -> tuple[float, float]:
    """Gate–causal agreement over regions of any number of images.

    Returns
    -------
    float
        Spearman correlation of psi and tau, over all regions.
    float
        AUROC of psi for the sign of tau, on the half of the regions with the larger
        tau, signs aside: where the choice makes little difference its sign is noise.
        NaN where that half has one sign only.
    """
    psi, tau = np.ravel(psi), np.ravel(tau)
    clear = np.abs(tau) >= np.median(np.abs(tau))
    return spearman(psi, tau), auroc(psi[clear], tau[clear] > 0)


@dataclass(frozen=True, slots=True, eq=False)
class TrustCalibration:
    """How often the CNN was measured to be better, by psi (isotonic regression).

    Attributes
    ----------
    psi : ndarray, shape (m,), rising
        Where psi was seen.
    frequency : ndarray, shape (m,), in [0, 1], not falling
        Share of regions with that psi in which the CNN was the better one.
    """

    psi: NDArray[np.float64]
    frequency: NDArray[np.float64]

    @classmethod
    def fit(
        cls, psi: NDArray[np.floating], tau: NDArray[np.floating], knots: int = 33
    ) -> TrustCalibration:
        """From regions with known tau; kept as at most `knots` points."""
        order = np.argsort(np.ravel(psi), kind="stable")
        x = np.ravel(psi)[order].astype(float)
        y = isotonic_regression((np.ravel(tau)[order] > 0).astype(float)).x
        at = np.unique(np.linspace(0, len(x) - 1, min(knots, len(x))).astype(int))
        return cls(x[at], y[at])

    def __call__(self, psi: NDArray[np.floating]) -> NDArray[np.float64]:
        """Frequency with which the CNN was measured better, for psi of any shape."""
        return np.asarray(np.interp(psi, self.psi, self.frequency))


def reliability(
    psi: NDArray[np.floating], tau: NDArray[np.floating], bins: int = 10
) -> list[dict[str, float]]:
    """Bins of equal width over psi: ``psi`` (mean), ``cnn_better`` (share), ``n``."""
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
