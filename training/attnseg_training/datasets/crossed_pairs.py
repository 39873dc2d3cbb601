"""Tell lists of pairs whose numbers contradict each other: ``img 10.png,mask_2.png``.

Such lists arise where images and masks were sorted by different rules, as "img 10" is
before "img 2" and "mask_002" before "mask_010", and written side by side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.rules import Rule

_NUMBER = re.compile(r"\d+")
#: At least so many pairs; more than so large a share of them have other numbers; and so
#: large a share of the numbers is in both columns.
FEW, OTHERS, BOTH = 5, 0.5, 0.8


def crossed_pairs(pairs: Mapping[str, str]) -> list[Hint]:
    """Give a hint if most pairs (image → mask) have other numbers of the same range.

    Numbers that differ by one constant are no contradiction: one column was counted
    from another number on.
    """
    last = {
        image: (int(one[-1]), int(other[-1]))
        for image, mask in pairs.items()
        if (one := _NUMBER.findall(image)) and (other := _NUMBER.findall(mask))
    }
    unlike = {image: two for image, two in last.items() if two[0] != two[1]}
    images, masks = ({two[i] for two in last.values()} for i in (0, 1))
    both = len(images & masks) >= BOTH * max(len(images), len(masks), 1)
    steps = {one - other for one, other in last.values()}
    if len(unlike) < FEW or len(unlike) <= OTHERS * len(pairs):
        return []
    if not both or len(steps) == 1:
        return []
    first = next(iter(unlike))
    held = f"{first!r} with {pairs[first]!r}"
    return [Hint(Rule.CROSSED_PAIRS, tuple(unlike), held=held)]
