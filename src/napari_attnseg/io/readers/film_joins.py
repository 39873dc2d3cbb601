"""Refuse files in which films were joined byte by byte, as ``cat`` and ``copy /b`` do.

FFmpeg reads only the first film of such an MP4, AVI or WMV, without a word. Of MPEG and
Matroska it reads all of them, with times that occur twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from napari_attnseg.errors import InputError

#: What to do with them, in words.
ADVICE = "join them with a program such as FFmpeg's concat, or give each film by itself"
#: Start of an ASF file.
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
#: What an AVI consists of.
_CHUNKS = (b"RIFF", b"JUNK", b"idx1")
#: Types of boxes of MP4 and MOV: start of a film, which old ones of MOV lack; its table
#: of contents; that of some seconds of a film; pictures and sound.
_BEGINS, _CONTENTS, _SECONDS, _PICTURES = b"ftyp", b"moov", b"moof", b"mdat"


def expect_one_film(path: Path, name: str, container: str) -> None:
    """Refuse a file in which another film begins behind the first one.

    Parameters
    ----------
    path : Path
    name : str
        Name for the message.
    container : str
        FFmpeg's name of the format.

    Raises
    ------
    InputError
    """
    joined = _JOINED.get(container)
    if joined is None:
        return
    with path.open("rb") as file:
        if not joined(file, path.stat().st_size):
            return
    raise InputError(
        f"Expected one film in {name}, but films were joined one after another in it, "
        f"and only the first one could be read; {ADVICE}."
    )


def _mp4(file: BinaryIO, size: int) -> bool:
    parts: list[Counter[bytes]] = [Counter()]
    at = 0
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:  # the length follows, of more than 4 bytes
            length = int.from_bytes(head[8:16], "big")
        if length < 8:  # up to the end of the file, or padding
            break
        if head[4:8] == _BEGINS:
            parts.append(Counter())
        parts[-1][head[4:8]] += 1
        at += length
    films = [one for one in parts if one[_PICTURES]]
    # Streams may repeat their start between seconds, which FFmpeg reads as one film.
    whole = [one for one in films if not one[_SECONDS]]
    # A film may hold two tables of contents, of which one is used.
    twice = any(min(one[_CONTENTS], one[_PICTURES]) > 1 for one in whole)
    return twice or (len(films) > 1 and bool(whole))


def _avi(file: BinaryIO, size: int) -> bool:
    films = at = 0
    while at + 12 <= size:
        file.seek(at)
        head = file.read(12)
        if head[:4] not in _CHUNKS:
            break
        # Longer films go on in a further RIFF of the kind AVIX (OpenDML).
        films += head.startswith(b"RIFF") and head.endswith(b"AVI ")
        length = int.from_bytes(head[4:8], "little")
        at += 8 + length + length % 2
    return films > 1


def _asf(file: BinaryIO, size: int) -> bool:
    at = 0
    while at + 24 <= size:
        file.seek(at)
        head = file.read(24)
        if at and head.startswith(_ASF):
            return True
        length = int.from_bytes(head[16:], "little")
        if length < 24:  # a live stream, or padding
            break
        at += length
    return False


_JOINED: dict[str, Callable[[BinaryIO, int], bool]] = {
    "mov,mp4,m4a,3gp,3g2,mj2": _mp4,
    "avi": _avi,
    "asf": _asf,
}
