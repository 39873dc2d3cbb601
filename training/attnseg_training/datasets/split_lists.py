"""Read lists of the names of training, validation and test images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from attnseg_training.datasets.file_names import without_suffix
from attnseg_training.datasets.listed_pairs import ListedPairs, is_table
from attnseg_training.datasets.numbers_in_lists import by_numbers
from napari_attnseg.errors import InputError
from napari_attnseg.io.folders import entries, name_key
from napari_attnseg.io.text_files import read_utf_8

Names = tuple[str, ...]

#: Lists that decide what is trained and measured on: nobody wants one of them empty.
USED = ("train", "val", "test")
#: Other words for them.
_WORDS = {
    "training": "train",
    "valid": "val",
    "validation": "val",
    "testing": "test",
}
SPLIT_WORDS = (*USED, *_WORDS)
#: Suffixes of lists that are read: one name per line.
_READ = (".txt", ".lst")
#: What lists are kept in; those of `_READ` among them.
_TABLES = (
    *_READ,
    *("", ".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".list"),
    *(".xls", ".xlsx", ".ods", ".npy", ".npz", ".pkl", ".mat"),
)
#: Tables that may say splits or masks, whatever they are called.
_WITH_HEADINGS = (".csv", ".tsv")
#: Folders that other programs keep lists in, in lower case.
_FOLDERS = ("split", "splits", "imagesets", "lists")
_LIKE_A_LIST = re.compile(
    rf"(.*[_\-. ])?({'|'.join(SPLIT_WORDS)}|trainval|splits?|folds?)"
    r"([_\-. ]?(\d+|names|ids|list|files|images|set|split))?"
)
#: Bytes of a file that are looked through for names of images.
_LOOKED_THROUGH = 2**20


def read_lists(
    root: Path, lists: str, lines: ListedPairs, others: Mapping[str, str]
) -> dict[str, Names]:
    """Split → names that are listed for it; empty where there is no list.

    Parameters
    ----------
    root : Path
        The data folder.
    lists : str
        Folder of the lists, relative to it.
    lines : ListedPairs
        Reads the lines of lists, and keeps the masks that they name.
    others : mapping
        Names of links to images → the name that is used.

    Raises
    ------
    InputError
        If a list cannot be read, a split has two lists, a list is empty, or there seem
        to be lists with names that are not recognised.
    """
    known = set(lines.images)
    folder = root / lists
    named: dict[str, Names] = {}
    of_split: dict[str, Path] = {}
    there = entries(folder) if folder.is_dir() else []
    there = [path for path in there if path.is_file()]
    read = [path for path in there if path.suffix.lower() in _READ]
    for file in sorted(read, key=lambda path: (split_of(path), path)):
        split = split_of(file)
        if split in named:
            raise InputError(
                f"{of_split[split].name} and {file.name} in {folder} are two lists for "
                f"{split}, so it is not clear which is meant; remove one."
            )
        listed = [line.strip() for line in list_text(file).splitlines()]
        names = [
            lines.name(line, file)
            for line in listed
            if line and not _is_comment(line, known)
        ]
        lines.count_repeated(split, names)
        # A name that is listed twice is one image, and so are a link and its target.
        once = dict.fromkeys(others.get(name, name) for name in names)
        named[split] = expect_names(tuple(once), file, split)
        of_split[split] = file
    _expect_all_read(root, folder, [p for p in there if p not in read], known, named)
    return named


def _expect_all_read(
    root: Path,
    folder: Path,
    unread: list[Path],
    known: set[str],
    named: Mapping[str, Names],
) -> None:
    """Refuse lists that would be overlooked, so that nobody trains on test images."""
    kind = "text files with one name of an image per line"
    for path in unread:
        if _is_list(path, known, any_name=True):
            raise InputError(
                f"Expected lists of images in {folder} as {kind}, train.txt, val.txt "
                f"and test.txt, found {path.name}, which is not read; save it so, or "
                "move it elsewhere if it is no list."
            )
    if named:
        return
    # A folder with a hidden file (.keep) is empty on purpose.
    if folder.is_dir() and (entries(folder) or not any(folder.iterdir())):
        but = " but other things" if entries(folder) else ""
        raise InputError(
            f"Expected lists of images in {folder} as {kind}, train.txt, val.txt and "
            f"test.txt, found none{but}; add them, or remove the folder."
        )
    for path in _elsewhere(root):
        if _is_list(path, known):
            where = path.relative_to(root).as_posix()
            there = "none in it and" if folder.is_dir() else "no such folder"
            raise InputError(
                f"Expected lists of images in {folder} as {kind}, train.txt, val.txt "
                f"and test.txt, found {there} in {root} but {where}, which is not "
                f"read; move the lists to {folder}, or write splits = FOLDER into "
                "dataset.toml, or move them elsewhere if they are none."
            )


def _elsewhere(root: Path) -> list[Path]:
    """Files beside the images, and in folders that are called as if of lists."""
    found = []
    for path in entries(root):
        if path.is_file():
            found.append(path)
        elif path.name.lower() in _FOLDERS:
            found += sorted(p for p in path.rglob("*") if p.is_file())
    return found


def _is_list(path: Path, known: Iterable[str], any_name: bool = False) -> bool:
    """Whether a file is called as a list of images is, and names one if it is text.

    A table with headings may have any name.
    """
    kind = path.suffix.lower()
    if kind not in _TABLES:
        return False
    any_name = any_name or _LIKE_A_LIST.fullmatch(path.stem.lower()) is not None
    if not any_name and kind not in _WITH_HEADINGS:
        return False
    with path.open("rb") as file:
        text = file.read(_LOOKED_THROUGH).decode(errors="replace")
    if "\0" in text:  # no text
        return any_name
    if not any_name:
        return is_table(text, {name_key(name): name for name in known})
    words = set(re.split(r"[\s,;:\"'\[\]{}/\\]+", name_key(text)))
    words |= {without_suffix(word) for word in words}
    return any(name_key(name) in words for name in known) or bool(
        by_numbers(text, known)
    )


def _is_comment(line: str, known: Iterable[str]) -> bool:
    """Whether a line begins with ``#`` and names no image of that very name."""
    names = line, without_suffix(line)
    return line.startswith("#") and not any(name in known for name in names)


def split_of(file: Path) -> str:
    """Split of a list by its file name; upper and lower case are alike."""
    word = split_of_word(file.stem)
    return word if word in USED else file.stem


def split_of_word(word: str) -> str:
    """Split that a word means, such as "val" of ``Validation``; else in lower case."""
    return _WORDS.get(word.lower(), word.lower())


def expect_names(names: Names, file: Path, split: str) -> Names:
    """Raise an error for an empty list of training, validation or test images."""
    if not names and split in USED:
        raise InputError(
            f"Expected names of images in {file}, found none; list the images of "
            f"{split}, or remove the file."
        )
    return names


def list_text(file: Path) -> str:
    """Read the text of a list, without the byte-order mark of some Windows programs."""
    try:
        return read_utf_8(file)
    except OSError as error:
        raise InputError(
            f"The list of names {file} cannot be read ({error}); check the file."
        ) from error
