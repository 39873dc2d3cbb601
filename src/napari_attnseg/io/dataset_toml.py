"""Read ``dataset.toml``, which describes a data folder in up to seven lines.

``name`` is a name in `DATASETS`, or any other name. ``classes`` is a list of names
(mask values 1, 2, …) or a table of name = value. In such a table, ``background`` may
have other values than 0; then 0 may be a class. ``splits`` is the folder with the lists
of names. ``ignore`` is the mask value of pixels that are neither a class nor
background. ``threshold`` is the number above which masks of one class are lesion.
``orientation`` says whether masks were drawn on images as they are "shown" or as they
are "stored", for files that ask to be shown turned. ``further_masks`` says whether to
"unite" masks such as ``case_1`` with the mask ``case`` of an image, or to "leave out"
these.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_attnseg.errors import InputError
from napari_attnseg.io.folders import entries
from napari_attnseg.io.text_files import read_utf_8
from napari_attnseg.io.toml_text import parse_toml

FILE = "dataset.toml"
_KEYS = (
    *("name", "classes", "splits", "ignore", "threshold", "orientation"),
    "further_masks",
)
#: Of masks of 32 bits.
LARGEST, SMALLEST = 2**32 - 1, -(2**31)
ORIENTATIONS = ("shown", "stored")
FURTHER = ("unite", "leave out")
#: Names that are not those of classes, in small letters: of background; of what is not
#: labelled.
_BACKGROUND = ("background", "back ground", "backgr", "bg", "_background_", "bkg")
_VOID = ("unlabeled", "unlabelled", "void", "ignore", "ignored", "__ignore__")
#: Names that are meant for `FILE`, in small letters: with an end that was hidden, in
#: the plural, or with a separator.
_MEANT = re.compile(r"data[ _-]?sets?\.(toml|tml|tom)(\.(txt|toml))*")
#: How alike another name of a TOML file is that was mistyped, 1 being the same.
_MISTYPED = 0.85
#: Names that are meant for it if they hold TOML with its keys.
_PERHAPS = ("dataset", "dataset.txt")


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Content of a ``dataset.toml``; fields that it leaves out are empty."""

    name: str = ""
    classes: tuple[str, ...] = ()
    values: tuple[int, ...] = ()
    splits: str = "splits"
    ignore: int | None = None
    orientation: str = ""
    threshold: float | None = None
    background: tuple[int, ...] = ()
    further_masks: str = ""


def read_descriptor(root: Path) -> Descriptor:
    """Descriptor of a folder; an empty one if there is no file.

    Raises
    ------
    InputError
        If it is not TOML, or has an unknown key or a value of another kind. Also if it
        is missing, but a file with a similar name exists.
    """
    path = root / FILE
    if not path.is_file():
        _refuse_misnamed(root)
        return Descriptor()
    try:
        found = parse_toml(read_utf_8(path))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); check the file.") from error
    unknown = sorted(set(found) - set(_KEYS))
    if unknown:
        raise InputError(
            f"{path} has unknown keys {', '.join(unknown)}; known are "
            f"{', '.join(_KEYS)}."
        )
    for key in ("name", "splits"):
        if not isinstance(found.get(key, ""), str):
            raise InputError(f"Expected text for {key} in {path}, got {found[key]!r}.")
    given, background, zero = _without_background(found.get("classes", []), path)
    classes, values = _classes(given, path, zero)
    splits = found.get("splits", "splits")
    ignore = _ignore(found.get("ignore"), (*values, *background), path)
    turned = found.get("orientation", "")
    if "orientation" in found and turned not in ORIENTATIONS:
        raise InputError(
            f'Expected orientation in {path} as "shown" or "stored", got {turned!r}.'
        )
    further = found.get("further_masks", "")
    if "further_masks" in found and further not in FURTHER:
        raise InputError(
            f'Expected further_masks in {path} as "unite" or "leave out", got '
            f"{further!r}."
        )
    threshold = _threshold(found.get("threshold"), path)
    name = found.get("name", "")
    said = classes, values, splits, ignore, turned, threshold
    return Descriptor(name, *said, background, further)


def _refuse_misnamed(root: Path) -> None:
    """Refuse a file that would be overlooked for its name, such as Dataset.toml."""
    if not root.is_dir():
        return
    for path in entries(root):
        if path.is_file() and _is_misnamed(path):
            raise InputError(
                f"Expected the description of {root} in {FILE}, found {path.name}, "
                f"which is not read; rename it to {FILE}, in small letters and "
                "without another suffix, or move it elsewhere if it is something "
                "else."
            )


