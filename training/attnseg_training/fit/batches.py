"""Augmented batches and their features from both encoders."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from attnseg_training.config import TrainConfig
from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.fit.gate_objectives import damage, draw_damage, with_damage
from attnseg_training.fit.token_cache import TokenCache
from attnseg_training.fit.trust_labels import read_trust_labels
from attnseg_training.transforms import colour, geometry, recolour, warp
from napari_attnseg.models.encoders import PlainViTEncoder
from napari_attnseg.models.network import Features, SegmentationNetwork


class Batch(NamedTuple):
    """An augmented batch of N images.

    Attributes
    ----------
    features : Features
        Maps of both encoders.
    masks : Tensor, shape (N, classes, S, S)
    trust : Tensor or None, shape (N, 1, h, w)
        Input of `labelled_trust_loss`, warped in the same way as the masks; None
        without trust labels.
    """

    features: Features
    masks: Tensor
    trust: Tensor | None = None


class Loaded(NamedTuple):
    """An augmented batch of N images, before any encoder.

    Attributes
    ----------
    cnn : Tensor, shape (N, 3, S, S)
        Input of the CNN.
    transformer : Tensor
        Input of the transformer: images, or a frozen ViT's tokens from the cache.
    masks, trust
        As in `Batch`.
    """

    cnn: Tensor
    transformer: Tensor
    masks: Tensor
    trust: Tensor | None


class Views:
    """Features of augmented batches, from the token cache if there is one."""

    def __init__(
        self,
        network: SegmentationNetwork,
        store: ImageStore,
        config: TrainConfig,
        cache: Path | None,
    ) -> None:
        self.network, self.store, self.config = network, store, config
        self.views = config.views if config.augment else 1
        self.trust = None
        if config.trust_labels:
            labels = read_trust_labels(Path(config.trust_labels), store.names)
            self.trust = labels.to(store.images.device)
        self.cache = None
        if cache is not None and isinstance(network.transformer, PlainViTEncoder):
            # All that a view's tokens depend on, besides image and encoder.
            drawn = (config.split_seed, config.augment, config.scale, config.bf16)
            self.cache = TokenCache(
                cache, network.transformer, store, self.views, drawn
            )

    def batch(self, index: list[int], epoch: int) -> Batch:
        """Return both pyramids of augmented images, and their masks."""
        loaded = self.load(index, epoch)
        cnn, vit = self.network.cnn(loaded.cnn), self.network.transformer
        if self.cache is None:
            features = Features(cnn, vit(loaded.transformer))
        else:
            assert isinstance(vit, PlainViTEncoder)
            features = Features(cnn, vit.pyramid(loaded.transformer))
        return Batch(features, loaded.masks, loaded.trust)

    def load(self, index: list[int], epoch: int) -> Loaded:
        """Images of a batch, augmented, and their masks.

        With a token cache, each view (one of a fixed number of augmented versions of an
        image) fixes the warp and the ViT's input, for every seed. The colours of the
        CNN's input are drawn anew in every epoch. Tokens that the cache does not hold
        yet are computed.
        """
        seed, shared = self.config.seed, self.config.split_seed
        images, masks = self.store.batch(index)
        if self.cache is None:
            view = epoch
            turned = geometry([(seed, i, view) for i in index], self.config.scale)
        else:
            view = epoch % self.views
            turned = geometry([(shared, i, view) for i in index], self.config.scale)
        seen, trust = images, None
        if self.trust is not None:
            trust = self.trust[index].float()
        if self.config.augment:
            images, masks = warp(images, turned), warp(masks, turned)
            trust = None if trust is None else warp(trust, turned)
            seen = recolour(images, colour([(seed, i, epoch, 1) for i in index]))
        drawn = draw_damage(
            [(seed, i, epoch) for i in index], images.shape[-1], self.config.one_sided
        )
        if trust is not None and self.config.one_sided:
            trust = with_damage(trust, drawn)
        cnn = damage(seen, drawn, "cnn")
        if self.cache is None:
            return Loaded(cnn, damage(seen, drawn, "transformer"), masks, trust)
        if self.config.augment and not self.cache.complete(index, view):
            images = recolour(images, colour([(shared, i, view, 2) for i in index]))
        tokens = self.cache.tokens(images, index, view)
        return Loaded(cnn, damage(tokens, drawn, "transformer"), masks, trust)
