"""Find out whether the pixels of a PNG are those that were saved, by their checksums.

Pillow does not look at the checksums of pixels. From a damaged file it may decode other
pixels, such as a mask with values that nobody wrote.
"""

from __future__ import annotations

import zlib

#: Bytes of the signature, and of a part's length and name together.
_SIGNATURE, _HEAD = 8, 8


def expect_pixels_undamaged(data: bytes) -> None:
    """Raise ValueError if a part of a PNG's pixels does not fit its checksum.

    Parts that are cut short are left to the decoder, which refuses them.
    """
    view = memoryview(data)
    at = _SIGNATURE
    while at + _HEAD + 4 <= len(data):
        name = data[at + 4 : at + 8]
        end = at + _HEAD + int.from_bytes(data[at : at + 4])
        if name == b"IEND" or end + 4 > len(data):
            return
        wanted = int.from_bytes(data[end : end + 4])
        if name == b"IDAT" and zlib.crc32(view[at + 4 : end]) != wanted:
            raise ValueError("it is damaged: its pixels do not fit their checksum")
        at = end + 4
