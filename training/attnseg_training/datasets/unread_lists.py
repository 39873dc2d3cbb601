"""Tell of files beside the images that name some of them, and are not read.

Other programs keep splits in such files: ``instances_train.json`` of COCO,
``splits_final.json`` of nnU-Net, ``metadata.jsonl``, ``data.yaml``; and people list in
them what is to be held back or left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from attnseg_training.datasets.file_names import without_suffix
from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.layouts import Files
from attnseg_training.datasets.numbers_in_lists import by_numbers
from attnseg_training.datasets.rules import Rule
from attnseg_training.datasets.split_lists import SPLIT_WORDS
from napari_attnseg.errors import InputError
from napari_attnseg.how_many import how_many
from napari_attnseg.io.folders import entries, name_key
from napari_attnseg.io.text_files import decoded

#: Suffixes of text files that are looked at.
_TEXT = (".json", ".jsonl", ".yaml", ".yml", ".xml", ".txt", ".csv", ".tsv")
#: Files about a data set as a whole, which may name images as examples.
_ABOUT = re.compile(r"readme|licen[cs]e|changelog|citation|contributing", re.I)
#: Words of results, also of `check` and of a review, which give no splits.
_RESULTS = re.compile(r"\b(dice|iou|stops_training|image_sha256)\b", re.I)
#: Words of a file that names all images and says what each is for.
_SPLIT = re.compile(
    rf"(?<![^\W_])({'|'.join(SPLIT_WORDS)}|folds?|subset|split|hold-?out|excluded?)"
    r"(?![^\W_])"
)
#: Bytes of a file that are read; text files of a folder above which each of them
#: belongs to one image; names that a file has to hold; and files that are told.
_READ, _MANY, FEW, _TOLD = 2**23, 200, 3, 5
#: What is around names: in tables, paths and notations; and in running text, too.
_CELLS = re.compile(r"[\n\r\t,;:|\"'<>=\[\](){}/\\]+")
_WORDS = re.compile(r"[\s,;:|\"'<>=\[\](){}/\\]+")
_QUOTED = re.compile(r"[\"']([^\"'\n]{3,})[\"']")


def unread_lists(files: Files) -> list[Hint]:
    """Give a hint if text files name images of the set as a list of them would.

    A file counts that names three images or more. If it names all, it has to hold a
    word for splits. Where there are lists, files that name whole lists say no more.
    """
    if files.layout.parts or not files.root.is_dir():
        return []
    used = set(files.images)
    if files.named:
        used &= {name for names in files.named.values() for name in names}
    known = {name_key(name): name for name in used}
    names: list[str] = []
    told = []
    for path in _texts(files):
        try:
            with path.open("rb") as file:
                raw = file.read(_READ)
        except OSError:  # a locked file stops nobody from training
            continue
        text = name_key(decoded(raw, errors="replace"))
        if "\0" in text or _RESULTS.search(text):
            continue
        here = _named(text, path.suffix.lower(), known)
        if len(here) < FEW and _SPLIT.search(text):
            here = by_numbers(text, used)
        if len(here) < FEW or _says_no_more(here, used, text, known, files.named):
            continue
        where = path.relative_to(files.root).as_posix()
        told.append(f"{where} names {len(here)} of {len(used)} images")
        names += sorted(here)
    if not told:
        return []
    rest = len(told) - _TOLD
    more = [f"and {how_many(rest, 'more file')}"] if rest > 0 else []
    every = tuple(dict.fromkeys(names))
    return [Hint(Rule.UNREAD_LISTS, every, held=", ".join([*told[:_TOLD], *more]))]


def _texts(files: Files) -> list[Path]:
    """Text files at the top of the folder and one level down."""
    lists = files.root / files.lists
    found = []
    folders = [path for path in entries(files.root) if path.is_dir() and path != lists]
    for folder in (files.root, *folders):
        try:
            inside = entries(folder)
        except InputError:  # a locked folder
            continue
        if any(path.suffix == ".safetensors" for path in inside):
            continue  # a run of training
        texts = [
            path
            for path in inside
            if path.suffix.lower() in _TEXT
            and not _ABOUT.match(path.name)
            and path.is_file()
        ]
        found += texts if len(texts) <= _MANY else []
    return found


def _named(text: str, suffix: str, known: Mapping[str, str]) -> set[str]:
    """Names of images in a text.

    A name of digits alone could be any number: it counts with the suffix of an image,
    in quotes, or as a line of its own. A name without digits could be a word: it does
    not count in the middle of running text.
    """
    cells = {cell.strip(" -") for cell in _CELLS.split(text)}
    words = set(_WORDS.split(text))
    found = {bare for w in cells | words if (bare := without_suffix(w)) != w}
    found |= {cell for cell in cells if re.search(r"[^\W\d_]", cell)}
    found |= {w for w in words if re.search(r"[^\W\d_]", w) and re.search(r"\d", w)}
    if suffix == ".txt":
        found |= {line.strip() for line in text.splitlines()}
    elif suffix not in (".csv", ".tsv"):
        found |= set(_QUOTED.findall(text))
    return {known[key] for key in found if key in known}


def _says_no_more(
    here: set[str],
    used: set[str],
    text: str,
    known: Mapping[str, str],
    named: Mapping[str, Iterable[str]],
) -> bool:
    """Whether a file is a mere list of all images, or agrees with the lists."""
    if named:
        whole = {n for names in named.values() if here.issuperset(names) for n in names}
        return here <= whole
    rest = " ".join(w for w in _WORDS.split(text) if without_suffix(w) not in known)
    return here == used and not _SPLIT.search(rest)
