"""The mean logit of a target region as a function of the image, for captum."""

from __future__ import annotations

from torch import Tensor, nn

from napari_attnseg.explanations.subject import Subject


class TargetScore(nn.Module):
    """The whole network: images (N, 3, S, S) → mean logit in the target region (N,)."""

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.subject = subject
        self.network = subject.network

    def forward(self, image: Tensor) -> Tensor:
        """Mean logit in the target region."""
        return self.subject.score(self.network(image).logits)
