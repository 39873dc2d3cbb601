"""Measured trust: which encoder's features give the smaller loss in each region.

tau(R) = L(psi_R = 0) - L(psi_R = 1) for a region R and the pixel loss L: above 0 the
CNN's features give the smaller loss there. A gate that means what it shows has a high
psi where tau is above 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_attnseg.explanations.interventions import Pairs
from napari_attnseg.ignored import known_pixels
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import STRIDES

#: Default number of regions per side.
REGIONS = 6


class Trust(NamedTuple):
    """Measured trust in the k×k regions of one gate, for N images.

    Attributes
    ----------
    tau : Tensor, shape (N, k, k)
        Measured trust; above 0 the CNN is better.
    psi : Tensor, shape (N, k, k), in [0, 1]
        The gate's own coefficients, as weight of the CNN, averaged over each region.
    """

    tau: Tensor
    psi: Tensor


def cells(size: tuple[int, int], k: int) -> Tensor:
    """Regions of a map: (R, 1, h, w) of 0 and 1, in a grid of at most k×k."""
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
    stride: int | None,
    k: int = REGIONS,
    batch: int = 9,
    temperature: float = 1.0,
) -> Trust:
    """Trust in k×k regions of the gate at one stride, or of all gates together.

    In every region, psi is forced to the transformer and then to the CNN. Regions that
    lie so far apart that a change in one cannot reach the pixels of another are decoded
    together, which gives the same numbers with fewer decodings.

    Parameters
    ----------
    network : SegmentationNetwork
        Network in eval mode.
    pairs : sequence of (Tensor, Tensor)
        From `SegmentationNetwork.align`, of N images.
    truth : Tensor, shape (N, classes, S, S)
        True masks, or the model's own masks if there are none. They are NaN at ignored
        pixels, which count for neither encoder.
    stride : int or None
        Stride of the gate: 4, 8, 16 or 32; None: all gates change together.
    k : int
        Regions per side; fewer where the map is smaller.
    batch : int
        Decodings at a time; 9 took less CPU time than 36 for the bundled model.
    temperature : float
        Temperature of the model card: logits are divided by it, as in inference. It can
        change the sign of trust, because it changes which errors weigh more in the
        loss.

    Raises
    ------
    InputError
        If a level does not have exactly one gate.
    """
    truth, known = known_pixels(truth)
    levels = range(len(STRIDES)) if stride is None else [STRIDES.index(stride)]
    fused, attention = network.fuse(pairs)
    weights = network.psi_of_cnn(attention)
    sizes = {level: tuple(fused[level].shape[-2:]) for level in levels}
    side = [min(k, *(size[axis] for size in sizes.values())) for axis in (0, 1)]
    trials = _trials(network, sizes, side, truth.shape[-1])
    # One mask per trial and level, together in memory once for all images.
    where = {
        level: torch.stack([trial.where[level] for trial in trials]).to(truth.device)
        for level in levels
    }
    taus = torch.zeros(len(truth), *side)
    for i in range(len(truth)):
        for start in range(0, len(trials), batch):
            some = trials[start : start + batch]
            losses = []
            for which in (1, 0):  # the transformer, then the CNN
                maps = [f[i].expand(len(some), *f[i].shape) for f in fused]
                for level in levels:
                    part = where[level][start : start + batch]
                    maps[level] = torch.lerp(maps[level], pairs[level][which][i], part)
                logits = network.logits(maps) / temperature
                loss = F.binary_cross_entropy_with_logits(
                    logits, truth[i].expand_as(logits), reduction="none"
                )
                if known is not None:
                    loss = loss * known[i]
                losses.append(loss.mean(1))
            for trial, gain in zip(some, (losses[0] - losses[1]).cpu(), strict=True):
                found = trial.owner_rows @ gain @ trial.owner_columns.T / gain.numel()
                taus[i][trial.rows][:, trial.columns] = found
    own = torch.stack([region_means(weights[STRIDES[level]], side) for level in levels])
    return Trust(taus, own.mean(0).cpu())


def region_means(psi: Tensor, side: Sequence[int]) -> Tensor:
    """Mean of maps (N, 1, h, w) over each of k×l regions: (N, k, l)."""
    rows, columns = (
        _bands(n, k).to(psi.device) for n, k in zip(psi.shape[-2:], side, strict=True)
    )
    total = torch.einsum("rh,nhw,cw->nrc", rows, psi[:, 0], columns)
    return total / (rows.sum(1)[:, None] * columns.sum(1))


class _Trial(NamedTuple):
    """Regions that are tried in one decoding.

    `rows`, `columns`: which of the k per axis; `where`: level → (1, h, w), 1 in these
    regions; `owner_rows`, `owner_columns`: (regions, S), 1 where a pixel of the output
    belongs to that region, being nearer to it than to another of this trial.
    """

    rows: slice
    columns: slice
    where: dict[int, Tensor]
    owner_rows: Tensor
    owner_columns: Tensor


def _trials(
    network: SegmentationNetwork,
    sizes: dict[int, tuple[int, ...]],
    side: list[int],
    out: int,
) -> list[_Trial]:
    # In pixels of the output, one more for the last resize.
    reach = max(network.decoder.reach(level, sizes[level][0], out) for level in sizes)
    axes = []
    for axis, k in enumerate(side):
        bands = {level: _bands(size[axis], k) for level, size in sizes.items()}
        step = max(_step(band, reach, out) for band in bands.values())
        axes.append(
            [
                (
                    slice(first, None, step),
                    {level: band[first::step].sum(0) for level, band in bands.items()},
                    _owners(bands[max(sizes)][first::step], out),
                )
                for first in range(step)
            ]
        )
    return [
        _Trial(
            rows,
            columns,
            {level: (high[level][:, None] * wide[level])[None] for level in sizes},
            owner_rows,
            owner_columns,
        )
        for rows, high, owner_rows in axes[0]
        for columns, wide, owner_columns in axes[1]
    ]


def _edges(bands: Tensor, out: int) -> tuple[Tensor, Tensor]:
    """First and last edge of each band, in pixels of an output of `out` pixels."""
    n = bands.shape[1]
    first = bands.argmax(1)
    return first * out / n, (first + bands.sum(1)) * out / n


def _step(bands: Tensor, reach: int, out: int) -> int:
    """Every how many bands are far enough apart not to touch each other's pixels."""
    start, end = _edges(bands, out)
    for step in range(1, len(bands)):
        if bool((start[step:] - end[:-step] >= 2 * reach).all()):
            return step
    return len(bands)


def _owners(bands: Tensor, out: int) -> Tensor:
    """(bands, out): 1 where an output pixel is nearest to that band."""
    start, end = _edges(bands, out)
    borders = (end[:-1] + start[1:]) / 2
    which = torch.bucketize(torch.arange(out) + 0.5, borders)
    return F.one_hot(which, len(bands)).T.float()
