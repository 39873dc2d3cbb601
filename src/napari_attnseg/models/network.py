"""The network: encode, fuse through the gates, decode.

Models with a single encoder or another decoder are in `baselines`; they have the same
interface.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.models.baselines import ARCHITECTURES
from napari_attnseg.models.decoder import UnetDecoder, projections
from napari_attnseg.models.encoders import build_encoder
from napari_attnseg.models.fusion import FUSIONS
from napari_attnseg.models.gated import Gated, Level
from napari_attnseg.spec import STRIDES, ModelSpec

__all__ = ["Features", "Level", "NetworkOutput", "SegmentationNetwork", "channels_last"]


class Features(NamedTuple):
    """Maps of both encoders, finest first, before projection.

    A model with two encoders has four maps of each. A model without one of the encoders
    has no maps of it.
    """

    cnn: list[Tensor]
    transformer: list[Tensor]


class NetworkOutput(NamedTuple):
    """Output of a forward pass.

    Attributes
    ----------
    logits : Tensor, shape (N, classes, H, W)
        Logits at the size of the network's input.
    attention : dict of int to Tensor of shape (N, gates, h, w), in [0, 1]
        Nominal stride → psi that was used at this level, with one channel per gate in
        the order of `SegmentationNetwork.gates`. Empty without gates.
    """

    logits: Tensor
    attention: dict[int, Tensor]


class SegmentationNetwork(Gated, nn.Module):
    """Two encoders, gates per level, one decoder (paper, section 3.1).

    A spec of another `architecture` has one encoder, or a network of a library; then
    `align` and `fuse` return its maps unchanged, and there are no gates.

    Parameters
    ----------
    spec : ModelSpec
        Specification of the network to build.
    pretrained : bool
        Whether the encoders start from weights of timm's hub, which are downloaded.

    Attributes
    ----------
    cnn, transformer : nn.Module
        Encoders; an encoder that the model lacks has no parameters and no maps.
    gates : tuple of GateEnds
        Gates of each level; empty for a model without any.
    """

    decoder: Any  # an nn.Module with methods of its own: maps → logits
    fusion: Any  # an nn.ModuleList of `Fusion`

    def __init__(self, spec: ModelSpec, pretrained: bool = False) -> None:
        super().__init__()
        self.spec = spec
        self.gates = ()
        if spec.architecture != "dual":
            if spec.architecture not in ARCHITECTURES:
                names = ["dual", *ARCHITECTURES]
                raise UnknownNameError.for_name(
                    "architecture", spec.architecture, names
                )
            build = ARCHITECTURES[spec.architecture]
            self.cnn, self.transformer, self.decoder = build(spec, pretrained)
            return
        if spec.fusion not in FUSIONS:
            raise UnknownNameError.for_name("fusion", spec.fusion, list(FUSIONS))
        if spec.cnn is None or spec.transformer is None:
            raise InputError(
                f"{spec.name!r} is a model of two encoders and its spec names one; "
                "give both, or another architecture."
            )
        if spec.cnn.blocks:
            raise InputError(
                f"Expected a CNN with maps at strides {', '.join(map(str, STRIDES))}, "
                f"but {spec.cnn.name!r} is a plain ViT, whose maps are all of one "
                "size; choose a hierarchical encoder, such as resnet34, or give it as "
                "--transformer."
            )
        fusion = FUSIONS[spec.fusion]
        self.gates = fusion.gates
        self.cnn = build_encoder(spec.cnn, pretrained)
        self.transformer = build_encoder(spec.transformer, pretrained)
        for encoder in (self.cnn, self.transformer):
            if len(encoder.channels) != len(STRIDES):
                raise InputError(
                    f"{encoder.spec.name!r} needs one block per level, four numbers; "
                    f"its spec has blocks={encoder.spec.blocks}."
                )
        widths = list(spec.widths) or list(self.cnn.channels)
        self.cnn_projection = projections(self.cnn.channels, widths)
        self.transformer_projection = projections(self.transformer.channels, widths)
        self.cnn_norm = _norms(widths, spec.learnt_norm)
        self.transformer_norm = _norms(widths, spec.learnt_norm)
        self.fusion = nn.ModuleList(
            # An odd number of locations, so that each is in the middle of its own.
            fusion(width, spec.psi_norm, 2 * (spec.gate_window // (2 * stride)) + 1)
            for width, stride in zip(widths, STRIDES, strict=True)
        )
        self.decoder = UnetDecoder(
            [fusion.widening * width for width in widths],
            spec.decoder,
            spec.head,
            spec.classes,
        )

    def encode(self, image: Tensor) -> Features:
        """(N, 3, S, S) RGB in [0, 1] → both pyramids."""
        return Features(self.cnn(image), self.transformer(image))

    def align(self, features: Features) -> list[Level]:
        """Project both pyramids to the levels' widths and sizes: (CNN, transformer).

        The maps come finest first, each of shape (N, C_i, h_i, w_i). They are all that
        gates and decoder need of an image, so they are computed once if an image is
        decoded several times. With one encoder, its maps are returned unchanged, one
        per level.
        """
        if not self.dual:
            return [(x,) for x in (*features.cnn, *features.transformer)]
        pairs: list[Level] = []
        for level in range(len(STRIDES)):
            cnn = self.cnn_projection[level](features.cnn[level])
            transformer = _project_and_resize(
                self.transformer_projection[level],
                features.transformer[level],
                cnn.shape[-2:],
            )
            if self.spec.normalise:
                cnn, transformer = _normalised(cnn), _normalised(transformer)
            cnn = self.cnn_norm[level](cnn)
            pairs.append((cnn, self.transformer_norm[level](transformer)))
        return pairs

    def psi(self, pairs: Sequence[Level]) -> dict[int, Tensor]:
        """Attention coefficients (N, gates, h, w) per stride; empty without gates."""
        if not self.gates:
            return {}
        return {
            stride: fusion.psi(*pair)
            for stride, fusion, pair in zip(STRIDES, self.fusion, pairs, strict=True)
        }

    def fuse(
        self,
        pairs: Sequence[Level],
        gates: Mapping[int, Tensor] | None = None,
    ) -> tuple[list[Tensor], dict[int, Tensor]]:
        """Merge each level through its gates; fused maps and the psi that was used.

        `gates` replaces psi at the strides it names; a replacement broadcasts to
        (N, gates, h, w).
        """
        if not self.dual:
            return [maps[0] for maps in pairs], {}
        gates = gates or {}
        fused, attention = [], {}
        for level, stride in enumerate(STRIDES):
            cnn, transformer = pairs[level]
            psi = gates.get(stride)
            if psi is not None:
                psi = psi.expand(cnn.shape[0], len(self.gates), *cnn.shape[-2:])
            merged, used = self.fusion[level](cnn, transformer, psi)
            fused.append(merged)
            if self.gates:
                attention[stride] = used
        return fused, attention

    def logits(self, fused: Sequence[Tensor]) -> Tensor:
        """Fused maps, finest first → logits (N, classes, S, S)."""
        # Through its call, which explanations hook: a cancel takes effect there.
        logits: Tensor = self.decoder(fused)
        return self._at_input_size(logits)

    def logits_and_stages(self, fused: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Return `logits`, and the maps of the decoder's blocks, coarsest first."""
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
    """Store convolution weights in NHWC layout, in place, for faster convolutions."""
    # torch's stubs lack this overload of Module.to.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of each location of a map (N, C, h, w)."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise a map; the shape stays the same."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def _norms(widths: Sequence[int], learnt: bool) -> nn.ModuleList:
    return nn.ModuleList(ChannelNorm(w) if learnt else nn.Identity() for w in widths)


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
