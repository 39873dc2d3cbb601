"""Choose the corrector that the weights of a model allow."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_attnseg.arrays import to_tensor
from napari_attnseg.corrections.by_head import HeadCorrector
from napari_attnseg.corrections.by_similarity import SimilarityCorrector
from napari_attnseg.corrections.rules import Corrector
from napari_attnseg.encoded_image import EncodedImage
from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.models.click_head import normalised
from napari_attnseg.models.network import Level, SegmentationNetwork


def click_features(network: SegmentationNetwork, pairs: list[Level]) -> Tensor:
    """Map of the decoder's last block (N, C, h, w), normalised over C in each cell.

    Parameters
    ----------
    network : SegmentationNetwork
    pairs : list of tuples of Tensor
        From `SegmentationNetwork.align`.

    Raises
    ------
    InputError
        If the decoder has no blocks, as in a network of another library.
    """
    if not hasattr(network.decoder, "stages"):
        raise InputError(
            f"Masks of {network.spec.name!r} cannot be corrected by clicks, since its "
            "decoder has no feature map at 1/4; correct them with napari's brush."
        )
    fused, _ = network.fuse(pairs)
    return normalised(network.decoder.stages(fused)[-1])


@torch.inference_mode()
def corrector_of(
    segmenter: Segmenter,
    encoded: EncodedImage,
    probability: NDArray[np.floating[Any]] | None = None,
    threshold: float | None = None,
    similarity: bool = False,
) -> Corrector:
    """Click head of the weights, or the rule by similarity if they have none.

    Parameters
    ----------
    segmenter : Segmenter
    encoded : EncodedImage
        From `Segmenter.encode`.
    probability : ndarray, shape (classes, H, W), in [0, 1], optional
        Probability from which the mask was made; the model's own by default.
    threshold : float, optional
        Threshold with which the mask was made; the model card's by default.
    similarity : bool
        Use similarity, even if the weights have a click head.

    Raises
    ------
    InputError
        If the model has no features to use.
    """
    # Of the image itself, not of its mirror images.
    pairs: list[Level] = [
        tuple(to_tensor(m[:1]).float() for m in level) for level in encoded.pairs
    ]
    with segmenter.enough_memory():
        features = click_features(segmenter.network, pairs)
    if probability is None:
        probability = segmenter.decode(encoded).probability
    limit = segmenter.card.threshold if threshold is None else threshold
    head = segmenter.click_head
    if head is None or similarity:
        seen = features[0].float().cpu().numpy()
        return SimilarityCorrector(seen, probability, limit)
    built = head.build(str(features.device))
    return HeadCorrector(built, features, probability, limit)
