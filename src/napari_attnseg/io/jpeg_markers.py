"""Walk the segments of a JPEG: its tables, headers and scans, one after another."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Start of a scan, which compressed pixels follow.
SOS = 0xDA
_SOI, _EOI = 0xD8, 0xD9
#: All but those inside the data of a scan: stuffed zeros, restarts and fill bytes.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")


def segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Each segment up to the end of the picture, or to one that is not whole.

    Parameters
    ----------
    data : bytes
        A JPEG, which may be damaged or cut.

    Yields
    ------
    marker : int
        Second byte of its marker.
    payload : bytes
        What follows its length; the header of a scan is whole.
    end : int
        Where the segment ends; the pixels of a scan begin there.
    """
    at = 2
    while (found := _MARKER.search(data, at)) is not None:
        marker, at = data[found.end() - 1], found.end()
        if marker == _EOI:
            return
        if marker == _SOI:
            continue
        length = int.from_bytes(data[at : at + 2])
        payload, at = data[at + 2 : at + length], at + length
        if length < 2 or at > len(data):
            return
        if marker == SOS and not (
            payload[:1] > b"\0" and len(payload) == 4 + 2 * payload[0]
        ):
            return
        yield marker, payload, at


def pixels_end(data: bytes, begin: int) -> int:
    """Where the compressed pixels of a scan end that begin at `begin`."""
    found = _MARKER.search(data, begin)
    return len(data) if found is None else found.start()
