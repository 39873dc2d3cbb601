"""Propose corrections by a click head, from features that are computed once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from napari_attnseg.corrections.clicks import Click
from napari_attnseg.corrections.grid import Grid, OnGrid, logits_now, logits_of
from napari_attnseg.corrections.rules import Mask, Proposal
from napari_attnseg.models.click_head import SPREAD, ClickHead


def around(maps: Tensor, at: tuple[int, int], radius: int) -> Tensor:
    """Cut the cells around one cell out of maps; 0 beyond their edges.

    Parameters
    ----------
    maps : Tensor, shape (N, C, h, w)
    at : (int, int)
        Row and column of the middle cell.
    radius : int
        Number of cells on each side of it.

    Returns
    -------
    Tensor, shape (N, C, side, side)
        ``side`` is ``2 * radius + 1``.
    """
    row, column = at
    height, width = maps.shape[-2:]
    top, left = max(row - radius, 0), max(column - radius, 0)
    bottom, right = min(row + radius + 1, height), min(column + radius + 1, width)
    missing = (
        left - (column - radius),
        column + radius + 1 - right,
        top - (row - radius),
        row + radius + 1 - bottom,
    )
    return F.pad(maps[..., top:bottom, left:right], missing)


class HeadCorrector(OnGrid):
    """Corrector that proposes the output of a click head.

    Parameters
    ----------
    head : ClickHead
        Click head in eval mode.
    features : Tensor, shape (1, C, h, w)
        Features of the image, on the head's device.
    probability : ndarray, shape (classes, H, W), in [0, 1]
        The model's own probability.
    threshold : float
    """

    name = "click_head"

    def __init__(
        self,
        head: ClickHead,
        features: Tensor,
        probability: NDArray[np.floating[Any]],
        threshold: float,
    ) -> None:
        self._head = head
        with torch.inference_mode():
            self._embedded = head.embed(features.float())
        self._probability, self._threshold = probability, threshold
        height, width = features.shape[-2:]
        shape = probability.shape[1], probability.shape[2]
        self.grid = Grid(shape, (height, width), head.spec.reach)

    @torch.inference_mode()
    def propose(self, mask: Mask, clicks: Sequence[Click]) -> Proposal:
        """Propose a mask; see `Corrector.propose`."""
        click = clicks[-1]
        sign = 1 if click.positive else -1
        at = self.grid.cell(click)
        own = self._probability[click.class_number - 1]
        maps = head_maps(self._head, self.grid, mask, clicks, own, self._threshold).to(
            self._embedded.device
        )
        seen = around(self._embedded, at, self.grid.radius)
        added = self._head(seen, maps)[0, 0].cpu().numpy()
        box, change = self.grid.at_pixels(added, at, click)
        inside = mask[box] == click.class_number
        now = logits_now(logits_of(own[box], self._threshold), inside)
        return Proposal(box, now + sign * change >= 0)


def head_maps(
    head: ClickHead,
    grid: Grid,
    mask: Mask,
    clicks: Sequence[Click],
    own: NDArray[np.floating[Any]],
    threshold: float,
) -> Tensor:
    """Compute the maps (1, `MAPS`, side, side) that the head gets besides features.

    Parameters
    ----------
    head : ClickHead
    grid : Grid
    mask : ndarray of uint8, shape (H, W)
        Mask before the last click.
    clicks : sequence of Click
    own : ndarray, shape (H, W)
        The model's probability of the class of the last click.
    threshold : float
    """
    click = clicks[-1]
    at = grid.cell(click)
    value = click.class_number
    logits = logits_of(grid.cell_means(own, at), threshold)
    share = grid.cell_means(mask, at, value)
    earlier = [one for one in clicks[:-1] if one.class_number == value]
    same = [one for one in earlier if one.positive == click.positive]
    other = [one for one in earlier if one.positive != click.positive]
    arrays = (
        logits,
        logits_now(logits, share),
        share,
        grid.clicks_near(same, at, SPREAD),
        grid.clicks_near(other, at, SPREAD),
        grid.inside(at),
    )
    device = head.window.device
    one, two, three, four, five, six = (
        torch.from_numpy(a)[None].to(device) for a in arrays
    )
    positive = torch.tensor([float(click.positive)], device=device)
    return head.click_maps(one, two, three, four, five, six, positive)
