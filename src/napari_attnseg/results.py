"""Results of a segmentation: frozen arrays with documented axes. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_attnseg.readers import Readers
    from napari_attnseg.reliability.estimate import ExpectedDice

#: The one line that explains a gate map wherever one is drawn.
GATE_LEGEND = "which encoder's features were used where, not importance"
#: The one line that stands where a model has no gate maps to show.
NO_GATES = "This model has no gates, so there are no gate maps."
#: What is said of a gate whose model was not put through the gate suite.
NOT_MEASURED = "What this gate's map means has not been measured."

#: Which gate: its nominal stride, and its name where a level has two.
GateKey = int | tuple[int, str]


def gate_label(key: GateKey) -> str:
    """Label of a gate: ``1/32``, or ``1/32 CNN`` if its level has two gates."""
    return f"1/{key[0]} {key[1]}" if isinstance(key, tuple) else f"1/{key}"


def gate_key(label: str) -> GateKey:
    """Inverse of `gate_label`; raises `ValueError` for other texts."""
    level, _, name = label.partition(" ")
    if not level.startswith("1/"):
        raise ValueError(label)
    stride = int(level.removeprefix("1/"))
    return (stride, name) if name else stride


def gate_parts(key: GateKey) -> tuple[int, str]:
    """Stride and name of a gate; the name is empty if its level has one gate."""
    return key if isinstance(key, tuple) else (key, "")


class PatternValue(StrEnum):
    """Measured effect of the pattern of a gate on the mask."""

    HARMFUL = "harmful"
    DECORATIVE = "decorative"
    MATTERS = "matters"
    NOT_SHOWN = "not_shown"
    #: Measured on too few images to tell.
    TOO_FEW = "too_few"
    NOT_MEASURED = "not_measured"
    #: By a version that did not record it, or records more than is known here.
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> PatternValue:
        """Read ``pattern`` of a card or result, or the flag of earlier versions."""
        found = facts.get("pattern")
        if found in set(cls):
            return cls(found)
        return cls.DECORATIVE if facts.get("decorative") else cls.UNKNOWN

    @property
    def measured(self) -> bool | None:
        """Whether the effect was measured at all; None: not known."""
        if self is PatternValue.UNKNOWN:
            return None
        return self is not PatternValue.NOT_MEASURED


class ShareState(StrEnum):
    """Whether the effective share of the CNN is known for a gate."""

    MEASURED = "measured"
    #: The level has two gates: the share is not defined.
    UNDEFINED = "undefined"
    #: The result is of a version that did not measure it.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, eq=False)
class EffectiveShare:
    """Share of the CNN in a gate's fused features, by feature norms.

    psi is only a weight. How much of the fused features comes from the CNN also depends
    on how large the features of both encoders are; see
    `SegmentationNetwork.effective_shares`.

    Attributes
    ----------
    state : ShareState
        Whether it is known.
    mean : float or None
        Mean over the image, in [0, 1].
    values : ndarray of float32, shape (h, w), or None
        Share at each location of the gate; not kept in files.
    """

    state: ShareState = ShareState.UNKNOWN
    mean: float | None = None
    values: NDArray[np.float32] | None = None

    @classmethod
    def measured(cls, values: NDArray[np.float32]) -> EffectiveShare:
        """Make it from the share at each location; NaN is left out."""
        defined = values[np.isfinite(values)]
        mean = float(defined.mean()) if defined.size else None
        return cls(ShareState.MEASURED, mean, values)

    def to_json(self) -> dict[str, Any]:
        """``state``; if it is measured also ``of`` (the encoder) and ``mean``."""
        if self.state is not ShareState.MEASURED:
            return {"state": str(self.state)}
        return {"state": str(self.state), "of": "CNN", "mean": self.mean}

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | None) -> EffectiveShare:
        """Inverse of `to_json`; None, as in earlier results, means unknown."""
        if values is None:
            return cls()
        return cls(ShareState(values["state"]), values.get("mean"))


@dataclass(frozen=True, slots=True, eq=False)
class AttentionMap:
    """Attention coefficients `psi` of one gate (paper, equation 3.1).

    Attributes
    ----------
    values : ndarray of float32, shape (h, w), in [0, 1]
        Psi at the gate's own resolution; 1 means that only the encoder named `high` was
        used at this location, 0 only the one named `low` (equation 3.2).
    level : int
        Nominal stride of the pyramid level: 4, 8, 16 or 32.
    stride : (float, float)
        Source pixels per map pixel, (rows, columns): the map covers the whole image,
        or the box of it that was segmented.
    low, high : str
        Names of the two ends, e.g. ``"transformer"`` and ``"CNN"``.
    finding : str
        One sentence on what was measured of this gate in this model, from its card.
    gate : str
        Name of the gate in a level that has two; empty where it has one.
    effective_share : EffectiveShare
        How much of the fused features comes from the CNN.
    pattern : PatternValue
        Measured effect of the map's pattern on the mask.
    origin : (float, float)
        Row and column of the image at which the map begins: (0, 0), or the first row
        and column of the box that was segmented.
    """

    values: NDArray[np.float32]
    level: int
    stride: tuple[float, float]
    low: str = "transformer"
    high: str = "CNN"
    finding: str = NOT_MEASURED
    gate: str = ""
    effective_share: EffectiveShare = EffectiveShare()
    pattern: PatternValue = PatternValue.NOT_MEASURED
    origin: tuple[float, float] = (0.0, 0.0)

    @property
    def decorative(self) -> bool:
        """Whether the pattern was measured not to matter for the mask in this model."""
        return self.pattern is PatternValue.DECORATIVE

    @property
    def measured(self) -> bool | None:
        """Whether the effect of the pattern was measured; None: not known."""
        return self.pattern.measured

    @property
    def key(self) -> GateKey:
        """Key under which `Segmenter.decode` takes a replacement."""
        return (self.level, self.gate) if self.gate else self.level

    @property
    def label(self) -> str:
        """Label of the gate: ``1/32``, or ``1/32 CNN`` if its level has two gates."""
        return gate_label(self.key)

    @property
    def name(self) -> str:
        """Short name, such as ``gate 1/32 (transformer ↔ CNN)``."""
        return f"gate {self.label} ({self.low} ↔ {self.high})"


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """Result for one 2D image of shape (H, W).

    Attributes
    ----------
    mask : ndarray of uint8, shape (H, W)
        0 is background, c + 1 is class c.
    probability : ndarray of float32, shape (classes, H, W), in [0, 1]
        Sigmoid of the logits, resized to the source. Calibrated only if the model
        card says so.
    attention : tuple of AttentionMap
        One per gate, coarsest level last; empty for a model without gates, two per
        level for a double variant.
    provenance : mapping
        JSON-ready facts about the run: model, weights hash, device, threshold,
        how intensities were mapped (``intensity`` as a sentence, ``intensity_rule`` and
        ``intensity_mapping`` as data), versions, date.
    readers : Readers or None
        Masks by the CNN alone and by the transformer alone, where they were asked for.
    """

    mask: NDArray[np.uint8]
    probability: NDArray[np.float32]
    attention: tuple[AttentionMap, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    readers: Readers | None = None

    @property
    def expected_dice(self) -> ExpectedDice | None:
        """Expected Dice of the mask, if it was calibrated for the model.

        None for weights without a rule, and for a mask that is not the model's own: one
        with forced gates, another threshold or clean-up, refined by MedSAM, or averaged
        over mirror images.
        """
        # Imported here: what it needs imports this module.
        from napari_attnseg.reliability.estimate import estimate_of

        return estimate_of(self.provenance)


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """A map over one image of shape (H, W) that says something about its mask.

    Attributes
    ----------
    method : str
        Name in ``explanations.EXPLAINERS``.
    level : int or None
        Nominal stride of the gate; None for a map that does not belong to a gate.
    values : ndarray of float32, shape (h, w)
        Values of the map, at its own resolution.
    stride : (float, float)
        Source pixels per map pixel, (rows, columns): the map covers the whole image.
    scale : str
        ``gate`` ([0, 1]), ``signed`` (around 0), ``positive`` (from 0) or ``unit``
        ([0, 1], where numbers compare between images).
    meaning : str
        One sentence on what the values mean.
    target : str
        Description of the region whose logit is explained.
    finding : str
        One sentence on what was measured of this map in this model; may be empty.
    provenance : mapping
        JSON-ready facts: model, weights hash, device, image hash, versions, date.
    low, high : str
        Meaning of the lower and the upper end of the scale.
    effective_share : EffectiveShare
        How much of the gate's fused features comes from the CNN; unknown for a map that
        does not belong to a gate.
    pattern : PatternValue or None
        Measured effect of that gate's pattern on the mask; None for a map that does not
        belong to a gate.
    """

    method: str
    level: int | None
    values: NDArray[np.float32]
    stride: tuple[float, float]
    scale: str
    meaning: str
    target: str
    finding: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    low: str = ""
    high: str = ""
    effective_share: EffectiveShare = EffectiveShare()
    pattern: PatternValue | None = None

    @property
    def decorative(self) -> bool:
        """Whether the pattern of that gate had no measurable effect on the mask."""
        return self.pattern is PatternValue.DECORATIVE

    @property
    def measured(self) -> bool | None:
        """Whether that gate's pattern was measured; None: not known, or no gate."""
        return None if self.pattern is None else self.pattern.measured

    @property
    def limits(self) -> tuple[float, float]:
        """Values at the two ends of the colours.

        ``gate`` and ``unit`` have fixed limits, so that maps can be compared. The other
        scales end at the largest value of this map; ``signed`` is symmetric around 0.
        """
        if self.scale in ("gate", "unit"):
            return (0.0, 1.0)
        top = float(np.abs(self.values).max()) or 1.0
        return (-top if self.scale == "signed" else 0.0, top)
