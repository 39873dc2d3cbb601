"""Find names in two splits that seem to belong to one patient or examination."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from attnseg_training.datasets.across_splits import Splits, across_splits
from attnseg_training.datasets.hints import Hint, grouped
from attnseg_training.datasets.rules import Rule

#: A case with a number of its own, and what numbers its images: patient12_frame3.
_CASE = re.compile(r"(.*\d.*?)[_\-. ]+(?:[a-z]*[_\-. ]?)\d+", re.IGNORECASE)
#: A number of an image, and behind it a word of patients or cases with its number.
_CASE_LAST = re.compile(
    r".*\d.*?[_\-. ]((?:p|pt|pat|patient|pid|subj?|subject|case|study|exam|examination)"
    r"[_\-. ]?\d+)",
    re.IGNORECASE,
)
#: Where a tile lies in its slide: [x=0,y=256,w=256,h=256] of QuPath, x0_y256, r0_c3.
_TILE = re.compile(
    r"(.*[^\W_].*?)(?:[_\-. ]*\[(?:[a-z]+=-?[\d.]+,?)+\]|[_\-. ]+(?:"
    + "|".join(
        rf"(?:{one})[=_\-]?\d+[_\-. ,]*(?:{other})[=_\-]?\d+"
        for one, other in (("x", "y"), ("y", "x"), ("r|row", "c|col|column"))
    )
    + r")(?:[_\-. ,]*[a-z]+[=_\-]?\d+)*)",
    re.IGNORECASE,
)
#: One of the versions of a picture that Roboflow exports: polyp_png.rf.<hash>.
_VERSION = re.compile(r"(.+)\.rf\.[0-9a-z]{16,}", re.IGNORECASE)
#: Share of the images that are in such a case with others.
MOST = 0.5


def same_cases(splits: Splits) -> list[Hint]:
    """Give a hint on cases with images in two splits, if file names contain the case.

    Most names must contain a case, in front of what numbers their images or says where
    in it they lie, or behind it with a word that says so (``0001_P07``). Versions of
    one picture in two splits are always reported.
    """
    names = {name for part in splits.values() for name in part}
    versions = {name: hit[1] for name in names if (hit := _VERSION.fullmatch(name))}
    rest = names - versions.keys()
    cases = {
        name: hit[1]
        for name in rest
        if (hit := _TILE.fullmatch(name) or _CASE.fullmatch(name))
    }
    last = {
        name: hit[1].lower() for name in names if (hit := _CASE_LAST.fullmatch(name))
    }
    several = _several(cases, len(names)) or _several(last, len(names))
    groups = across_splits(splits, several) + across_splits(splits, versions)
    return grouped(Rule.SAME_CASE, groups)


def _several(cases: Mapping[str, str], total: int) -> dict[str, str]:
    """Cases with several images; empty if these are not most images, or one case."""
    counts = Counter(cases.values())
    several = {name: case for name, case in cases.items() if counts[case] > 1}
    most = len(several) > MOST * total
    return several if most and len(set(several.values())) > 1 else {}
