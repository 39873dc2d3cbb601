"""Specification of a model as data, to and from JSON. No torch.

Equal specs build equal networks. Therefore a variant of the paper is a line of data
(`models/catalog.py`), and a weights file can hold the full specification of its
network.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, NamedTuple

from napari_attnseg.intensity import Percentiles

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

#: Nominal strides of the four pyramid levels, finest first: L1 to L4 of the paper.
STRIDES = (4, 8, 16, 32)

#: Encoders that are no timm models: the image itself, and two convolutions at full
#: resolution.
OWN_ENCODERS = ("image", "stem")


class GateEnds(NamedTuple):
    """One gate of a level: its name, and the encoders that psi = 0 and psi = 1 use.

    The name is empty where a level has only one gate.
    """

    name: str
    low: str
    high: str


#: Gates of a level by fusion. Here, because the specification of a model is read
#: without torch, which the fusions themselves need.
GATES: dict[str, tuple[GateEnds, ...]] = {
    "none": (),
    "transformer_guided": (GateEnds("", "transformer", "CNN"),),
    "cnn_guided": (GateEnds("", "CNN", "transformer"),),
    # psi → 0 leaves that encoder out.
    "double_attention": (
        GateEnds("CNN", "none", "CNN"),
        GateEnds("transformer", "none", "transformer"),
    ),
    "double_weighted": (
        GateEnds("CNN", "transformer", "CNN"),
        GateEnds("transformer", "CNN", "transformer"),
    ),
}


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """One image encoder, by its timm name.

    Parameters
    ----------
    name : str
        timm model name, e.g. ``"resnet34"``; a pretrained tag may follow a dot. Or one
        of `OWN_ENCODERS`.
    size : int
        Side in pixels of the square image that this encoder sees. The network resizes
        its input to this size, so two encoders may use different sizes.
    mean, std : tuple of float
        Mean and standard deviation of each channel, for normalising RGB in [0, 1] as
        this encoder expects.
    blocks : tuple of int
        Only for a plain ViT: number of the block (from 1) whose tokens make each
        pyramid level, finest level first; a single number makes a single map. Empty for
        a hierarchical encoder.
    stem : bool
        Whether to join the stem's max-pooled features to the finest level (the paper's
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
    """A segmentation network: the paper's dual encoder (section 3.1), or a baseline.

    Parameters
    ----------
    name : str
        Catalog name.
    cnn, transformer : EncoderSpec or None
        The two encoders; a baseline has one of them, rarely both.
    size : int
        Side in pixels of the square network input; logits have this size, too.
    architecture : str
        ``"dual"``, or a name in ``models.baselines.ARCHITECTURES``.
    fusion : str
        Name in ``models.fusion.FUSIONS``; for two encoders.
    psi_norm : bool
        Whether there is a one-channel BatchNorm before the gate's sigmoid: the released
        code has it, the paper's equation 3.1 does not.
    gate_window : int
        Side in pixels of the CNN's input over which each gate averages before its
        sigmoid, so that psi cannot draw an object's outline; 0: none. Not in the paper.
    normalise : bool
        Whether to normalise both encoders' maps of a level, at each location, before
        gate and fusion (LayerNorm over channels without parameters), so that psi weighs
        features of equal size. Not in the paper.
    learnt_norm : bool
        Whether to normalise in the same way, but with a learnt scale and shift of each
        channel (LayerNorm). It replaces `normalise`. Not in the paper.
    widths : tuple of int
        Channels of the fused maps, finest first. Empty: the CNN's own widths, with
        only the transformer projected, and only where its width differs (the paper).
        With one encoder, widths give it the decoder of two.
    decoder : tuple of int
        Channels of the decoder's blocks, coarsest first; three for two encoders
        (strides 16, 8, 4).
    head : tuple of int
        Channels of the refinement convolutions behind the decoder; for two encoders
        each doubles the resolution.
    skips : bool
        For one encoder: whether the decoder also gets the finer maps (skip
        connections).
    bridge : int
        For one encoder: channels of two convolutions before the decoder; 0: none.
    classes : int
        Number of logit maps, background not counted.
    about : str
        One sentence to help users choose a model.
    """

    name: str
    cnn: EncoderSpec | None
    transformer: EncoderSpec | None
    size: int
    architecture: str = "dual"
    fusion: str = "transformer_guided"
    psi_norm: bool = False
    gate_window: int = 0
    normalise: bool = False
    learnt_norm: bool = False
    widths: tuple[int, ...] = ()
    decoder: tuple[int, ...] = (256, 128, 128)
    head: tuple[int, ...] = (64, 64)
    skips: bool = True
    bridge: int = 0
    classes: int = 1
    about: str = ""

    @property
    def encoders(self) -> tuple[EncoderSpec, ...]:
        """Encoders of the model, the CNN first."""
        return tuple(e for e in (self.cnn, self.transformer) if e is not None)

    @property
    def gates(self) -> tuple[GateEnds, ...]:
        """Gates of each level; empty for a model without any."""
        return GATES.get(self.fusion, ()) if self.architecture == "dual" else ()

    @property
    def has_gates(self) -> bool:
        """Whether the model has gates, and so gate maps."""
        return bool(self.gates)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ModelSpec:
        """Inverse of `to_json`; raises `TypeError` for an unknown key."""
        data = dict(data)
        for part in ("cnn", "transformer"):
            if data[part] is not None:
                data[part] = EncoderSpec(**_tuples(data[part]))
        return cls(**_tuples(data))


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Preprocessing that turns an image into the network's input.

    The image is stretched to ``size`` × ``size`` pixels; its aspect ratio is not kept,
    and was not kept in training either. A grey image gets three equal channels, an
    alpha channel is dropped, and intensities are mapped to [0, 1] by the rules in
    `preprocessing`. Each encoder then normalises with its own mean and standard
    deviation.

    Attributes
    ----------
    size : int
        Side of the network's input in pixels.
    low_percentile, high_percentile : float
        Percentiles of the image that become 0 and 1, if its type does not say what
        black and white are. 0 and 100 are its minimum and maximum; they are also used
        if a card states none.
    without_border : bool
        Whether a constant border is left out of the percentiles; false if a card does
        not say.
    """

    size: int
    low_percentile: float = 0.0
    high_percentile: float = 100.0
    without_border: bool = False

    @property
    def intensity(self) -> Percentiles:
        """The two percentiles as the rule for intensities."""
        return Percentiles(
            self.low_percentile, self.high_percentile, self.without_border
        )


def _tuples(data: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists only; the frozen specs hold tuples, nested ones included."""

    def convert(value: Any) -> Any:
        return tuple(convert(v) for v in value) if isinstance(value, list) else value

    return {key: convert(value) for key, value in data.items()}
