"""Find further folders of masks beside ``masks/``, such as ``masks_corrected/``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from attnseg_training.datasets.file_names import pictures_in
from attnseg_training.datasets.folder_names import PAIRS
from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.layouts import Files
from attnseg_training.datasets.rules import Rule
from napari_attnseg.errors import InputError
from napari_attnseg.io.folders import entries, name_key
from napari_attnseg.io.readers import read_picture
from napari_attnseg.io.readers.formats import FileFormat, file_format

#: Words in the names of folders of masks, and of others that are pictures of masks.
_OF_MASKS = re.compile(r"mask|label|gt|truth|annotat|segment|corrected|manual", re.I)
_OF_PICTURES = re.compile(r"overlay|preview|visual|colou?r|image|predict|prob", re.I)
#: At least this share of the files in such a folder have the names of masks.
SHARED = 0.5


def second_masks(files: Files) -> list[Hint]:
    """Give a hint if masks of the same names lie in another folder and differ.

    Only ``masks/`` is read, and the other folder may hold masks that were corrected.
    """
    if files.apart or files.layout.parts or not (files.root / PAIRS[1]).is_dir():
        return []
    own = {name_key(name): name for name, paths in files.masks.items() if len(paths)}
    names: list[str] = []
    told = []
    for folder in entries(files.root):
        word = folder.name
        if not folder.is_dir() or word in (*PAIRS, files.lists):
            continue
        if not _OF_MASKS.search(word) or _OF_PICTURES.search(word):
            continue
        theirs = {name_key(name): path for name, path in pictures_in(folder).items()}
        both = [key for key in theirs if key in own]
        if not both or len(both) < SHARED * len(theirs):
            continue
        other = [own[k] for k in both if _differ(files.masks[own[k]], theirs[k])]
        if other:
            told.append(f"{word}/, where {len(other)} of {len(both)} are different")
            names += other
    if not told:
        return []
    every = tuple(dict.fromkeys(names))
    return [Hint(Rule.SECOND_MASKS, every, held=", ".join(told))]


def _differ(own: Sequence[Path], other: Path) -> bool:
    """Whether a mask has another content than that of the same name."""
    if len(own) != 1:
        return True
    if own[0].read_bytes() == other.read_bytes():
        return False
    if any(file_format(path) != FileFormat.RASTER for path in (own[0], other)):
        return True
    try:
        one, two = (read_picture(path).pixels for path in (own[0], other))
    except InputError:
        return True
    return not np.array_equal(one, two)
