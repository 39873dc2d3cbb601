"""The profile of an opened picture: an ICC profile, or the gamma of a PNG (gAMA).

A PNG without a profile may say with which power its numbers rise: linear ones, as
renderers and some microscopes write them, are far darker than those of sRGB.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

#: Gamma of sRGB as PNG has it, and the difference that other programs' rounding makes.
_SRGB, _ALIKE = 1 / 2.2, 0.05
#: White, red, green and blue of sRGB (XYZ, adapted to D50).
_COLOURS = {
    b"wtpt": (0.9642, 1.0, 0.8249),
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}


def profile_of(info: Mapping[Any, Any]) -> bytes | None:
    """ICC profile of a picture with this `info` of Pillow; None means sRGB.

    A gamma other than that of sRGB becomes a profile with the colours of sRGB. As in
    PNG, a profile or a statement that it is sRGB comes first.
    """
    profile: bytes | None = info.get("icc_profile")
    gamma = info.get("gamma")
    if profile is not None or "srgb" in info or not isinstance(gamma, float):
        return profile
    if not 0.1 < gamma < 2 or abs(gamma - _SRGB) < _ALIKE:
        return None
    return _profile(gamma)


@lru_cache(maxsize=16)
def _profile(gamma: float) -> bytes:
    """A profile whose numbers rise with 1 / gamma, named after it."""
    name = f"gamma {gamma:.2f}".encode() + b"\0"
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 / gamma)) + b"\0\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + b"\0" * 79,
        b"cprt": b"text\0\0\0\0\0\0\0\0",
        **{key: b"XYZ \0\0\0\0" + _fixed(*one) for key, one in _COLOURS.items()},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    start, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for key, data in tags.items():
        table += key + struct.pack(">II", start + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = struct.pack(">I4sI", start + len(body), b"none", 0x02100000)
    head += b"mntrRGB XYZ " + struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acspAPPL"
    head += b"\0" * 24 + _fixed(*_COLOURS[b"wtpt"])
    return head.ljust(128, b"\0") + table + body


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)
