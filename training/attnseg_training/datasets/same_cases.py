"""Find names in two splits that seem to belong to one patient or examination."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.rules import Rule

#: A case with a number of its own, and what numbers its images: patient12_frame3.
_CASE = re.compile(r"(.*\d.*?)[_\-. ]+(?:[a-z]*[_\-. ]?)\d+", re.IGNORECASE)
#: A number of an image, and behind it a word of patients or cases with its number.
_CASE_LAST = re.compile(
    r".*\d.*?[_\-. ]((?:p|pt|pat|patient|pid|subj?|subject|case|study|exam|examination)"
    r"[_\-. ]?\d+)",
    re.IGNORECASE,
)
#: One of the versions of a picture that Roboflow exports: polyp_png.rf.<hash>.
_VERSION = re.compile(r"(.+)\.rf\.[0-9a-z]{16,}", re.IGNORECASE)
#: Share of the images that are in such a case with others.
MOST = 0.5


def same_cases(splits: Mapping[str, Iterable[str]]) -> list[Hint]:
    """Give a hint on cases with images in two splits, if file names contain the case.

    Most names must contain a case, in front of what numbers their images, or behind it
    with a word that says so (``0001_P07``). Versions of one picture in two splits are
    always reported.
    """
    versions: dict[str, dict[str, str]] = {}
    cases: dict[str, dict[str, str]] = {}
    last: dict[str, dict[str, str]] = {}
    total = 0
    for split, names in splits.items():
        for name in names:
            total += 1
            if match := _VERSION.fullmatch(name):
                versions.setdefault(match[1], {})[name] = split
            elif match := _CASE.fullmatch(name):
                cases.setdefault(match[1], {})[name] = split
            if match := _CASE_LAST.fullmatch(name):
                last.setdefault(match[1].lower(), {})[name] = split
    several = _several(cases, total) or _several(last, total)
    groups = []
    for of in (*several.values(), *versions.values()):
        first: dict[str, str] = {}
        for name, split in of.items():
            first.setdefault(split, name)
        if len(first) > 1:
            groups.append(tuple(first.values()))
    names = tuple(name for group in groups for name in group)
    return [Hint(Rule.SAME_CASE, names, tuple(groups))] if groups else []


def _several(
    cases: Mapping[str, dict[str, str]], total: int
) -> dict[str, dict[str, str]]:
    """Cases with several images; empty if these are not most images, or one case."""
    several = {case: of for case, of in cases.items() if len(of) > 1}
    most = sum(map(len, several.values())) > MOST * total
    return several if len(several) > 1 and most else {}
