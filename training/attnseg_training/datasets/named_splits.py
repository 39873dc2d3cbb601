"""Tell of splits in the names of images, such as ``train_7`` or ``007_test``."""

from __future__ import annotations

import re
from collections import Counter

from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.layouts import Files
from attnseg_training.datasets.rules import Rule
from attnseg_training.datasets.split_lists import SPLIT_WORDS, USED, split_of_word

_WORD = f"({'|'.join(SPLIT_WORDS)})"
#: A word in front of a number or a separator, and behind one; of several test sets,
#: each may have a letter (``testA_3``).
_FIRST = re.compile(rf"{_WORD}[a-d]?(?=[_\-. \d]).*", re.IGNORECASE)
_LAST = re.compile(rf".*[_\-. \d]{_WORD}[a-d]?", re.IGNORECASE)
#: It is told from this share of images with such a name, and images of a split, on.
MOST, FEW = 0.9, 2


def named_splits(files: Files) -> list[Hint]:
    """Give a hint if most names say a split, there are two or more, and no lists."""
    if files.named or files.layout.parts:
        return []
    splits: dict[str, str] = {}
    for name in files.images:
        if match := _FIRST.fullmatch(name) or _LAST.fullmatch(name):
            splits[name] = split_of_word(match[1])
    counts = Counter(splits.values())
    if len(splits) < MOST * len(files.images) or len(counts) < 2:
        return []
    if min(counts.values()) < FEW:
        return []
    held = ", ".join(f"{counts[split]} {split}" for split in USED if counts[split])
    return [Hint(Rule.NAMED_SPLITS, tuple(splits), held=held)]
