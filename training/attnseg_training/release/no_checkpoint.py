"""Recognise files that were stored in the place of a checkpoint, or around it."""

from __future__ import annotations

import zipfile
from pathlib import Path

#: First letters of a text → what it is, and what to do.
_TEXTS = {
    b"version https://git-lfs": "a Git LFS pointer, which only says where the "
    "checkpoint lies; run git lfs pull, or download the file itself",
    **dict.fromkeys(
        (b"<", b"{"),
        "a page of a website or its message; open the address in a browser, and "
        "download the file itself",
    ),
}
#: First bytes of gzip, bzip2, xz, 7-Zip, RAR and Zstandard.
_ARCHIVES = (
    *(b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd"),
)


def instead(path: Path) -> str:
    """What a file is instead of a checkpoint, and what to do; empty if unknown."""
    with path.open("rb") as file:
        start = file.read(64)
    if not start:
        return "empty; download or copy it again"
    if start.startswith(_ARCHIVES):
        return "a compressed archive; unpack it, and give the checkpoint inside"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for first, told in _TEXTS.items():
        # The length at the start of a safetensors file may look like such a letter.
        if text.startswith(first) and b"\0" not in start:
            return told
    if not zipfile.is_zipfile(path):
        return ""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    # A checkpoint is a zip file itself, of its pickle and the data of its tensors.
    if any(name.rpartition("/")[2] == "data.pkl" for name in names):
        return ""
    inside = [name for name in names if not name.endswith("/")][:1]
    listed = f", such as {inside[0]}" if inside else ""
    return f"a zip archive; unpack it, and give the checkpoint inside{listed}"
