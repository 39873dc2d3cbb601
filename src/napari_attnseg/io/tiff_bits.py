"""TIFFs whose bits or compression need a package that is not installed."""

from __future__ import annotations

from typing import Any

#: Bits of grey values that are spread over 0 to 255.
_SPREAD = (2, 4)
#: Bits of numbers that fill whole bytes, or are masks.
_WHOLE = (1, 8, 16, 24, 32, 64)
#: Names of compressions that differ from their names in TIFF.
_NAMES = {
    **dict.fromkeys(("ZSTD", "ZSTD_DEPRECATED"), "Zstandard"),
    **dict.fromkeys(("JPEGXL", "JPEGXL_DNG"), "JPEG XL"),
    **dict.fromkeys(("WEBP", "WEBP_DEPRECATED"), "WebP"),
    **dict.fromkeys(("JPEG2000", "JPEG_2000_LOSSY"), "JPEG 2000"),
}
_PLAIN = "without compression"
#: Compressions of every libtiff.
_COMMON = (
    *("NONE", "LZW", "PACKBITS", "DEFLATE", "ADOBE_DEFLATE", "JPEG"),
    *("CCITTRLE", "CCITTFAX3", "CCITTFAX4"),
)


class RemedyError(ValueError):
    """A sound file that cannot be read; the text also says what to do."""


def is_spread(page: Any) -> bool:
    """Whether grey values of a page are spread over 0 to 255, as those of a PNG."""
    return page.bitspersample in _SPREAD and int(page.samplesperpixel) == 1


def expect_readable_bits(page: Any, white: bool) -> None:
    """Raise if the largest number of a page is not that of its bytes, nor spread."""
    bits = page.bitspersample
    if not isinstance(bits, int) or bits in _WHOLE or is_spread(page):
        return
    if bits < 8 or white:
        raise RemedyError(
            f"it stores each number in {bits} bits{', 0 as white' * white}, which is "
            "not read: save it with 8 or 16 bits"
        )


def needs_package(error: Exception) -> bool:
    """Whether tifffile failed because a package is missing."""
    return isinstance(error, ImportError) or "imagecodecs" in str(error)


def is_exchanged(page: Any) -> bool:
    """Whether Pillow exchanges the bytes of a compressed page, which libtiff did."""
    kind = page.dtype
    wide = kind.kind in "if" and kind.itemsize > 1
    return bool(wide and page.parent.byteorder == ">")


def expect_package(page: Any, unknown: bool) -> None:
    """Raise where Pillow, too, cannot decode a page of this compression or these bits.

    Parameters
    ----------
    page : Any
        Of tifffile.
    unknown : bool
        Whether Pillow does not know this kind of numbers, such as 64-bit fractions.
        Else a file of a compression that every libtiff decodes is damaged.
    """
    # Of an unknown compression it is a number, which the decoder's error names.
    name, bits = getattr(page.compression, "name", None), page.bitspersample
    if name is not None and name not in _COMMON:
        stored, other = f"is compressed with {_NAMES.get(name, name)}", _PLAIN
    elif bits not in _WHOLE and not is_spread(page):
        stored, other = f"stores each number in {bits} bits", "with 8 or 16 bits"
    elif unknown:
        stored, other = f"holds numbers of {bits} bits compressed with {name}", _PLAIN
    else:
        return
    raise RemedyError(
        f"it {stored}, which needs the package imagecodecs: run pip install "
        f"imagecodecs, or save it {other}"
    )