def _is_misnamed(path: Path) -> bool:
    name = path.name.lower()
    if name in _PERHAPS:
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError):
            return False
        return bool(set(found) & set(_KEYS))
    alike = difflib.SequenceMatcher(None, name, FILE).ratio()
    mistyped = name.endswith(".toml") and alike >= _MISTYPED
    return mistyped or bool(_MEANT.fullmatch(name))


def _ignore(given: Any, values: tuple[int, ...], path: Path) -> int | None:
    if given is None:
        return None
    if not _is_number(given) or given in values:
        raise InputError(
            f"Expected ignore in {path} as a whole number other than 0, of 32 bits, "
            f"that is no class's value, got {given!r}; 0 is background."
        )
    number: int = given
    return number


def _is_number(given: Any) -> bool:
    """Whether it is a mask value other than 0."""
    return type(given) is int and given != 0 and SMALLEST <= given <= LARGEST


def _threshold(given: Any, path: Path) -> float | None:
    if given is None:
        return None
    if type(given) not in (int, float) or not 0 <= given < LARGEST:
        raise InputError(
            f"Expected threshold in {path} as a number from 0 to below {LARGEST}, got "
            f"{given!r}."
        )
    return float(given)


def is_class_name(name: str) -> bool:
    """Whether a name can be that of a class, and not of background or of no label."""
    return name.strip().lower() not in (*_BACKGROUND, *_VOID)


def _without_background(given: Any, path: Path) -> tuple[Any, tuple[int, ...], bool]:
    """Classes without a background among them, and its values beside 0.

    Also whether 0 may be a class, as it is not the background.

    Raises
    ------
    InputError
        If it has no value, or what is not labelled is called a class.
    """
    if not isinstance(given, list | dict):
        return given, (), False
    names = [name for name in given if isinstance(name, str)]
    void = next((n for n in names if n.strip().lower() in _VOID), None)
    if void is not None:
        value = given[void] if isinstance(given, dict) else names.index(void) + 1
        raise InputError(
            f"Expected classes to segment in {path}, got {void!r}; leave it out, "
            f"and write ignore = {value} if that is the value of pixels that are "
            "neither a class nor background."
        )
    ground = next((n for n in names if n.strip().lower() in _BACKGROUND), None)
    if ground is None:
        return given, (), False
    others = [name for name in given if name != ground]
    if isinstance(given, list):
        listed = ", ".join(f'"{name}"' for name in others)
        table = ", ".join(f'"{name}" = {v}' for v, name in enumerate(given, 1))
        raise InputError(
            f"Expected classes in {path} without the background, got {ground!r}; "
            f"write classes = [{listed}] if the background is 0, or classes = "
            f"{{{table}}} if these are the mask values."
        )
    found = given[ground] if isinstance(given[ground], list) else [given[ground]]
    values = tuple(v for v in found if v != 0)
    rest = {name: given[name] for name in others}
    taken = [v for v in rest.values() if not isinstance(v, list)]
    if not others or not all(_is_number(v) and v not in taken for v in values):
        raise InputError(
            f"Expected classes in {path} beside {ground}, and its value as a whole "
            f"number, or a list of some, that is no class's, got {given!r}."
        )
    return rest, values, bool(values) and len(values) == len(found)


def _classes(
    given: Any, path: Path, zero: bool = False
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names and mask values; one class in a list needs no value.

    `zero`: whether 0 may be one.
    """
    if isinstance(given, list):
        pairs = [(name, value) for value, name in enumerate(given, start=1)]
    else:
        pairs = list(given.items()) if isinstance(given, dict) else [("", 0)]
    names, values = tuple(n for n, _ in pairs), tuple(v for _, v in pairs)
    if (
        not all(isinstance(name, str) and name for name in names)
        or not all(
            _is_number(v) or (zero and type(v) is int and v == 0) for v in values
        )
        or len(set(names)) != len(names)
        or len(set(values)) != len(values)
    ):
        raise InputError(
            f"Expected classes in {path} as a list of different names, or as a table "
            f"{{name = value, …}} with different values, of 32 bits, other than 0 "
            f"unless background has another value, got {given!r}."
        )
    return names, () if isinstance(given, list) and len(given) == 1 else values
