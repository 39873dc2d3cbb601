"""Say how numbers in names of images and masks differ where names do not fit."""

from __future__ import annotations

import re
from collections.abc import Iterable

from napari_attnseg.io.folders import name_key

#: What stands before the last number of a name, the number, and what follows it.
_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)")
#: Fewer images than this may have such numbers by chance.
FEW = 3


def unlike_in_numbers(images: Iterable[str], masks: Iterable[str]) -> str:
    """Describe how numbers in all names of a set differ, in words.

    Parameters
    ----------
    images, masks : iterable of str
        All names, also those that have a partner.

    Returns
    -------
    str
        ``"the images are numbered from 1 and the masks from 0, so that the mask '0'
        seems to belong to the image '1'"``, or that only leading zeros differ; empty
        where all names of a kind do not differ in their number alone, or the numbers
        differ otherwise.
    """
    ours, theirs = _by_number(images), _by_number(masks)
    if min(len(ours), len(theirs)) < FEW:
        return ""
    for number, (image, digits) in ours.items():
        mask, others = theirs.get(number, (image, digits))
        if digits != others:
            return (
                "numbers in the names of the images and of the masks differ by leading "
                f"zeros ({image!r} and {mask!r})"
            )
    first, other = min(ours), min(theirs)
    if first == other or {n + first - other for n in theirs} != set(ours):
        return ""
    return (
        f"the images are numbered from {first} and the masks from {other}, so that the "
        f"mask {theirs[other][0]!r} seems to belong to the image {ours[first][0]!r}, "
        "and so on"
    )


def _by_number(names: Iterable[str]) -> dict[int, tuple[str, str]]:
    """Names, with the digits of their last number, by this number.

    Empty if they differ in anything else, or a number occurs twice.
    """
    hits = [_NUMBERED.fullmatch(name) for name in names]
    found = {int(hit[2]): (hit[0], hit[2]) for hit in hits if hit}
    forms = {(name_key(hit[1]), name_key(hit[3])) for hit in hits if hit}
    return found if len(found) == len(hits) and len(forms) == 1 else {}
