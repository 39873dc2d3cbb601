"""Propose corrections by MedSAM, prompted with clicks as points or with a drawn box.

MedSAM was trained with boxes only. How well it follows points was not measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
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
        """JSON-ready facts: which MedSAM, and on which device.

        There is no margin among them, because no boxes are drawn around objects.
        """
        return {
            MEDSAM: {key: v for key, v in self._sam.facts.items() if key != "margin"}
        }

    @torch.inference_mode()
    def propose(self, mask: Mask, clicks: Sequence[Click]) -> Proposal:
        """Propose a mask; see `Corrector.propose`."""
        click, model = clicks[-1], self._sam.model
        side = model.config.vision_config.image_size
        scale = np.array([side / self.shape[1], side / self.shape[0]])
        logits = model(
            image_embeddings=self._seen,
            multimask_output=False,
            **self._prompt(clicks, scale),
        ).pred_masks[0]
        there = F.interpolate(torch.sigmoid(logits), self.shape, mode="bilinear")
        box = reach_box(click, self.reach, self.shape)
        return Proposal(box, (there[0, 0].cpu().numpy() >= THRESHOLD)[box])

    def _prompt(
        self, clicks: Sequence[Click], scale: NDArray[np.float64]
    ) -> dict[str, Tensor]:
        """The box of the last click, or all clicks on its class as points."""
        click, device = clicks[-1], self._sam.device
        if click.box is not None:
            top, left, bottom, right = click.box
            corners = np.array([(left, top), (right, bottom)]) * scale
            box = torch.tensor(corners.reshape(1, 1, 4), dtype=torch.float32)
            return {"input_boxes": box.to(device)}
        own = [one for one in clicks if one.class_number == click.class_number]
        points = np.array([(one.column + 0.5, one.row + 0.5) for one in own]) * scale
        at = torch.tensor(points[None, None], dtype=torch.float32, device=device)
        labels = torch.tensor([[[int(one.positive) for one in own]]], device=device)
        return {"input_points": at, "input_labels": labels}
