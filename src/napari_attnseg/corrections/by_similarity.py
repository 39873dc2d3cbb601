"""Propose corrections by similarity to the click, for weights without a click head.

The numbers were chosen on the 88 validation images of Kvasir-SEG, with the first
weights (docs/terms.md); with a wider reach or a higher gain, clicks made more masks
worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.corrections.clicks import Click
from napari_attnseg.corrections.grid import Grid, OnGrid, logits_now, logits_of
from napari_attnseg.corrections.rules import Mask, Proposal

#: Radius, as a part of the feature map's shorter side.
REACH = 1 / 6
#: Cosine similarity to the click from which on a cell gains anything.
LIKE = 0.7
#: Logits that a cell gains which is as similar to the click as the click itself.
GAIN = 8.0
#: Distance, in cells, within which features count as those at the click.
_NEAR = 1.5


class SimilarityCorrector(OnGrid):
    """Corrector that proposes by the similarity of features.

    Parameters
    ----------
    features : ndarray of float, shape (C, h, w)
        Features of the image.
    probability : ndarray, shape (classes, H, W), in [0, 1]
        The model's own probability.
    threshold : float
    """

    name = "feature_similarity"

    def __init__(
        self,
        features: NDArray[np.floating[Any]],
        probability: NDArray[np.floating[Any]],
        threshold: float,
    ) -> None:
        centred = features - features.mean(0)
        size = np.linalg.norm(centred, axis=0)
        self._unit = (centred / np.maximum(size, 1e-6)).astype(np.float32)
        self._probability, self._threshold = probability, threshold
        cells = features.shape[1], features.shape[2]
        shape = probability.shape[1], probability.shape[2]
        self.grid = Grid(shape, cells, max(2, round(min(cells) * REACH)))

    def propose(self, mask: Mask, clicks: Sequence[Click]) -> Proposal:
        """Propose a mask; see `Corrector.propose`."""
        click, grid = clicks[-1], self.grid
        sign = 1 if click.positive else -1
        at, radius = grid.cell(click), grid.radius
        steps = np.arange(-radius, radius + 1)
        rows = np.clip(at[0] + steps, 0, grid.cells[0] - 1)
        columns = np.clip(at[1] + steps, 0, grid.cells[1] - 1)
        seen = self._unit[:, rows[:, None], columns[None]]
        distance = np.hypot(steps[:, None], steps[None]) / radius
        mean = seen[:, distance * radius < _NEAR].mean(1)
        like = np.tensordot(mean / max(float(np.linalg.norm(mean)), 1e-6), seen, 1)
        score = np.clip((like - LIKE) / (1 - LIKE), 0, None)
        fall = np.clip(2 * (1 - distance), 0, 1)
        added = (GAIN * score * fall).astype(np.float32)
        box, change = grid.at_pixels(added, at, click)
        own = logits_of(self._probability[click.class_number - 1][box], self._threshold)
        now = logits_now(own, mask[box] == click.class_number)
        return Proposal(box, now + sign * change >= 0)
