"""Propose corrections by MedSAM, prompted with the clicks as points.

MedSAM was trained with boxes alone: how well it follows points was not measured here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_attnseg.corrections.clicks import Click
from napari_attnseg.corrections.reach import Reach, reach_box
from napari_attnseg.corrections.rules import Mask, Proposal
from napari_attnseg.masks import MEDSAM
from napari_attnseg.medsam import THRESHOLD, Medsam

#: How far a click may change the mask: part of the image's sides.
REACH = 1 / 4


class MedsamCorrector:
    """Corrector that proposes the output of MedSAM for all clicks on a class.

    Parameters
    ----------
    sam : Medsam
    seen : Tensor
        From `Medsam.encode` of the image.
    shape : (int, int)
        Rows and columns of the image.
    classes : int
        Number of classes, background not counted.
    """

    name = MEDSAM

    def __init__(
        self, sam: Medsam, seen: Tensor, shape: tuple[int, int], classes: int = 1
    ) -> None:
        self._sam, self._seen = sam, seen
        self.shape, self.classes = shape, classes
        self.reach = Reach(*(max(1.0, size * REACH) for size in shape))

    @property
    def facts(self) -> dict[str, Any]:
        """JSON-ready: which MedSAM, and on which device. No boxes: no margin."""
        return {
            MEDSAM: {key: v for key, v in self._sam.facts.items() if key != "margin"}
        }

    @torch.inference_mode()
    def propose(self, mask: Mask, clicks: Sequence[Click]) -> Proposal:
        """As `Corrector.propose`."""
        click, model = clicks[-1], self._sam.model
        own = [one for one in clicks if one.class_number == click.class_number]
        side = model.config.vision_config.image_size
        scale = np.array([side / self.shape[1], side / self.shape[0]])
        points = np.array([(one.column + 0.5, one.row + 0.5) for one in own]) * scale
        logits = model(
            image_embeddings=self._seen,
            input_points=torch.tensor(
                points[None, None], dtype=torch.float32, device=self._sam.device
            ),
            input_labels=torch.tensor(
                [[[int(one.positive) for one in own]]], device=self._sam.device
            ),
            multimask_output=False,
        ).pred_masks[0]
        there = F.interpolate(torch.sigmoid(logits), self.shape, mode="bilinear")
        box = reach_box(click, self.reach, self.shape)
        return Proposal(box, (there[0, 0].cpu().numpy() >= THRESHOLD)[box])
