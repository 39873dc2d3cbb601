"""Say what to do with folders of other names than ``images/`` and ``masks/``."""

from __future__ import annotations

from pathlib import Path

from attnseg_training.datasets.split_lists import SPLIT_WORDS
from napari_attnseg.io.folders import entries

#: Folders of a layout without patterns.
PAIRS = ("images", "masks")
#: Those of Pascal VOC, which CVAT exports as well, in small letters.
_VOC = {"jpegimages": "images", "segmentationclass": "masks"}


def to_rename(root: Path) -> str:
    """Advice to rename folders such as Images/ or SegmentationClass/; else empty."""
    there = entries(root) if root.is_dir() else []
    small = {one.name: one.name.lower() for one in there if one.is_dir()}
    right = {name: _VOC.get(low, low) for name, low in small.items()}
    wrong = [
        name
        for name, other in right.items()
        if other in PAIRS and not (root / other).is_dir()
    ]
    if not wrong:
        return ""
    named = " and ".join(f"{name} to {right[name]}" for name in wrong)
    if any(small[name] in _VOC for name in wrong):
        lacking = [one for one in PAIRS if one not in right.values()]
        more = f", and put the {lacking[0]} into {lacking[0]}/" if lacking else ""
        return f"; rename {named}{more}"
    return f"; names of folders count in small letters: rename {named}"


def of_splits(root: Path) -> str:
    """Advice on folders of splits, such as train/ and valid/; empty without two."""
    there = entries(root) if root.is_dir() else []
    splits = [p for p in there if p.is_dir() and p.name.lower() in SPLIT_WORDS]
    if len(splits) < 2:
        return ""
    whole = (p for p in splits if all((p / part).is_dir() for part in PAIRS))
    first = next(whole, None)
    one = "" if first is None else f"give one of them, such as {first}, or "
    return (
        f"; {one}move the images of all into images/ and their masks into masks/, and "
        "list the names of each in splits/train.txt, val.txt and test.txt"
    )
