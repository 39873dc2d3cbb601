"""The profile of an opened picture: an ICC profile, or what stands in its place.

A PNG without a profile may say with which power its numbers rise (gAMA): linear ones,
as renderers and some microscopes write them, are far darker than those of sRGB. A
camera may say Adobe RGB in EXIF only, by the rule for files of cameras (DCF).
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

#: Gamma of sRGB as PNG has it, and the difference that other programs' rounding makes.
_SRGB, _ALIKE = 1 / 2.2, 0.05
#: Red, green and blue of sRGB and of Adobe RGB, and white (XYZ, adapted to D50).
_COLOURS = (
    (0.43607, 0.22249, 0.01392),
    (0.38515, 0.71687, 0.09708),
    (0.14307, 0.06061, 0.71410),
)
_ADOBE_COLOURS = (
    (0.60974, 0.31111, 0.01947),
    (0.20528, 0.62567, 0.06087),
    (0.14919, 0.06322, 0.74457),
)
_WHITE = 0.9642, 1.0, 0.8249
_ADOBE, _ADOBE_GAMMA = "Adobe RGB (EXIF)", 563 / 256
#: EXIF: where the two facts lie, the tags of the colour space and of the rule by which
#: a camera wrote the file, and their values for Adobe RGB.
_EXIF, _INTEROP, _SPACE, _RULE = 0x8769, 0xA005, 0xA001, 1
_ADOBE_SPACE, _ADOBE_RULE = 2, "R03"


def profile_of(file: Picture) -> bytes | None:
    """ICC profile of a picture that Pillow has opened; None means sRGB.

    A gamma other than that of sRGB becomes a profile with the colours of sRGB, and
    Adobe RGB of EXIF one with its own. As in PNG, a profile or a statement that it is
    sRGB comes first.
    """
    info = file.info
    profile: bytes | None = info.get("icc_profile")
    if profile is not None or "srgb" in info:
        return profile
    if _is_adobe(file):
        return _profile(_ADOBE, _ADOBE_GAMMA, _ADOBE_COLOURS)
    gamma = info.get("gamma")
    if not isinstance(gamma, float) or not 0.1 < gamma < 2:
        return None
    if abs(gamma - _SRGB) < _ALIKE:
        return None
    return _profile(f"gamma {gamma:.2f}", 1 / gamma, _COLOURS)


def _is_adobe(file: Picture) -> bool:
    if "exif" not in file.info:
        return False
    try:
        exif = file.getexif()
        rule = exif.get_ifd(_INTEROP).get(_RULE, "")
        space = exif.get_ifd(_EXIF).get(_SPACE)
    except Exception:  # of many kinds, for damaged metadata of a sound picture
        return False
    return str(rule).strip("\0 ") == _ADOBE_RULE or space == _ADOBE_SPACE


@lru_cache(maxsize=16)
def _profile(
    name: str, power: float, colours: tuple[tuple[float, float, float], ...]
) -> bytes:
    """A profile of this name, with its colours, whose numbers rise with this power."""
    named = name.encode() + b"\0"
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 * power)) + b"\0\0"
    keys = b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ"
    points = zip(keys, (_WHITE, *colours), strict=True)
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(named)) + named + b"\0" * 79,
        b"cprt": b"text\0\0\0\0\0\0\0\0",
        **{key: b"XYZ \0\0\0\0" + _fixed(*one) for key, one in points},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    start, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for key, data in tags.items():
        table += key + struct.pack(">II", start + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = struct.pack(">I4sI", start + len(body), b"none", 0x02100000)
    head += b"mntrRGB XYZ " + struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acspAPPL"
    head += b"\0" * 24 + _fixed(*_WHITE)
    return head.ljust(128, b"\0") + table + body


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)
