"""Read lines of lists that name an image and its mask: ``images/1.png masks/7.png``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from attnseg_training.datasets.file_names import known_name, without_folders
from attnseg_training.datasets.inner_suffixes import SUFFIXES
from napari_attnseg.errors import InputError
from napari_attnseg.io.folders import name_key

#: Separators of columns; white space counts only if there is none of the others.
_SEPARATORS = re.compile(r"\s*[,;|\t]\s*"), re.compile(r"\s+")
#: Headings of the columns of tables that name an image, its mask and its split.
_OF = r"([_ ]?(name|path|id|file))?"
_IMAGE = re.compile(rf"(images?|img|pictures?|file|filename|path|name|id){_OF}")
_MASK = re.compile(rf"(masks?|labels?|annotations?|segmentations?|gt|target){_OF}")
_SPLIT = re.compile(r"(split|set|subset|fold|partition|usage)")


@dataclass(slots=True)
class ListedPairs:
    """Lines of lists, and the masks that they name.

    Attributes
    ----------
    images, masks : mapping
        Name → file, of the folder of images and that of masks.
    pairs : dict
        Name of an image → name of the mask that is listed for it.
    repeated : dict
        Split → name that its list holds several times → number of further lines.
    """

    images: Mapping[str, Path]
    masks: Mapping[str, Path]
    pairs: dict[str, str] = field(default_factory=dict)
    repeated: dict[str, dict[str, int]] = field(default_factory=dict)
    _keys: tuple[dict[str, str], dict[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        """Normalise the names."""
        self._keys = _keyed(self.images), _keyed(self.masks)

    def name(self, line: str, file: Path) -> str:
        """Name of the image of a line, which may give its name, its file or a path.

        A mask in a second column is kept in `pairs`. A line that names no image is
        returned as it is.

        Raises
        ------
        InputError
            If there are further columns, other than one with the name of its mask.
        """
        keys = self._keys[0]
        path, slash, last = line.replace("\\", "/").rpartition("/")
        whole = known_name(line, keys) or known_name(last, keys)
        columns = _columns(line)
        if len(columns) == 1 or (whole and not slash):
            return whole or line
        first = known_name(without_folders(columns[0]), keys)
        if first is None:
            # A path with spaces, unless one of its parts is a file of its own.
            files = [c for c in columns[:-1] if c.lower().endswith(SUFFIXES)]
            if whole and files:
                raise self._unclear(line, file)
            return whole or line
        if whole and len(_columns(path)) == 1:
            return whole
        self._add(first, columns, line, file)
        return first

    def count_repeated(self, split: str, names: Sequence[str]) -> None:
        """Record names that the list of a split holds several times."""
        again = {name: n - 1 for name, n in Counter(names).items() if n > 1}
        if again:
            self.repeated[split] = again

    def apply(
        self,
        masks: dict[str, tuple[Path, ...]],
        several: dict[str, list[str]],
        others: Mapping[str, str],
        apart: bool,
    ) -> None:
        """Replace the masks of images by those that are listed for them.

        Parameters
        ----------
        masks : dict
            Name of an image → its mask files; changed in place.
        several : dict
            Name of an image → further masks whose meaning ``dataset.toml`` does not
            state; images that have a listed mask are removed.
        others : mapping
            Name of a link to an image → the name that is used for it.
        apart : bool
            Whether each class has its own mask files.

        Raises
        ------
        InputError
            If masks of other names are listed although each class has its own.
        """
        pairs = {others.get(n, n): mask for n, mask in self.pairs.items()}
        unlike = {n: m for n, m in pairs.items() if name_key(n) != name_key(m)}
        if unlike and apart:
            image, mask = next(iter(unlike.items()))
            raise InputError(
                f"Expected masks of the names of their images, as each class has a "
                f"folder of its own, found {mask!r} listed for {image!r}; rename it."
            )
        for image in pairs:
            several.pop(image, None)
        new = {image: (self.masks[mask],) for image, mask in unlike.items()}
        for mask in unlike.values():
            if mask not in self.images:
                masks.pop(mask, None)
        masks.update(new)

    def _add(self, image: str, columns: list[str], line: str, file: Path) -> None:
        folders = [c.replace("\\", "/").rpartition("/")[0] for c in columns]
        mask = known_name(without_folders(columns[1]), self._keys[1])
        if len(columns) > 2 or mask is None or _is_of_masks(folders[0]):
            raise self._unclear(line, file)
        if name_key(mask) != name_key(image):
            other = known_name(without_folders(columns[1]), self._keys[0])
            image_too = other is not None and _fits(columns[1], self.images[other])
            image_too &= folders[1] in ("", folders[0])
            exact = _fits(columns[0], self.images[image])
            exact &= _fits(columns[1], self.masks[mask])
            if not exact or image_too:
                raise self._unclear(line, file)
        if self.pairs.setdefault(image, mask) != mask:
            raise InputError(
                f"Expected one mask of the image {image!r} in the lists, found "
                f"{self.pairs[image]!r} and in {file.name} {mask!r}; correct one."
            )

    def _unclear(self, line: str, file: Path) -> InputError:
        return InputError(
            f"Expected an image or an image and its mask per line of {file}, such as "
            f"images/1.png masks/1.png, found {line!r}, of which it is not clear what "
            "it means, or which names no mask that is there; write it so, or the name "
            "of the image alone if its mask has the same."
        )


def is_table(text: str, images: Mapping[str, str]) -> bool:
    """Whether a text is a table that gives splits of images, or masks of other names.

    Parameters
    ----------
    text : str
        Content of a file, with a row of headings first.
    images : mapping
        Normalised name of an image (`name_key`) → its name.
    """
    rows = [_columns(line) for line in text.splitlines() if line.strip()]
    headings = [column.lower() for column in rows[0]] if rows else []
    at = [i for i, told in enumerate(headings) if _IMAGE.fullmatch(told)]
    if not at:
        return False
    rows = [row for row in rows[1:] if len(row) == len(headings)]
    named = [(row, known_name(without_folders(row[at[0]]), images)) for row in rows]
    known = [(row, name) for row, name in named if name is not None]
    if any(_SPLIT.fullmatch(told) for told in headings):
        return bool(known)
    masks = [i for i, told in enumerate(headings) if _MASK.fullmatch(told)]
    return any(
        row[i] and known_name(without_folders(row[i]), images) != name
        for i in masks
        for row, name in known
    )


def _keyed(names: Mapping[str, Path]) -> dict[str, str]:
    return {name_key(name): name for name in names}


def _columns(line: str) -> list[str]:
    for separator in _SEPARATORS:
        columns = separator.split(line.strip())
        if len(columns) > 1:
            return [column.strip("\"' ") for column in columns]
    return [line.strip()]


def _fits(column: str, path: Path) -> bool:
    """Whether a column names exactly this file, if it has a suffix at all."""
    file = name_key(without_folders(column))
    return not file.endswith(SUFFIXES) or file == name_key(path.name)


def _is_of_masks(folder: str) -> bool:
    return "mask" in folder.lower().rpartition("/")[2]
