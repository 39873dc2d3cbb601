"""Baselines: one encoder, DUCK-Net, models of libraries.

Each architecture is a function from a spec to (cnn, transformer, decoder), the parts of
`network.SegmentationNetwork`; the decoder takes the encoders' maps, finest first. A
network that cannot be split into encoder and decoder is used as the decoder, and its
encoder passes the image on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_attnseg.errors import InputError
from napari_attnseg.models.decoder import (
    UnetDecoder,
    conv_bn_relu,
    projections,
    upsample,
)
from napari_attnseg.models.duck_net import DuckNet
from napari_attnseg.models.encoders import (
    Encoder,
    HierarchicalEncoder,
    ImageEncoder,
    NoEncoder,
    build_encoder,
)
from napari_attnseg.models.hybrid import HybridEncoder
from napari_attnseg.models.timm_in_parts import import_cured
from napari_attnseg.spec import STRIDES, EncoderSpec, ModelSpec

Parts = tuple[Encoder | NoEncoder, Encoder | NoEncoder, nn.Module]


def _resized(x: Tensor, size: int | Sequence[int]) -> Tensor:
    target = [size, size] if isinstance(size, int) else list(size)
    if list(x.shape[-2:]) == target:
        return x
    return F.interpolate(x, target, mode="bilinear", align_corners=False)


class SingleDecoder(nn.Module):
    """U-Net decoder over the maps of one encoder; refines at the full resolution.

    Parameters
    ----------
    spec : ModelSpec
        Its ``decoder``, ``head``, ``bridge``, ``skips``, ``classes`` and ``size`` are
        used.
    channels : sequence of int
        Channels of the encoder's maps, finest first.
    stem : int
        Number of channels, the first ones of the finest map, that come from the
        encoder's stem. They are a separate skip connection, for the block after the
        last level.
    """

    def __init__(self, spec: ModelSpec, channels: Sequence[int], stem: int = 0) -> None:
        super().__init__()
        self.size, self.stem, self.skips = spec.size, stem, spec.skips
        inputs = channels[-1]
        self.bridge: nn.Module = nn.Identity()
        if spec.bridge:
            self.bridge = nn.Sequential(
                *_conv_bn(inputs, spec.bridge), nn.ReLU(), *_conv_bn(spec.bridge)
            )
            inputs = spec.bridge
        skips = list(reversed(channels[:-1])) if spec.skips else []
        if stem and skips:
            skips[-1:] = [skips[-1] - stem, stem]
        skips += [0] * (len(spec.decoder) - len(skips))
        self.blocks = nn.ModuleList()
        for skip, width in zip(skips, spec.decoder, strict=True):
            self.blocks.append(
                nn.Sequential(
                    conv_bn_relu(inputs + skip, width), conv_bn_relu(width, width)
                )
            )
            inputs = width
        self.head = nn.Sequential()
        for width in spec.head:
            self.head.append(conv_bn_relu(inputs, width))
            inputs = width
        self.logits = nn.Conv2d(inputs, spec.classes, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps (N, C_i, h_i, w_i), finest first → logits (N, classes, S, S)."""
        return self.refine(self.stages(maps)[-1])

    def stages(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Map of each block (N, width, h_i, w_i), coarsest first."""
        skips = list(reversed(maps[:-1])) if self.skips else []
        if self.stem and skips:
            stem, finest = skips.pop().tensor_split([self.stem], dim=1)
            skips += [finest, stem]
        x, found = self.bridge(maps[-1]), []
        for i, block in enumerate(self.blocks):
            x = upsample(x)
            if i < len(skips):
                x = torch.cat([x, _resized(skips[i], x.shape[-2:])], dim=1)
            x = block(x)
            found.append(x)
        return found

    def refine(self, x: Tensor) -> Tensor:
        """Map of the last block → logits."""
        logits: Tensor = self.logits(self.head(_resized(x, self.size)))
        return logits


class OneReaderDecoder(nn.Module):
    """Decoder of a dual model over the maps of one of its encoders.

    As there, maps are projected to ``spec.widths`` and brought to strides 4 to 32.
    """

    def __init__(self, spec: ModelSpec, channels: Sequence[int]) -> None:
        super().__init__()
        self.sizes = [spec.size // stride for stride in STRIDES]
        self.projections = projections(channels, spec.widths)
        self.unet = UnetDecoder(spec.widths, spec.decoder, spec.head, spec.classes)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps (N, C_i, h_i, w_i), finest first → logits (N, classes, S/4, S/4)."""
        return self.refine(self.stages(maps)[-1])

    def stages(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Map of each block (N, width, h_i, w_i), coarsest first."""
        projected = [
            _resized(projection(x), size)
            for projection, x, size in zip(
                self.projections, maps, self.sizes, strict=True
            )
        ]
        stages: list[Tensor] = self.unet.stages(projected)
        return stages

    def refine(self, x: Tensor) -> Tensor:
        """Map of the last block → logits."""
        logits: Tensor = self.unet.refine(x)
        return logits


class FullResolutionStem(Encoder):
    """Two 3×3 convolutions at full resolution: the finest skip of a Swin model."""

    def __init__(self, spec: EncoderSpec, width: int = 64) -> None:
        super().__init__(spec)
        self.channels = [width]
        relu = nn.ReLU(inplace=True)
        self.convs = nn.Sequential(*_conv_bn(3, width), relu, *_conv_bn(width), relu)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(N, 3, H, W) RGB in [0, 1] → one map (N, width, S, S)."""
        return [self.convs(self.prepare(image))]


class Whole(nn.Module):
    """A whole network that takes the place of a decoder."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """[image (N, 3, S, S)] → logits (N, classes, S, S)."""
        logits: Tensor = self.network(maps[0])
        return logits


class LibraryDecoder(nn.Module):
    """Decoder and head of a model of segmentation_models.pytorch."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.decoder, self.head = model.decoder, model.segmentation_head

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """The library's maps, finest first → logits (N, classes, S, S)."""
        logits: Tensor = self.head(self.decoder(list(maps)))
        return logits


class LibraryEncoder(Encoder):
    """Encoder of a model of segmentation_models.pytorch."""

    def __init__(self, spec: EncoderSpec, model: Any) -> None:
        super().__init__(spec)
        self.backbone = model.encoder
        self.channels = list(model.encoder.out_channels)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(N, 3, H, W) RGB in [0, 1] → the library's maps, which include the image."""
        maps: list[Tensor] = self.backbone(self.prepare(image))
        return maps


def _conv_bn(inputs: int, outputs: int = 0) -> list[nn.Module]:
    """3×3 convolution without bias, BatchNorm."""
    outputs = outputs or inputs
    return [
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
    ]


def _single(spec: ModelSpec, pretrained: bool) -> Parts:
    """One encoder of timm, the CNN or the transformer, and a U-Net decoder."""
    parts: list[Encoder | NoEncoder] = []
    for encoder in (spec.cnn, spec.transformer):
        if encoder is None:
            parts.append(NoEncoder())
        elif encoder.name == "stem":
            parts.append(FullResolutionStem(encoder))
        else:
            parts.append(build_encoder(encoder, pretrained))
    cnn, transformer = parts
    stem = cnn.stem_channels if isinstance(cnn, HierarchicalEncoder) else 0
    channels = [*cnn.channels, *transformer.channels]
    if spec.widths:
        return cnn, transformer, OneReaderDecoder(spec, channels)
    return cnn, transformer, SingleDecoder(spec, channels, stem)


def _transunet(spec: ModelSpec, pretrained: bool) -> Parts:
    """TransUNet: a ViT behind a ResNet, whose finer maps are skips."""
    if spec.transformer is None:
        raise InputError(f"The architecture {spec.architecture!r} needs a transformer.")
    hybrid = HybridEncoder(spec.transformer, pretrained)
    return NoEncoder(), hybrid, SingleDecoder(spec, hybrid.channels)


def _whole(spec: ModelSpec, network: nn.Module) -> Parts:
    return ImageEncoder(_cnn(spec)), NoEncoder(), Whole(network)


def _cnn(spec: ModelSpec) -> EncoderSpec:
    if spec.cnn is None:
        raise InputError(f"The architecture {spec.architecture!r} needs a CNN.")
    return spec.cnn


def _duck_net(spec: ModelSpec, pretrained: bool) -> Parts:
    options: dict[str, Any] = dict(_cnn(spec).options)
    return _whole(spec, DuckNet(spec.widths[0], spec.classes, **options))


def _library(name: str, package: str) -> Any:
    """Import what the extra ``baselines`` brings.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        return import_cured(name)
    except ImportError as error:
        raise InputError(
            f"This model comes from {package}, which is not installed; install it with "
            'pip install "napari-attnseg[baselines]".'
        ) from error


def _smp(name: str) -> Callable[[ModelSpec, bool], Parts]:
    """A model of segmentation_models.pytorch, by its class."""

    def build(spec: ModelSpec, pretrained: bool) -> Parts:
        library = _library("segmentation_models_pytorch", "segmentation_models.pytorch")
        cnn = _cnn(spec)
        model = getattr(library, name)(
            cnn.name,
            encoder_weights="imagenet" if pretrained else None,
            classes=spec.classes,
            **dict(cnn.options),
        )
        return LibraryEncoder(cnn, model), NoEncoder(), LibraryDecoder(model)

    return build


def _monai(name: str, **options: object) -> Callable[[ModelSpec, bool], Parts]:
    """A 2D network of MONAI, by its class; `spec.widths` are its channels."""

    def build(spec: ModelSpec, pretrained: bool) -> Parts:
        library = _library("monai.networks.nets", "MONAI")
        if name == "BasicUNet":  # five levels, and the width of the last convolutions
            sizes: dict[str, object] = {"features": (*spec.widths, spec.widths[0])}
        else:
            strides = (2,) * (len(spec.widths) - 1)
            sizes = {"channels": spec.widths, "strides": strides}
        network = getattr(library, name)(
            spatial_dims=2,
            in_channels=3,
            out_channels=spec.classes,
            **sizes,
            **options,
        )
        return _whole(spec, network)

    return build


#: Architecture → the parts of its network; "dual" is `SegmentationNetwork`'s own.
ARCHITECTURES: dict[str, Callable[[ModelSpec, bool], Parts]] = {
    "single": _single,
    "transunet": _transunet,
    "duck_net": _duck_net,
    "unet": _monai("BasicUNet", act="relu", norm="batch"),
    "resunet": _monai("UNet", num_res_units=2),
    "attention_unet": _monai("AttentionUnet"),
    "deeplabv3plus": _smp("DeepLabV3Plus"),
    "deeplabv3": _smp("DeepLabV3"),
}
