"""The dual-encoder network: encode, fuse through the gates, decode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_attnseg.errors import UnknownNameError
from napari_attnseg.models.decoder import UnetDecoder
from napari_attnseg.models.encoders import build_encoder
from napari_attnseg.models.fusion import FUSIONS
from napari_attnseg.spec import STRIDES, ModelSpec


class Features(NamedTuple):
    """What both encoders computed: four maps each, finest first, before projection."""

    cnn: list[Tensor]
    transformer: list[Tensor]


class NetworkOutput(NamedTuple):
    """What a forward pass computed.

    Attributes
    ----------
    logits : Tensor, shape (N, classes, H, W)
        At the network's input size.
    attention : dict of int to Tensor of shape (N, 1, h, w), in [0, 1]
        Nominal stride → the psi that was used there.
    """

    logits: Tensor
    attention: dict[int, Tensor]


class SegmentationNetwork(nn.Module):
    """Two encoders, one gate per level, one decoder (paper, section 3.1).

    Parameters
    ----------
    spec : ModelSpec
        What to build.
    pretrained : bool
        Start the encoders from timm's hub weights (downloads them).
    """

    def __init__(self, spec: ModelSpec, pretrained: bool = False) -> None:
        super().__init__()
        if spec.fusion not in FUSIONS:
            raise UnknownNameError.for_name("fusion", spec.fusion, list(FUSIONS))
        self.spec = spec
        self.cnn = build_encoder(spec.cnn, pretrained)
        self.transformer = build_encoder(spec.transformer, pretrained)
        widths = list(spec.widths) or self.cnn.channels
        self.cnn_projection = _projections(self.cnn.channels, widths)
        self.transformer_projection = _projections(self.transformer.channels, widths)
        self.fusion = nn.ModuleList(
            FUSIONS[spec.fusion](width, spec.psi_norm) for width in widths
        )
        self.decoder = UnetDecoder(widths, spec.decoder, spec.head, spec.classes)

    @property
    def ends(self) -> tuple[str, str]:
        """Names of what psi → 0 and psi → 1 use."""
        return FUSIONS[self.spec.fusion].ends

    def encode(self, image: Tensor) -> Features:
        """(N, 3, S, S) RGB in [0, 1] → both pyramids."""
        return Features(self.cnn(image), self.transformer(image))

    def align(self, features: Features) -> list[tuple[Tensor, Tensor]]:
        """Both pyramids at each level's width and size: (CNN, transformer) per level.

        Finest first, all (N, C_i, h_i, w_i). What gates and decoder need of an image:
        whoever decodes it again and again computes this once.
        """
        pairs = []
        for level in range(len(STRIDES)):
            cnn = self.cnn_projection[level](features.cnn[level])
            transformer = _project_and_resize(
                self.transformer_projection[level],
                features.transformer[level],
                cnn.shape[-2:],
            )
            if self.spec.normalise:
                cnn, transformer = _normalised(cnn), _normalised(transformer)
            pairs.append((cnn, transformer))
        return pairs

    def fuse(
        self,
        pairs: Sequence[tuple[Tensor, Tensor]],
        gates: Mapping[int, Tensor] | None = None,
    ) -> tuple[list[Tensor], dict[int, Tensor]]:
        """Merge each level through its gate; fused maps and the psi that was used.

        `gates` replaces psi at the strides it names; a replacement broadcasts to
        (N, 1, h, w).
        """
        gates = gates or {}
        fused, attention = [], {}
        for level, stride in enumerate(STRIDES):
            cnn, transformer = pairs[level]
            psi = gates.get(stride)
            if psi is not None:
                psi = psi.expand(cnn.shape[0], 1, *cnn.shape[-2:])
            merged, attention[stride] = self.fusion[level](cnn, transformer, psi)
            fused.append(merged)
        return fused, attention

    def logits(self, fused: Sequence[Tensor]) -> Tensor:
        """Fused maps, finest first → logits (N, classes, S, S)."""
        # Through its call, which explanations hook: a cancel takes effect there.
        logits: Tensor = self.decoder(fused)
        return self._at_input_size(logits)

    def logits_and_stages(self, fused: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """`logits`, and the maps of the decoder's blocks on the way, coarsest first."""
        maps = self.decoder.stages(fused)
        return self._at_input_size(self.decoder.refine(maps[-1])), maps

    def _at_input_size(self, logits: Tensor) -> Tensor:
        size = (self.spec.size, self.spec.size)
        if logits.shape[-2:] != size:
            logits = F.interpolate(logits, size, mode="bilinear", align_corners=False)
        return logits

    def decode(
        self, features: Features, gates: Mapping[int, Tensor] | None = None
    ) -> NetworkOutput:
        """Align, fuse and decode; `gates` as in `fuse`."""
        fused, attention = self.fuse(self.align(features), gates)
        return NetworkOutput(self.logits(fused), attention)

    def forward(self, image: Tensor) -> NetworkOutput:
        """(N, 3, S, S) RGB in [0, 1] → logits (N, classes, S, S) and psi per stride."""
        return self.decode(self.encode(image))


def channels_last(network: SegmentationNetwork) -> SegmentationNetwork:
    """Store convolution weights NHWC, in place: faster convolutions, same numbers."""
    # torch's stubs lack this overload of Module.to.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _projections(inputs: list[int], widths: list[int]) -> nn.ModuleList:
    """Plain 1×1 convolutions, only where the widths differ (paper, figure 4)."""
    return nn.ModuleList(
        nn.Identity() if i == w else nn.Conv2d(i, w, 1)
        for i, w in zip(inputs, widths, strict=True)
    )


def _normalised(x: Tensor) -> Tensor:
    """Mean 0 and spread 1 over the channels of each location."""
    return F.layer_norm(x.movedim(1, -1), x.shape[1:2]).movedim(-1, 1)


def _project_and_resize(
    projection: nn.Module, x: Tensor, size: tuple[int, int]
) -> Tensor:
    """Bring a transformer map to the level's width and to the CNN map's size."""
    # The projection is linear and per pixel, so it commutes with the resize; it is run
    # on the smaller of the two maps.
    if x.shape[-1] > size[-1]:
        x = F.interpolate(x, size, mode="bilinear", antialias=True)
    x = projection(x)
    if x.shape[-2:] != size:
        x = F.interpolate(x, size, mode="bilinear", align_corners=False)
    return x
