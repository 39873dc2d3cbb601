"""Find masks that were saved under other names in or below a folder of results.

Names are looked at first; only pictures whose names hold that of a result are opened.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.how_many import how_many
from napari_attnseg.io.beside_masks import OWN, beside_words, masks_beside, names_in
from napari_attnseg.io.decoding import decode
from napari_attnseg.io.file_kinds import header_size
from napari_attnseg.io.results_below import (
    Place,
    copies_words,
    folders_below,
    stamped,
)
from napari_attnseg.mask_like import looks_like_mask

_PICTURE = re.compile(r"[^.].*\.(png|tiff?|bmp|gif|jpe?g|webp)", re.I)
#: Masks of frames of a film.
_FRAME = re.compile(rf"(frame_\d{{6,}})_mask(_({OWN}))?\.png")
#: Ends of the names of pictures that results of an image have.
_ENDS = ("_mask", *(f"_mask_{one}" for one in OWN.split("|")))
_SUFFIXES = (".png", ".tif")
_WORD = re.compile(r"[^\W_]+")


def unread_words(
    mask: Path,
    labels: NDArray[Any],
    image: Path | None = None,
    among: tuple[str, ...] | None = None,
) -> str:
    """Sentence on files that may be the corrected mask and are not read; or empty.

    They are those of `masks_beside`, and pictures beside the mask or in a folder there
    that no result names, whose name holds that of the result (or any, if there is one
    result only), and which look like a mask of its size, but another one; and those of
    `copies_words`.

    Parameters
    ----------
    mask : Path
        The mask that the results name.
    labels : ndarray of int, shape (H, W) or (N, H, W)
        Content of it.
    image : Path, optional
        The image's file, which may lie there too.
    among : tuple of str, optional
        As for `masks_beside`.
    """
    beside = masks_beside(mask, among)
    if labels.ndim == 2:
        held = _held(*_places(mask))
        for file in held.get(_key(mask), ()):
            name = Path(os.path.relpath(file, mask.parent)).as_posix()
            if name in beside or _same(file, mask) or _same(file, image):
                continue
            if _is_another(file, labels > 0):
                beside.append(name)
    said = beside_words(mask, beside), copies_words(mask, labels)
    return " ".join(filter(None, said))


def told_once(said: Iterable[str]) -> str:
    """The first of some sentences on masks, and of how many more it is true."""
    some = [one for one in said if one]
    more = f" (And of {how_many(len(some) - 1, 'more mask')}.)" if some[1:] else ""
    return some[0] + more if some else ""


def _places(mask: Path) -> tuple[tuple[Place, ...], bool]:
    """Folders to look in, and whether the mask is one of the frames of a film."""
    home = mask.parent
    film = _FRAME.fullmatch(mask.name) is not None
    films = film and f"{home.name}.json" in names_in(home.parent)
    places = [
        home,
        *folders_below(home),
        *(folders_below(home.parent) if films else ()),
    ]
    return tuple(stamped(place) for place in places), film


@lru_cache(maxsize=16)
def _held(places: tuple[Place, ...], film: bool) -> Mapping[str, list[Path]]:
    """Key of a result → pictures whose name holds it; of an only result: all."""
    home = names_in(places[0][0])
    stems, own = _of_film(home) if film else _of_images(home)
    keys = {key for stem in stems if (key := _plain(stem))}
    alone = next(iter(keys)) if len(keys) == 1 and not film else ""
    found: dict[str, list[Path]] = defaultdict(list)
    for at, (place, _) in enumerate(places):
        inside = names_in(place)
        if at:  # another run may have its results there
            _, own = _of_images(inside)
        for name in inside:
            if not _PICTURE.fullmatch(name) or name in own:
                continue
            hits = [one for one in _parts(_plain(Path(name).stem)) if one in keys]
            key = max(hits, key=len, default=alone)
            if key:
                found[key].append(place / name)
    return dict(found)


def _of_film(home: tuple[str, ...]) -> tuple[set[str], set[str]]:
    """Names of the results in a folder of a film's masks, and of their files."""
    hits = [hit for name in home if (hit := _FRAME.fullmatch(name))]
    return {hit[1] for hit in hits}, {hit[0] for hit in hits}


def _of_images(home: tuple[str, ...]) -> tuple[set[str], set[str]]:
    """Names of the results of images in a folder, and of their files."""
    names = set(home)
    stems = {
        stem
        for stem in (one[: -len(".json")] for one in names if one.endswith(".json"))
        if any(f"{stem}_mask{one}" in names for one in _SUFFIXES)
    }
    ends = [end + suffix for end in _ENDS for suffix in _SUFFIXES]
    own = {stem + end for stem in stems for end in ends}
    maps = ("_probability", "_gate_")
    own |= {
        name
        for name in names
        if any(end in name and name.partition(end)[0] in stems for end in maps)
    }
    return stems, own


def _key(mask: Path) -> str:
    """Key of the result of a mask, by which `_held` names it."""
    return _plain(mask.stem.removesuffix("_mask"))


def _plain(name: str) -> str:
    """Name without what differs between systems, from its first word to its last."""
    words = list(_WORD.finditer(unicodedata.normalize("NFC", name).casefold()))
    if not words:
        return ""
    text = words[0].string
    return text[words[0].start() : words[-1].end()]


def _parts(name: str) -> Iterator[str]:
    """All that a name holds from the beginning of a word to the end of one."""
    words = list(_WORD.finditer(name))
    for i, first in enumerate(words):
        for last in words[i:]:
            yield name[first.start() : last.end()]


def _same(file: Path, other: Path | None) -> bool:
    """Whether both are one file, also by names that differ in capital letters."""
    try:
        return other is not None and file.samefile(other)
    except OSError:
        return False


def _is_another(file: Path, lesion: NDArray[np.bool_]) -> bool:
    """Whether a picture looks like a mask of the size of one (H, W), but is not it."""
    if header_size(file) != lesion.shape:
        return False
    try:
        pixels = decode(file).series[0].array
    # The decoders raise many kinds for a damaged file, which is no mask.
    except Exception:
        return False
    if pixels.shape[:2] != lesion.shape or pixels.ndim > 3:
        return False
    flat = pixels if pixels.ndim == 2 else pixels[..., :3]
    if (flat == flat[0, 0]).all():  # an empty mask, too
        return bool(lesion.any())
    if not looks_like_mask(flat):
        return False
    bright = flat if flat.ndim == 2 else flat.max(-1)
    return not np.array_equal(bright > bright.min(), lesion)
