"""Rules that map the values of an image to [0, 1], and records of the mapping used.

No torch: this module is also used by provenance, by code that users copied from the
viewer, and by data sets.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from napari_attnseg.errors import InputError

#: Key of provenance: the rule that was asked for, as `rule_to_json` writes it.
RULE = "intensity_rule"
#: Key of a rule, and how it is asked for: the border is left out of percentiles.
WITHOUT_BORDER = "without_border"
#: Key of provenance: what was done with one image, as `IntensityMapping.to_json`.
MAPPING = "intensity_mapping"
#: Lower and upper percentile of newly trained weights and of the bundled ones. Measured
#: on damaged images, see training/results:
#: intensity-percentiles-and-border-compact-kvasir-seg-val.json.
DEFAULT_PERCENTILES = (1.5, 98.5)


class IntensityKind(StrEnum):
    """Names of the rules that can be asked for, in settings and on the command line.

    Attributes
    ----------
    WHOLE_RANGE
        The range from the image's lowest value to its highest.
    PERCENTILES
        The range between two percentiles of the image; values beyond are clipped.
    WINDOW
        The range between two given values; values beyond are clipped.
    """

    WHOLE_RANGE = "whole_range"
    PERCENTILES = "percentiles"
    WINDOW = "window"


class MappingRule(StrEnum):
    """Mapping that was applied to the values of one image.

    Attributes
    ----------
    DIVIDED_BY_255
        An 8-bit image.
    AS_THEY_ARE
        A boolean image, or floats that lie in [0, 1] already.
    CONSTANT
        All values are equal, and become 0.
    WHOLE_RANGE, PERCENTILES, WINDOW
        As in `IntensityKind`.
    """

    DIVIDED_BY_255 = "divided_by_255"
    AS_THEY_ARE = "as_they_are"
    CONSTANT = "constant"
    WHOLE_RANGE = "whole_range"
    PERCENTILES = "percentiles"
    WINDOW = "window"


#: What no percentiles change.
FIXED = (MappingRule.DIVIDED_BY_255, MappingRule.AS_THEY_ARE, MappingRule.CONSTANT)


class IntensityWarning(StrEnum):
    """Warnings about the image's values, for people who use the result.

    Attributes
    ----------
    NARROW_RANGE
        Less than three tenths of the range that became [0, 1] hold 99 % of the pixels.
    """

    NARROW_RANGE = "narrow_range"


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Stretch an image between two of its percentiles; 0 and 100 are its whole range.

    The percentiles have no effect on 8-bit images, which are divided by 255, and on
    floats that already lie in [0, 1].

    Attributes
    ----------
    low, high : float
        Percentiles, 0 ≤ low < high ≤ 100.
    without_border : bool
        Whether a constant border, such as the padding of a CT, is left out of the
        percentiles: all pixels of the one colour that more than half of the outermost
        pixels have.
    """

    low: float = 0.0
    high: float = 100.0
    without_border: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= 100:
            raise InputError(
                "Expected two percentiles with 0 <= low < high <= 100, but got "
                f"{self.low:g} and {self.high:g}; give the lower one first."
            )

    @property
    def whole(self) -> bool:
        """Whether the range includes all values, so that nothing is clipped."""
        return (self.low, self.high) == (0, 100) and not self.without_border


@dataclass(frozen=True, slots=True)
class Window:
    """Stretch an image between two values, whatever its type.

    Attributes
    ----------
    low, high : float
        Values that become 0 and 1; low < high.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        finite = math.isfinite(self.low) and math.isfinite(self.high)
        if not (finite and self.low < self.high):
            raise InputError(
                "Expected a window of two finite values with low < high, but got "
                f"{self.low:g} and {self.high:g}; give the lower one first."
            )


Intensity = Percentiles | Window
WHOLE_RANGE = Percentiles(0.0, 100.0)


@dataclass(frozen=True, slots=True)
class IntensityMapping:
    """Record of how the values of one image were mapped to [0, 1].

    Attributes
    ----------
    rule : MappingRule
        Rule that was applied.
    low, high : float
        Values of the image that became 0 and 1.
    clipped : float
        Share of the values, in [0, 1], that lay beyond these two.
    border : float
        Share of the pixels that were left out as border.
    warnings : tuple of IntensityWarning
        Warnings for the reader.
    """

    rule: MappingRule
    low: float
    high: float
    clipped: float = 0.0
    warnings: tuple[IntensityWarning, ...] = ()
    border: float = 0.0

    def __str__(self) -> str:
        """Sentence that describes the mapping."""
        if self.rule is MappingRule.DIVIDED_BY_255:
            return "divided by 255"
        if self.rule is MappingRule.AS_THEY_ARE:
            return "as they are"
        if self.rule is MappingRule.CONSTANT:
            return f"constant image of value {self.low:g}"
        ends = f"linear from {self.low:g} to {self.high:g}"
        if self.rule is MappingRule.WHOLE_RANGE:
            return ends
        kind = {
            MappingRule.PERCENTILES: "percentiles of the image"
            + (f" without its border ({self.border:.1%})" if self.border else ""),
            MappingRule.WINDOW: "a window that was given",
        }[self.rule]
        return f"{ends}, {kind}; {self.clipped:.2%} of the values clipped"

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary for provenance."""
        return {
            "rule": str(self.rule),
            "low": self.low,
            "high": self.high,
            "clipped": self.clipped,
            "warnings": [str(warning) for warning in self.warnings],
            **({"border": self.border} if self.border else {}),
        }


