"""Whether the file of a film ends early, by what its container says of sizes.

FFmpeg reads Matroska, WMV and MPEG films up to their last byte without a word if they
were cut short.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

#: Start of an ASF file, and of the object in it that states the size of the file.
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_SIZES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
#: Elements of Matroska that hold others: the whole film, and some seconds of it.
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
#: Element of Matroska without content: a place that is kept free.
_VOID = 0xEC
#: Bytes of an MPEG transport stream's packets, and of what comes before the first byte
#: of each that is always the same.
_TS_FORMS = ((188, 0), (192, 4), (204, 0))
_TS_FIRST = 0x47
#: Marks in an MPEG program stream: a group of packets begins, and the film ends.
_PACK, _PROGRAM_END = b"\0\0\1\xba", b"\0\0\1\xb9"
#: Bytes at the end of an MPEG program stream that are looked at.
_LAST_PACKS = 65536


def ends_early(path: Path, container: str) -> bool:
    """Return whether the file of a film was cut short, or never finished.

    Parameters
    ----------
    path : Path
    container : str
        FFmpeg's name of the format. Of others than Matroska, ASF and MPEG, and if the
        file lies on no disk, nothing is known.

    Returns
    -------
    bool
        Also false for one that was cut between two packets, if its format has no mark
        of the end.
    """
    read = _READ.get(container)
    if read is None:
        return False
    with path.open("rb") as file:
        return read(file, path.stat().st_size)


def _asf(file: BinaryIO, size: int) -> bool:
    head = file.read(65536)
    at = head.find(_ASF_SIZES)
    if not head.startswith(_ASF) or not 0 < at <= len(head) - 92:
        return False
    said = int.from_bytes(head[at + 40 : at + 48], "little")
    # A live stream says no size; a file without one was never finished.
    live = head[at + 88] & 1
    return not live and (said == 0 or said > size)


def _matroska(file: BinaryIO, size: int) -> bool:
    inside = first = False  # within a segment of unknown size; before its first element
    while file.tell() < size:
        name, length = _element(file)
        if not name:  # cut, or no element: the next one cannot be found
            return inside or file.tell() >= size
        if first and name == _VOID:
            return True  # the list of contents that comes first was never written
        first = False
        if length is None:
            if name not in (_SEGMENT, _CLUSTER):
                return False
            first, inside = name == _SEGMENT, True
            continue
        if file.tell() + length > size:
            return inside or name == _SEGMENT
        file.seek(length, 1)
    return False


def _element(file: BinaryIO) -> tuple[int, int | None]:
    """Name of an element of Matroska, 0 if there is none, and its length, if known."""
    start = file.read(1)
    count = 9 - start[0].bit_length() if start else 9
    name = start + file.read(count - 1)
    if count > 4 or len(name) < count:
        return 0, None
    start = file.read(1)
    count = 9 - start[0].bit_length() if start else 9
    more = file.read(count - 1)
    if count > 8 or len(more) < count - 1:
        return 0, None
    bits = 7 * count
    length = int.from_bytes(start + more, "big") & ((1 << bits) - 1)
    return int.from_bytes(name, "big"), None if length == (1 << bits) - 1 else length


def _transport(file: BinaryIO, size: int) -> bool:
    head = file.read(2048)
    for step, before in _TS_FORMS:
        marks = range(before, 5 * step, step)
        if len(head) > marks[-1] and all(head[i] == _TS_FIRST for i in marks):
            if size % step:
                return True
            file.seek(size - 5 * step)
            tail = file.read()
            return any(tail[i] != _TS_FIRST for i in marks)
    return False


def _program(file: BinaryIO, size: int) -> bool:
    """Whether the last packet of an MPEG program stream is longer than the file."""
    file.seek(max(0, size - _LAST_PACKS))
    data = file.read()
    at = data.find(_PACK)
    while 0 <= at < len(data):
        head = data[at : at + 14]
        if len(head) < 6:
            return any(head) and head != _PROGRAM_END
        if head.startswith(_PACK):  # MPEG-2 may add some bytes, MPEG-1 does not
            at += 14 + (head[-1] & 7) if head[4] >> 6 == 1 else 12
        elif head.startswith(b"\0\0\1") and head[3] > _PACK[3]:
            at += 6 + int.from_bytes(head[4:6], "big")
        else:
            at = data.find(_PACK, at + 1)
    return at > len(data)


_READ: dict[str, Callable[[BinaryIO, int], bool]] = {
    "asf": _asf,
    "matroska,webm": _matroska,
    "mpegts": _transport,
    "mpeg": _program,
}
