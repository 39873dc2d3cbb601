"""ICC profiles for tests, which no library at hand writes."""

import io
import struct

import numpy as np
from PIL import Image, ImageCms

#: Red, green and blue of Adobe RGB and of sRGB (XYZ, adapted to D50).
ADOBE = (
    *((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087)),
    (0.14919, 0.06322, 0.74457),
)
SRGB = (
    *((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708)),
    (0.14307, 0.06061, 0.71410),
)


def icc_profile(primaries: tuple[tuple[float, ...], ...], gamma: float = 2.2) -> bytes:
    """A profile of these colours, with one gamma for all, named ``test``."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    white = 0.9642, 1.0, 0.8249
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    name = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + b"\0" * 79
    colours = [b"XYZ \0\0\0\0" + fixed(*one) for one in (white, *primaries)]
    tags = [
        (b"desc", name),
        (b"cprt", b"text\0\0\0\0x\0\0\0"),
        *zip((b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ"), colours, strict=True),
        *((key, curve) for key in (b"rTRC", b"gTRC", b"bTRC")),
    ]
    start, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for key, data in tags:
        table += key + struct.pack(">II", start + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = struct.pack(">I", start + len(body)) + b"none"
    head += struct.pack(">I", 0x02100000) + b"mntrRGB XYZ "
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acspAPPL" + b"\0" * 24
    head += fixed(*white)
    return head + b"\0" * (128 - len(head)) + table + body


def in_adobe(rgb: np.ndarray) -> np.ndarray:
    """Colours (H, W, 3) of sRGB as numbers of Adobe RGB."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile(ADOBE)))
    srgb = ImageCms.createProfile("sRGB")
    made = ImageCms.profileToProfile(
        Image.fromarray(rgb), srgb, profile, renderingIntent=1
    )
    return np.asarray(made)