def parse_intensity(wanted: Intensity | str | None, default: Percentiles) -> Intensity:
    """Return the rule that a name stands for; a rule is returned unchanged.

    Parameters
    ----------
    wanted : Percentiles, Window, str or None
        ``"whole_range"``, ``"percentiles"`` (those of `default`, else
        `DEFAULT_PERCENTILES`, without a border), ``"percentiles=LOW,HIGH"`` or
        ``"percentiles=LOW,HIGH,without_border"``; upper and lower case are alike, and
        an underscore may be a hyphen or a space. None: `default`.
    default : Percentiles
        Rule of the model card.

    Raises
    ------
    InputError
        If the text has another form, or the numbers are not percentiles.
    """
    if wanted is None:
        return default
    if not isinstance(wanted, str):
        return wanted
    name, equals, numbers = wanted.partition("=")
    name = _name(name)
    if name == IntensityKind.WHOLE_RANGE and not equals:
        return WHOLE_RANGE
    if name == IntensityKind.PERCENTILES:
        if not equals:
            ends = Percentiles(*DEFAULT_PERCENTILES) if default.whole else default
            return dataclasses.replace(ends, without_border=True)
        low, _, rest = numbers.partition(",")
        high, comma, border = rest.partition(",")
        try:
            ends = Percentiles(float(low), float(high))
        except ValueError:
            pass
        else:
            if not comma or _name(border) == WITHOUT_BORDER:
                return dataclasses.replace(ends, without_border=bool(comma))
    raise InputError(
        "Expected whole_range, percentiles or percentiles=LOW,HIGH (in percent) as "
        f"the rule for intensities, but got {wanted!r}; for a window of two values "
        "use --window LOW HIGH."
    )


def _name(text: str) -> str:
    return text.strip().casefold().replace("-", "_").replace(" ", "_")


def rule_to_json(rule: Intensity) -> dict[str, Any]:
    """Make a dictionary for provenance: ``rule`` (an `IntensityKind`), and its ends."""
    if isinstance(rule, Window):
        kind = IntensityKind.WINDOW
    else:
        kind = IntensityKind.WHOLE_RANGE if rule.whole else IntensityKind.PERCENTILES
    facts = {"rule": str(kind), **dataclasses.asdict(rule)}
    if not facts.get(WITHOUT_BORDER, True):
        del facts[WITHOUT_BORDER]
    return facts


def rule_of(provenance: Mapping[str, Any]) -> Intensity:
    """Intensity rule of a run; for results of earlier versions, the whole range.

    Raises
    ------
    InputError
        If this version does not know the rule.
    """
    facts = provenance.get(RULE)
    if facts is None:
        return WHOLE_RANGE
    try:
        kind = IntensityKind(facts["rule"])
        low, high = float(facts["low"]), float(facts["high"])
        border = bool(facts.get(WITHOUT_BORDER, False))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"Expected a rule for intensities in the provenance of this result, but "
            f"got {facts!r}; it may come from another version: segment the image again."
        ) from error
    if kind is IntensityKind.WINDOW:
        return Window(low, high)
    return Percentiles(low, high, border)


def is_fixed(provenance: Mapping[str, Any]) -> bool:
    """Whether the percentiles had no effect on the images of a run.

    Earlier versions recorded this only as a sentence. Two wordings of it are read here;
    later versions record it as data.
    """
    if MAPPING in provenance:
        found = provenance[MAPPING]
        mappings = found if isinstance(found, list) else [found]
        return all(mapping["rule"] in FIXED for mapping in mappings)
    said = provenance.get("intensity", "")
    sentences = said if isinstance(said, list) else [said]
    old = ("divided by 255".casefold(), "as they are".casefold())
    return all(str(sentence).casefold() in old for sentence in sentences)
