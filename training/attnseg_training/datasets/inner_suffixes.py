"""Pair names of which one has a suffix inside: ``case.jpg`` and ``case.jpg.png``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable

from attnseg_training.datasets.nifti import SUFFIXES as NIFTI
from napari_attnseg.io.folders import name_key
from napari_attnseg.io.readers.formats import SUFFIXES as READABLE
from napari_attnseg.io.readers.formats import FileFormat

#: Suffixes of images and masks, in lower case.
SUFFIXES = (
    *READABLE[FileFormat.RASTER],
    *NIFTI,
    *READABLE[FileFormat.DICOM],
)
_ENDS = "|".join(map(re.escape, SUFFIXES))
#: Endings that programs write after the whole name of an image's file.
_MASK = re.compile(rf"(.+(?:{_ENDS}))[_\-. ]+(?:masks?|segmentation|seg|labels?|gt)")
_INNER = re.compile(rf"(.+?)(?:{_ENDS})+")


def named_after_files(images: Iterable[str], masks: Collection[str]) -> dict[str, str]:
    """Map masks without an image to the images whose whole file name they contain.

    The reverse counts too: an image ``case.nii.gz.png`` has the mask ``case.nii.gz``.
    Only names that belong to no other image or mask are paired.

    Parameters
    ----------
    images, masks : collection of str
        Names without their last suffix, such as ``case.jpg`` of ``case.jpg.png``.
    """
    names = list(images)
    bare_images = {name: _bare(name) for name in names}
    bare_masks = {name: _bare(name, mask=True) for name in masks}
    counts = Counter(bare_images.values()), Counter(bare_masks.values())
    lone = {bare: n for n, bare in bare_images.items() if counts[0][bare] == 1}
    return {
        mask: lone[bare]
        for mask, bare in bare_masks.items()
        if counts[1][bare] == 1 and bare in lone and mask != lone[bare]
    }


def _bare(name: str, mask: bool = False) -> str:
    """Normalised name (`name_key`) without the suffixes inside it."""
    key = name_key(name)
    if mask and (found := _MASK.fullmatch(key)):
        key = found[1]
    inner = _INNER.fullmatch(key)
    return inner[1] if inner else key
