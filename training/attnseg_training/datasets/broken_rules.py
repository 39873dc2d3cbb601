"""Describe rules that most masks of a data set break."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attnseg_training.datasets.rules import Rule, RuleError

#: Rule → what masks are expected to have, and what those that break it are.
_WORDS = {
    Rule.MOSTLY_EMPTY: ("hold a lesion", "empty"),
    Rule.MOSTLY_FULL: ("hold background", "full"),
    Rule.MOSTLY_INVERTED: (
        "have background around the lesion",
        "lesion along most of the border or around the background, as those that were "
        "inverted, or moved by half of their size (fftshift)",
    ),
    Rule.MOSTLY_OUTLINES: ("are filled", "nothing but outlines"),
    Rule.MOSTLY_LINES: (
        "cover whole lesions",
        "thin lines, as brush strokes in lesions, diameters and centre lines are",
    ),
    Rule.MOSTLY_PATTERNED: (
        "are filled",
        "made of single pixels, dots or stripes, as those that were dithered or "
        "hatched, or of small cells side by side with thin gaps, which may be right",
    ),
    Rule.MOSTLY_SLOPED: (
        "have lesions of one number or colour inside",
        "slopes from the edge to the middle, as maps of distances, spots and gradient "
        "fills are, of which only the upper half was read as lesion",
    ),
    Rule.MOSTLY_OUT_OF_ORDER: (
        "are whole",
        "stripes that become whole if columns are read for rows, or rows for columns, "
        "as where runs (RLE, COCO) were decoded in the wrong order",
    ),
    Rule.MOSTLY_PADDED: (
        "have no lesion along a whole edge",
        "lesion along a whole edge or in a wedge, up to a straight line",
    ),
}
#: Rule → what else to do, after a look.
_REMEDIES = {
    Rule.MOSTLY_INVERTED: " and save them again as 255 in the lesion and 0 around it",
    Rule.MOSTLY_LINES: ", draw lesions up to their edges unless vessels, wires or "
    "other thin structures are to be found",
    Rule.MOSTLY_OUT_OF_ORDER: " and decode them again in the other order",
    Rule.MOSTLY_SLOPED: ", write threshold = 0 into dataset.toml if all that is above "
    "0 is lesion, or the number at the edge of lesions, such as the middle of all "
    "numbers (128 of 0 to 255) for signed distances, export them as 0 and 255 if they "
    "are in colour",
}


def broken_by_most(
    names: Mapping[Rule, Sequence[str]], least: float, total: int
) -> list[RuleError]:
    """Find rules that more than `least` of all masks break, each with a sentence.

    `least` is a share in [0, 1]. Full masks are compared with the number of masks that
    are not empty, because masks that are all either full or empty are labels of whole
    images.

    Parameters
    ----------
    names : mapping
        Rule → the images whose masks break it.
    least : float
    total : int
        Number of masks.
    """
    found = []
    for rule, broken in names.items():
        why, word = _WORDS[rule]
        lesions = total - len(names.get(Rule.MOSTLY_EMPTY, ()))
        of = lesions if rule == Rule.MOSTLY_FULL else total
        if len(broken) > least * of / max(total, 1):
            text = (
                f"Expected masks most of which {why}, but {len(broken)} of {total} "
                f"masks are {word}, first that of {broken[0]!r}; look at how they were "
                f"saved{_REMEDIES.get(rule, '')}, or give --allow {rule} if that is "
                "right."
            )
            found.append(RuleError(rule, text))
    return found
