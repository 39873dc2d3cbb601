"""What a model is, as data: no torch, JSON both ways.

Equal specs build equal networks, so a variant of the paper is a line of data
(`models/catalog.py`), and a weights file can carry the whole recipe of its network.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

#: Nominal strides of the four pyramid levels, finest first: L1 to L4 of the paper.
STRIDES = (4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """One image encoder, by its timm name.

    Parameters
    ----------
    name : str
        timm model name without the pretrained tag, e.g. ``"resnet34"``.
    size : int
        Side in pixels of the square image that this encoder sees. The network
        resizes its input to it, so two encoders may look at different sizes.
    mean, std : tuple of float
        Per-channel normalisation of RGB in [0, 1]; the encoder's own.
    blocks : tuple of int
        Only for a plain ViT: after which block (1 is the first) the tokens of each
        pyramid level are taken, finest level first. Empty: a hierarchical encoder.
    stem : bool
        Join the stem's max-pooled features to the finest level (the paper's
        128-channel level of ResNet-34: stem 64 + layer1 64).
    options : tuple of (str, value)
        Further keyword arguments of ``timm.create_model``.
    """

    name: str
    size: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    blocks: tuple[int, ...] = ()
    stem: bool = False
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A dual-encoder segmentation network (paper, section 3.1).

    Parameters
    ----------
    name : str
        Catalog name.
    cnn, transformer : EncoderSpec
        The two encoders.
    size : int
        Side in pixels of the square network input; logits come out at this size.
    fusion : str
        Name in ``models.fusion.FUSIONS``.
    psi_norm : bool
        One-channel BatchNorm before the gate's sigmoid: the released code has it,
        the paper's equation 3.1 does not.
    normalise : bool
        Bring both encoders' maps of a level to the same mean and spread per location
        before gate and fusion (LayerNorm over channels without parameters), so that
        psi weighs like against like. Not in the paper.
    widths : tuple of int
        Channels of the fused maps, finest first. Empty: the CNN's own widths, with
        only the transformer projected, and only where its width differs (the paper).
    decoder : tuple of int
        Channels of the decoder's blocks, coarsest first (strides 16, 8, 4).
    head : tuple of int
        Channels of the refinement convolutions behind the decoder; each doubles
        the resolution.
    classes : int
        Number of logit maps, background not counted.
    about : str
        One sentence for people who choose a model.
    """

    name: str
    cnn: EncoderSpec
    transformer: EncoderSpec
    size: int
    fusion: str = "transformer_guided"
    psi_norm: bool = False
    normalise: bool = False
    widths: tuple[int, ...] = ()
    decoder: tuple[int, int, int] = (256, 128, 128)
    head: tuple[int, ...] = (64, 64)
    classes: int = 1
    about: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ModelSpec:
        """Inverse of `to_json`; an unknown key is a `TypeError`."""
        data = dict(data)
        for part in ("cnn", "transformer"):
            data[part] = EncoderSpec(**_tuples(data[part]))
        return cls(**_tuples(data))


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes the network's input.

    The image is stretched to ``size`` × ``size`` pixels (aspect ratio not kept: the
    training images were prepared so), grey is repeated over R, G, B, an alpha channel
    is dropped, and intensities become [0, 1] (rules in `preprocessing`). Each encoder
    then normalises with its own mean and standard deviation.
    """

    size: int


def _tuples(data: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists only; the frozen specs hold tuples, nested ones included."""

    def convert(value: Any) -> Any:
        return tuple(convert(v) for v in value) if isinstance(value, list) else value

    return {key: convert(value) for key, value in data.items()}
