"""Find out whether a progressive JPEG holds every scan; what is left is blurred.

Decoders show such a file without a word if its end was written after it broke off.
"""

from __future__ import annotations

from napari_attnseg.io.jpeg_markers import SOS, segments


def expect_every_scan(data: bytes) -> None:
    """Raise ValueError if bits of a progressive JPEG's brightness are in no scan.

    Each scan sends some of 64 coefficients down to some bit. Files are whole if the
    last scan of each goes down to bit 0; coefficients that no scan names are 0.
    """
    lowest: dict[int, int] = {}
    first: int | None = None
    for marker, scan, _ in segments(data):
        if marker == SOS:
            parts, (start, end, bits) = scan[1:-3:2], scan[-3:]
            first = parts[0] if first is None else first
            if first in parts:
                lowest |= dict.fromkeys(range(start, end + 1), bits & 15)
    if lowest and (max(lowest.values()) > 0 or len(lowest) == 1):
        raise ValueError("it is cut short: scans of this progressive JPEG are missing")
