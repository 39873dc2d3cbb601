"""Find images that a list names by their numbers, as ``{"train": [0, 5]}`` of TN3K."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

#: Fewer numbers are no list; in one, such a share of the words is numbers, and such a
#: share of these is of images.
FEW, NUMBERS, MOST = 3, 0.7, 0.9
_WORDS = re.compile(r"[\s,;:\"'\[\]{}]+")


def by_numbers(text: str, names: Iterable[str]) -> set[str]:
    """Names whose last number a text holds, if it holds hardly anything else.

    Empty otherwise. A number that several names end in stands for none of them.
    """
    words = [word for word in _WORDS.split(text) if word]
    numbers = [int(word) for word in words if word.isascii() and word.isdigit()]
    if len(numbers) < max(FEW, NUMBERS * len(words)):
        return set()
    ends = {name: re.search(r"(\d+)\D*$", name) for name in names}
    last = {name: int(end[1]) for name, end in ends.items() if end}
    times = Counter(last.values())
    known = {number: name for name, number in last.items() if times[number] == 1}
    found = [number for number in numbers if number in known]
    return {known[n] for n in found} if len(found) >= MOST * len(numbers) else set()
