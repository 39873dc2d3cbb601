"""Find out whether a progressive JPEG holds every scan; what is left is blurred.

Decoders show such a file without a word if its end was written after it broke off.
"""

from __future__ import annotations

import re

#: Markers inside the data of a scan: stuffed zeros, restarts and fill bytes.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")
_SOS, _SOI, _EOI = 0xDA, 0xD8, 0xD9


def expect_every_scan(data: bytes) -> None:
    """Raise ValueError if bits of a progressive JPEG's brightness are in no scan.

    Each scan sends some of 64 coefficients down to some bit. Files are whole if the
    last scan of each goes down to bit 0; coefficients that no scan names are 0.
    """
    lowest: dict[int, int] = {}
    first: int | None = None
    at = 2
    while (found := _MARKER.search(data, at)) is not None:
        marker, at = data[found.end() - 1], found.end()
        if marker == _EOI:
            break
        if marker == _SOI:
            continue
        length = int.from_bytes(data[at : at + 2])
        if marker == _SOS:
            count = data[at + 2]
            parts = data[at + 3 : at + 3 + 2 * count : 2]
            start, end, bits = data[at + 3 + 2 * count : at + 6 + 2 * count]
            first = parts[0] if first is None else first
            if first in parts:
                lowest |= dict.fromkeys(range(start, end + 1), bits & 15)
        at += length
    if lowest and (max(lowest.values()) > 0 or len(lowest) == 1):
        raise ValueError("it is cut short: scans of this progressive JPEG are missing")
