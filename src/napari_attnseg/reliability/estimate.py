"""The expected Dice of one case, as data and as text. No torch, no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from napari_attnseg.masks import MEDSAM, MaskRules, rules_of

#: Key of the provenance of a run under which the estimate is; of a stack a list.
ESTIMATE = "expected_dice"
#: Key of the provenance under which is how the estimate was measured.
MEASURED = "expected_dice_measured"
#: Below this Dice a mask is called bad where the estimate is measured.
BAD = 0.7
#: What a line on a mask of such an image begins with.
UNLIKE_FIRST = "This image does not look like the images these weights were trained on."
UNLIKE_WORDS = "unlike the images it was measured on"
GREY_WORDS = "it was measured on colour images only, and this one is grey"
PAGE_WORDS = (
    "it was measured on images of one picture each, and this one seems to be a page "
    "of several"
)
_WHOLE = "it was measured on whole images"
#: Where the low end of the range is written as 0.00.
MAYBE_NONE = "the mask may miss the lesion, or there may be none"
#: What the number cannot say, wherever it is explained.
LIMITS = (
    "It is an estimate for images like those it was measured on; how far it is off "
    "elsewhere (another hospital, device or organ) is not known."
)
_SPLITS = {"train": "training", "val": "validation"}


class EstimateState(StrEnum):
    """Whether there is an expected Dice."""

    ESTIMATED = "estimated"
    #: The image is unlike those that the estimate was measured on.
    UNLIKE = "unlike"
    #: The image is grey, and the weights learned from colour only.
    GREY = "grey"
    #: The image is a page of several pictures.
    PAGE = "page"
    #: Nothing was found, so there is no mask to be judged.
    EMPTY = "empty"
    #: The image was segmented in another way than where the estimate was measured.
    TILES = "tiles"
    BOX = "box"
    FLIPS = "flips"
    #: The mask was made anew with another threshold or clean-up; never in a file.
    RULES = "rules"
    #: A person or another program changed the mask; never in a file.
    CHANGED = "changed"
    #: Of a stack, in which it is not known here of which frames.
    STACK_CHANGED = "stack_changed"

    @property
    def another_way(self) -> bool:
        """Whether there is no number because the mask was made, or is, another one."""
        return self in _OF_WAYS


_OF_WAYS = {
    EstimateState.TILES: f"{_WHOLE}, not on tiles",
    EstimateState.BOX: f"{_WHOLE}, not on a box",
    EstimateState.FLIPS: "it was measured without averaging over mirror images",
    EstimateState.RULES: "it was measured at the model's own threshold, without "
    "clean-up",
    EstimateState.CHANGED: "the mask was changed since the model made it",
    EstimateState.STACK_CHANGED: "masks of this stack were changed since the model "
    "made them",
}


@dataclass(frozen=True, slots=True)
class ExpectedDice:
    """Expected Dice of the model's own mask of one case.

    Attributes
    ----------
    state : EstimateState
        There is a number only with `EstimateState.ESTIMATED`.
    mean : float or None
        Expected Dice, in [0, 1].
    low, high : float or None
        Ends of the prediction interval. It contains the Dice of the fraction `coverage`
        of the measured cases that had this expected Dice.
    coverage : float unlikeness : float or None
        Distance of the image's features from those of the measured images; above 1 the
        image is called unlike them.
    measured : mapping
        JSON-ready facts of the measurement, from the model card: ``n``, ``dataset``,
        ``split``, ``auroc`` and more.
    """

    state: EstimateState
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    coverage: float = 0.9
    unlikeness: float | None = None
    measured: Mapping[str, Any] = field(default_factory=dict)

    def without_number(self) -> ExpectedDice:
        """Copy without a number, for a grey image if the rule is for colour images."""
        if self.state is not EstimateState.ESTIMATED:
            return self
        return replace(self, state=EstimateState.GREY, mean=None, low=None, high=None)

    def none_because(self, state: EstimateState) -> ExpectedDice:
        """Copy without a number for this reason; an earlier reason stays."""
        if self.state not in (EstimateState.ESTIMATED, EstimateState.EMPTY):
            return self
        return replace(self, state=state, mean=None, low=None, high=None)

    def to_provenance(self) -> dict[str, Any]:
        """Entries for the provenance of a run, rounded to meaningful digits."""
        numbers = {
            name: None if (value := getattr(self, name)) is None else round(value, 4)
            for name in ("mean", "low", "high", "unlikeness")
        }
        measured = {"coverage": self.coverage, **self.measured}
        return {ESTIMATE: {"state": str(self.state), **numbers}, MEASURED: measured}

    @property
    def short(self) -> str:
        """A few words, such as ``expected Dice 0.91 (0.85–0.95)``."""
        if self.state is EstimateState.EMPTY:
            return "no expected Dice of an empty mask"
        if self.mean is None:
            return f"no expected Dice: {self.why_none}"
        return f"expected Dice {self.mean:.2f} ({self.low:.2f}–{self.high:.2f})"

    @property
    def why_none(self) -> str:
        """Why there is no number; empty if there is one, or the mask is empty."""
        reasons = {
            EstimateState.UNLIKE: UNLIKE_WORDS,
            EstimateState.GREY: GREY_WORDS,
            EstimateState.PAGE: PAGE_WORDS,
            **_OF_WAYS,
        }
        return reasons.get(self.state, "")

    @property
    def words(self) -> str:
        """`short`, followed by the images on which the rule was measured."""
        if self.state is EstimateState.ESTIMATED:
            of = images_words(self.measured)
            said = f"{self.short}, estimated by a rule measured on {of}"
            none = self.low is not None and self.low < 0.005
            return f"{said}; {MAYBE_NONE}" if none else said
        if self.state is EstimateState.UNLIKE:
            said = f"{self.short} ({images_words(self.measured)})"
            wrong = false_alarms_words(self.measured)
            return f"{said}; {wrong}" if wrong else said
        return self.short

    @property
    def sentence(self) -> str:
        """`words` with a capital letter; empty for an empty mask."""
        if self.state is EstimateState.EMPTY:
            return ""
        return f"{self.words[0].upper()}{self.words[1:]}"

    @property
    def details(self) -> str:
        """Sentences on the meaning of the number, and on its measured quality."""
        return details_of(self.measured, self.coverage)


def false_alarms_words(measured: Mapping[str, Any]) -> str:
    """How often an ordinary image is called unlike; empty if it was not measured."""
    found = measured.get("false_alarms") or {}
    mean, n = found.get("mean"), found.get("n")
    if mean is None:
        return ""
    if not mean and n:  # of few images, none does not mean fewer than 1 of 100
        return f"this check was wrong for none of {n} ordinary images"
    many = round(100 * mean)
    said = f"about {many}" if many else "fewer than 1"
    return f"this check is wrong for {said} of 100 ordinary images"


def images_words(measured: Mapping[str, Any]) -> str:
    """Describe the measured images, such as ``88 Kvasir-SEG validation images``."""
    split = str(measured.get("split", ""))
    words = [str(measured.get("n", "?")), str(measured.get("title", ""))]
    words += [_SPLITS.get(split, split), "images"]
    return " ".join(word for word in words if word)


def details_of(measured: Mapping[str, Any], coverage: float = 0.9) -> str:
    """Say what an expected Dice means and how good it was when it was measured."""
    said = [
        f"Expected Dice: fitted on {images_words(measured)} and damaged copies of "
        f"them. The Dice of {100 * coverage:.0f} % of such cases lies in the range."
    ]
    auroc = measured.get("auroc")
    if auroc:
        said.append(
            f"It tells masks with a Dice below {BAD:g} from others with an AUROC of "
            f"{auroc['mean']:.2f} ({auroc['low']:.2f}–{auroc['high']:.2f}), by "
            "cross-validation over images."
        )
    without = measured.get("without_lesion") or {}
    if without.get("n"):
        said.append(
            f"On {without['n']} corners of these images that show no lesion something "
            f"was drawn in {100 * without['drawn']:.0f} %."
        )
        if without.get("expected") is not None:
            said[-1] = said[-1][:-1] + (
                f", with an expected Dice of {without['expected']:.2f} on average."
            )
    said.append(LIMITS)
    return " ".join(said)


def estimate_of(provenance: Mapping[str, Any], frame: int = 0) -> ExpectedDice | None:
    """The expected Dice of a mask, from the provenance of its run.

    None if there is no expected Dice: the model was not measured, or the mask is not
    the model's own (another threshold, clean-up, refinement by MedSAM). Painting by
    hand is not visible here.

    Parameters
    ----------
    provenance : mapping
    frame : int
        Frame of a stack.
    """
    return None if _other_rules(provenance) else _recorded(provenance, frame)


def estimate_or_why_none(
    provenance: Mapping[str, Any], frame: int = 0
) -> ExpectedDice | None:
    """`estimate_of`; after another threshold or clean-up, the reason of no number.

    An image that is unlike the known ones is still unlike them then.
    """
    found = _recorded(provenance, frame)
    if found is None or not _other_rules(provenance):
        return found
    return found.none_because(EstimateState.RULES)


def _other_rules(provenance: Mapping[str, Any]) -> bool:
    """Whether the mask was made by other rules than those that the model came with."""
    own = MaskRules(float(provenance.get("threshold", 0.5)))
    return rules_of(provenance) != own


def _recorded(provenance: Mapping[str, Any], frame: int) -> ExpectedDice | None:
    """What the run recorded, whatever was done with the mask since."""
    found = provenance.get(ESTIMATE)
    if isinstance(found, Sequence):
        found = found[frame] if frame < len(found) else None
    if found is None or MEDSAM in provenance:
        return None
    measured = dict(provenance.get(MEASURED, {}))
    coverage = measured.pop("coverage", 0.9)
    if found.get("state") not in set(EstimateState):
        return None  # of a later version
    return ExpectedDice(
        EstimateState(found["state"]),
        found.get("mean"),
        found.get("low"),
        found.get("high"),
        coverage,
        found.get("unlikeness"),
        measured,
    )
