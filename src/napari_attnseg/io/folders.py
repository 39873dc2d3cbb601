"""List a folder of images: equal names, files listed once, files left out."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from pathlib import Path

from napari_attnseg.errors import InputError
from napari_attnseg.io.other_formats import (
    other_file_words,
    other_format,
    other_format_words,
)

#: Files and folders that systems and storage devices put beside images without asking
#: (those of names that begin with a dot are hidden anyway), also files of which names
#: begin so: what macOS writes beside a file on other disks.
_OF_THE_SYSTEM = (
    *("thumbs.db", "desktop.ini", ".ds_store", ".localized", ".directory"),
    *("@eadir", "#recycle", "@recycle", "$recycle.bin", "__macosx"),
    *("system volume information", "lost+found"),
)
_BESIDE = "._"


class LeftOut(StrEnum):
    """Kinds of entries that are left out; a file of another kind by its suffix.

    Attributes
    ----------
    FOLDER
        A folder among files.
    NO_SUFFIX
        A file without a suffix.
    BROKEN_LINK
        A symbolic link to a file that does not exist.
    SAME_FILE
        A further name of a file that is read under another one.
    NO_IMAGE
        A mask that belongs to no image.
    NOT_LISTED
        An image that no list of names has.
    HIDDEN
        A file whose name begins with a dot, which hides it.
    BESIDE_SLIDE
        A label, overview or thumbnail of a slide in DICOM.
    """

    FOLDER = "folder"
    NO_SUFFIX = "no_suffix"
    BROKEN_LINK = "broken_link"
    SAME_FILE = "same_file"
    NO_IMAGE = "mask_without_image"
    NOT_LISTED = "not_listed"
    HIDDEN = "hidden"
    BESIDE_SLIDE = "beside_slide"


_WORDS = {
    LeftOut.FOLDER: ("folder", "folders"),
    LeftOut.NO_SUFFIX: ("file without suffix", "files without suffix"),
    LeftOut.BROKEN_LINK: ("broken link", "broken links"),
    LeftOut.SAME_FILE: ("second name of a file", "second names of files"),
    LeftOut.NO_IMAGE: ("mask without image", "masks without image"),
    LeftOut.NOT_LISTED: ("image in no list", "images in no list"),
    LeftOut.HIDDEN: ("hidden file (.name)", "hidden files (.name)"),
    LeftOut.BESIDE_SLIDE: (
        "label, overview or thumbnail of a slide",
        "labels, overviews or thumbnails of slides",
    ),
}


#: Suffixes of documents, which may hold pictures.
_DOCUMENTS = (".pdf", ".doc", ".docx", ".ppt", ".pptx", ".odt", ".odp")


def name_key(name: str) -> str:
    """Normalise a file name, so that names that look equal to people become equal.

    macOS decomposes accents in names, Windows and macOS ignore case: an image and its
    mask that went through different systems still have the same key. The same is true
    for names that differ only in the kind of spaces, or in invisible characters.
    """
    if not name.isascii():
        name = "".join(
            " " if unicodedata.category(c) == "Zs" else c
            for c in name
            if unicodedata.category(c) != "Cf"
        )
    # Not `casefold`: ß and ss, or ﬁ and fi, are different names for all of them.
    small = unicodedata.normalize("NFC", name).lower().replace("ς", "σ")
    return unicodedata.normalize("NFC", small)


def entries(folder: Path) -> list[Path]:
    """Entries of a folder, sorted; hidden ones and those of the system left out.

    Raises
    ------
    InputError
        If the folder cannot be read.
    """
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(
            f"Expected a folder that can be read at {folder}, but: "
            f"{error.strerror or error}; change its permissions or choose another one."
        ) from error
    return [
        path
        for path in found
        if not path.name.startswith(".") and path.name.lower() not in _OF_THE_SYSTEM
    ]


def _hidden(folder: Path) -> int:
    """Number of files whose names begin with a dot, without those of the system."""
    return sum(
        path.name.startswith(".")
        and not path.name.startswith(_BESIDE)
        and path.name.lower() not in _OF_THE_SYSTEM
        and path.is_file()
        for path in folder.iterdir()
    )


def left_out(folders: Iterable[Path], used: Collection[Path]) -> dict[str, int]:
    """Count what lies in folders and is not used, by suffix or kind of `LeftOut`.

    Parameters
    ----------
    folders : iterable of Path
        Folders whose files and folders are counted; the content of their folders is
        not.
    used : collection of Path
        Files and folders that are used; a folder that holds a used file counts as used.
    """
    places = {path.parent: path.parent.resolve() for path in used}
    here = {places[path.parent] / path.name for path in used}
    here |= {above for path in here for above in path.parents}
    files = {path.resolve() for path in used}
    counts: Counter[str] = Counter()
    for folder in {folder.resolve() for folder in folders}:
        counts.update(_kind(p, files) for p in entries(folder) if p not in here)
        if hidden := _hidden(folder):
            counts[LeftOut.HIDDEN] += hidden
    return dict(sorted(counts.items()))


def _kind(path: Path, files: Collection[Path]) -> str:
    if path.is_dir():
        return LeftOut.FOLDER
    if not path.exists():
        return LeftOut.BROKEN_LINK
    if path.is_symlink() and path.resolve() in files:
        return LeftOut.SAME_FILE
    from napari_attnseg.io.readers.dicom_file import is_beside_slide
    from napari_attnseg.io.readers.formats import FileFormat, file_format

    if file_format(path) is FileFormat.DICOM and is_beside_slide(path):
        return LeftOut.BESIDE_SLIDE
    suffix = path.suffix.lower()
    if suffix == ".gz":  # .nii.gz is one kind
        suffix = Path(path.stem).suffix.lower() + suffix
    return suffix or LeftOut.NO_SUFFIX


def other_folder(folder: Path) -> str:
    """Advice on a folder without images: its folder of them, or what its files are."""
    inside = entries(folder)
    for one in inside:
        if one.is_dir() and one.name.lower() == "images":
            return f"choose {one}"
    for one in inside:
        if not one.is_file():
            continue
        if words := other_file_words(one):
            return f"of {one.name}, {words}"
        if name := other_format(one):
            return f"of {one.name}, {other_format_words(name)}"
    return "choose another folder"


def left_out_words(counts: Mapping[str, int]) -> str:
    """Describe the counts: ``"3 .dcm, 1 folder left out"``; empty without any.

    Of documents it adds what to do with the pictures in them.
    """
    if not counts:
        return ""
    kinds = {str(kind): words for kind, words in _WORDS.items()}
    named = [
        f"{n} {kinds[kind][n > 1] if kind in kinds else kind}"
        for kind, n in counts.items()
    ]
    told = "; export pictures in documents as PNG" * any(
        k in _DOCUMENTS for k in counts
    )
    return f"{', '.join(named)} left out{told}"
