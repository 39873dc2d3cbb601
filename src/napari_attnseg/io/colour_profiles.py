"""Convert colours of an embedded ICC profile, such as Adobe RGB, to sRGB.

The same numbers mean other colours in each profile; networks are trained on sRGB.
Pictures without a profile, or with one that means sRGB, keep their numbers.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Key, in provenance, of the name of the profile that colours were converted from.
COLOUR_PROFILE = "colour_profile"
#: Key of the name of one that was not converted, as colours have more than 8 bits.
PROFILE_LEFT = "colour_profile_not_used"
#: Sentence on such a file, with a place for its name.
PROFILE_LEFT_WORDS = (
    "{} has colours of more than 8 bits in an embedded profile other than sRGB, which "
    "were taken as if they were sRGB; save it as sRGB first."
)
#: TIFF tag of a profile.
PROFILE_TAG = 34675
#: Largest difference, of 255, of colours in profiles that mean sRGB.
_ALIKE = 4
#: Levels of each channel in the colours that are compared.
_LEVELS = 6


def in_srgb(pixels: NDArray[Any], profile: bytes | None) -> NDArray[Any]:
    """Return colours as sRGB.

    Parameters
    ----------
    pixels : ndarray, shape (..., W, 3) or (..., W, 4)
        Pixels of a picture; if they are not RGB or RGBA of 8 bits, they are returned as
        they are. Alpha is kept.
    profile : bytes or None
        Embedded ICC profile.
    """
    if not is_converted(pixels, profile):
        return pixels
    from PIL import Image, ImageCms

    assert profile is not None
    colours = np.ascontiguousarray(pixels[..., :3]).reshape(-1, pixels.shape[-2], 3)
    shown = ImageCms.applyTransform(Image.fromarray(colours), _to_srgb(profile))
    assert shown is not None
    found = pixels.copy()
    found[..., :3] = np.asarray(shown).reshape(found[..., :3].shape)
    return found


def is_converted(pixels: NDArray[Any], profile: bytes | None) -> bool:
    """Whether `in_srgb` converts such pixels."""
    small = pixels.dtype == np.uint8
    return small and is_colour(pixels) and profile_name(profile) is not None


def is_colour(pixels: NDArray[Any]) -> bool:
    """Whether pixels are RGB (H, W, 3) or RGBA (H, W, 4); there may be more axes."""
    return pixels.ndim > 2 and pixels.shape[-1] in (3, 4)


def profile_name(profile: bytes | None) -> str | None:
    """Name of a profile of RGB other than sRGB; None for others and damaged ones."""
    return None if profile is None else _name(profile)


@lru_cache(maxsize=16)
def is_usable(profile: bytes) -> bool:
    """Whether a profile is one of RGB that can be read."""
    try:
        _to_srgb(profile)
    except Exception:  # as in `_name`
        return False
    return True


@lru_cache(maxsize=16)
def _name(profile: bytes) -> str | None:
    from PIL import Image, ImageCms

    try:
        read = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = ImageCms.getProfileDescription(read).strip() or "unnamed"
        if read.profile.xcolor_space.strip() != "RGB" or "srgb" in name.lower():
            return None
        steps = np.linspace(0, 255, _LEVELS).astype(np.uint8)
        grid = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
        shown = ImageCms.applyTransform(Image.fromarray(grid), _to_srgb(profile))
    # Pillow may be without littleCMS, and a profile damaged in many ways.
    except Exception:
        return None
    far = np.abs(np.asarray(shown, int) - grid).max()
    return name if far > _ALIKE else None


@lru_cache(maxsize=16)
def _to_srgb(profile: bytes) -> Any:
    from PIL import ImageCms

    return ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        *("RGB", "RGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
