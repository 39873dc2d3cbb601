"""The click head: features, mask and clicks around a click → a change of logits.

Like RITM and FocalClick, it is trained with simulated clicks. Unlike them, it sees only
the surroundings of the last click, so that one click takes milliseconds.

References
----------
K. Sofiiuk, I. Petrov, A. Konushin, Reviving iterative training with mask guidance for
interactive segmentation, ICIP 2022. X. Chen et al., FocalClick: towards practical
interactive image segmentation, CVPR 2022.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Maps beside the features: own logit, logit now, mask now, two distances to the
#: click, earlier clicks of the same and of the other kind, the kind, inside the image.
MAPS = 9
#: Logits are seen within these bounds.
LIMIT = 6.0
#: Standard deviation, in cells, of what an earlier click looks like.
SPREAD = 2.0


@dataclass(frozen=True, slots=True)
class ClickHeadSpec:
    """Architecture of a click head.

    Attributes
    ----------
    features : int
        Channels of the features per cell.
    embedding : int
        Number of channels to which features are projected, once per image.
    width : int
        Channels of the convolutions.
    dilations : tuple of int
        Dilations of the 3×3 convolutions, in sequence.
    reach : int
        Radius, in cells of the feature map, outside of which a click changes nothing.
    """

    features: int
    embedding: int = 24
    width: int = 40
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1)
    reach: int = 16

    @property
    def side(self) -> int:
        """Cells per side of the window around a click."""
        return 2 * self.reach + 1

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ClickHeadSpec:
        """Inverse of `to_json`."""
        return cls(**{**values, "dilations": tuple(values["dilations"])})


class ClickHead(nn.Module):
    """Network that computes a change of the logits around a click.

    Parameters
    ----------
    spec : ClickHeadSpec
    """

    window: Tensor
    distance: Tensor

    def __init__(self, spec: ClickHeadSpec) -> None:
        super().__init__()
        self.spec = spec
        self.stem = nn.Conv2d(spec.features, spec.embedding, 1)
        channels = 2 * spec.embedding + MAPS
        layers: list[nn.Module] = []
        for dilation in spec.dilations:
            layers += [
                nn.Conv2d(channels, spec.width, 3, padding=dilation, dilation=dilation),
                nn.ReLU(),
            ]
            channels = spec.width
        self.body = nn.Sequential(*layers)
        self.out = nn.Conv2d(channels, 1, 1)
        assert self.out.bias is not None
        nn.init.constant_(self.out.bias, -2.0)
        steps = torch.arange(-spec.reach, spec.reach + 1, dtype=torch.float32)
        distance = (steps[:, None] ** 2 + steps[None] ** 2).sqrt()
        # 1 up to half of the reach, then falling smoothly to 0 at the reach.
        fall = ((1 - distance / spec.reach) * 2).clamp(0, 1)
        self.register_buffer("window", fall * fall * (3 - 2 * fall), persistent=False)
        self.register_buffer("distance", distance, persistent=False)

    def embed(self, features: Tensor) -> Tensor:
        """(N, features, h, w) → (N, embedding, h, w), once per image."""
        found: Tensor = self.stem(normalised(features))
        return found

    def forward(self, embedded: Tensor, maps: Tensor) -> Tensor:
        """Compute the logits that a click adds for its own label, around it.

        Parameters
        ----------
        embedded : Tensor, shape (N, embedding, side, side)
            From `embed`, with the clicked cell in the middle.
        maps : Tensor, shape (N, MAPS, side, side)
            From `click_maps`.

        Returns
        -------
        Tensor, shape (N, 1, side, side), at least 0
            The change is 0 at the reach of the click and beyond.
        """
        middle = self.spec.reach
        at_click = embedded[:, :, middle, middle, None, None]
        x = torch.cat([embedded, embedded * at_click, maps], dim=1)
        return F.softplus(self.out(self.body(x))) * self.window

    def click_maps(
        self,
        own: Tensor,
        now: Tensor,
        mask: Tensor,
        same: Tensor,
        other: Tensor,
        inside: Tensor,
        positive: Tensor,
    ) -> Tensor:
        """Join the maps that are used besides features, as seen from the click's label.

        Parameters
        ----------
        own, now : Tensor, shape (N, side, side)
            Logits of the model, and logits that agree with the mask before the click.
        mask : Tensor, shape (N, side, side), in [0, 1]
            Mask before the click.
        same, other : Tensor, shape (N, side, side), in [0, 1]
            Earlier clicks with the same label as this click, and with the other label.
        inside : Tensor, shape (N, side, side)
            1 inside the image, 0 beyond its edge.
        positive : Tensor of float, shape (N,)
            1 for a click that adds, 0 for one that removes.

        Returns
        -------
        Tensor, shape (N, MAPS, side, side)
        """
        sign = (2 * positive - 1)[:, None, None]
        near = torch.exp(-0.5 * (self.distance / SPREAD) ** 2).expand_as(own)
        far = (self.distance / self.spec.reach).clamp(max=1).expand_as(own)
        return torch.stack(
            [
                sign * own.clamp(-LIMIT, LIMIT) / LIMIT,
                sign * now.clamp(-LIMIT, LIMIT) / LIMIT,
                sign * (2 * mask - 1),
                near,
                far,
                same,
                other,
                sign.expand_as(own),
                inside,
            ],
            dim=1,
        )


def normalised(features: Tensor) -> Tensor:
    """Normalise the channels (N, C, h, w) of each cell to mean 0 and SD 1."""
    last = F.layer_norm(features.movedim(1, -1), features.shape[1:2])
    return last.movedim(-1, 1)
