"""DICOM whose pixels contradict what the header says of their bits.

The header says which bits of a stored word are the value (BitsStored, HighBit) and
whether it is signed (PixelRepresentation). If a script puts other numbers back and
leaves the header as it was, values wrap around: neighbours then differ by nearly as
much as the bits can say. So neighbours show which of two readings is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers.dicom_header import is_padded

# Neighbours whose further bits differ tell whether these belong to the value: if so,
# the stored bits jump there, and whole words are nearer to each other.
#: Share of them whose whole words are nearer, up to which further bits are a drawing or
#: noise, and from which on the stored bits have wrapped around.
_DRAWN, _WRAPPED = 0.05, 0.3
#: The same for the mean difference of the stored bits of all neighbours, as a share of
#: all numbers that these bits can say; random numbers differ by a third. Bits that
#: wrapped around several times from pixel to pixel differ at this share of neighbours.
_EVEN, _ROUGH, _OFTEN = 0.1, 0.15, 0.3
#: Letters on black have further bits, but no other stored ones; padding has.
_MARKED = 0.02
#: Whole words are an image if neighbours differ by up to this share of their range.
_SMOOTH = 0.1
#: Neighbours on both sides of the sign: mean difference from which the sign is wrong.
#: Air and tissue differ by a quarter of 12 bits.
_WRONG_SIGN = 0.8
#: Marks and padding have fewer different values than this at either side, …
_VALUES = 8
#: … or one value at most of the neighbours; below this share, pixels are too few.
_ONE_VALUE, _FEW = 0.5, 1e-3
#: A sign is told from this number of bits on.
_LEAST_BITS = 10
#: Pixels of whole rows, and of whole columns, that are compared.
_COMPARED = 2**20
#: Frames of a set whose bits are looked at when it is opened.
_FRAMES = 16
#: Kinds of pixels that are one number, or one of each colour.
_KINDS = ("MONOCHROME1", "MONOCHROME2", "RGB")


def has_words(header: Any) -> bool:
    """Whether its pixels are words of more than 8 bits, which no JPEG has changed."""
    from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit

    syntax = header.file_meta.get("TransferSyntaxUID")
    return (
        int(header.get("BitsAllocated") or 0) > 8
        and bool(header.get("BitsStored"))
        and header.get("PhotometricInterpretation") in _KINDS
        and syntax not in (JPEGBaseline8Bit, JPEGExtended12Bit)
    )


def bits_at(headers: Sequence[Any]) -> list[int]:
    """Which frames, of which these are the headers, tell how words are read."""
    at = [
        index
        for index, header in enumerate(headers)
        if has_words(header) and int(header.BitsStored) < int(header.BitsAllocated)
    ]
    some = np.linspace(0, len(at) - 1, min(len(at), _FRAMES)).astype(int)
    return [at[one] for one in some]


def values_of(
    words: NDArray[Any], header: Any, all_bits: bool | None = None
) -> tuple[NDArray[Any], bool | None]:
    """Values of stored words; whether these are all bits, in place of BitsStored.

    In place of that, None: both are the same.

    Parameters
    ----------
    words : ndarray of int, shape (H, W) or (H, W, 3)
        Whole words of one frame, signed if the header says so.
    header : Dataset
    all_bits : bool, optional
        How other frames of the set are read.

    Raises
    ------
    InputError
        If it is not clear which bits are the value, or they are other ones than in
        other frames, or its sign is another one.
    """
    allocated, stored = 8 * words.dtype.itemsize, int(header.BitsStored)
    if allocated == 8 or stored > allocated:
        return words, None
    high = header.get("HighBit")
    # A value cannot end below its number of bits: then HighBit is an old one.
    used = int(high) + 1 if high is not None and stored <= high < allocated else stored
    padded = is_padded(words, header)
    drawn = _overlays(words, header)
    values, whole = _used(words, padded, drawn, used, stored)
    if None not in (whole, all_bits) and whole != all_bits:
        raise _unclear(stored)
    if whole:
        stored = allocated
    elif used > stored:
        below = (1 << used - stored) - 1
        values = _upper(values & ~(drawn & below), used - stored, stored)
        padded = is_padded(values, header)
    if words.ndim == 2 and stored >= _LEAST_BITS:
        _expect_sign(values, padded, stored)
    return values, whole


def _used(
    words: NDArray[Any], padded: NDArray[np.bool_], drawn: Any, used: int, stored: int
) -> tuple[NDArray[Any], bool | None]:
    """The lowest bits of words, or all of them, whichever show an image."""
    # Padding may have more bits than values have.
    values = np.where(padded, words, _lowest(words, used))
    words = (words & ~drawn) | (values & drawn)
    beyond = words[values != words]
    if not len(beyond):
        return values, None
    cut, whole = _steps(values, padded), _steps(words, padded)
    between = cut != whole
    rough = float(cut.mean()) / 2**used
    nearer = float((whole < cut)[between].mean()) if between.any() else 0.0
    if len(np.unique(beyond[:: len(beyond) // _COMPARED + 1])) < _VALUES:
        white = (_lowest(beyond, used) == (1 << used) - 1).all()  # all bits are set
        few = len(beyond) < _FEW * words.size or not between.any()
        if few or white or cut[between].mean() <= _MARKED * 2**used:
            return values, False
        raise _unclear(stored)
    flat = np.ptp(values) == 0
    if nearer <= _DRAWN and rough <= _EVEN and not flat:
        return values, False
    wrapped = nearer >= _WRAPPED or (rough >= _ROUGH and between.mean() >= _OFTEN)
    smooth = whole.mean() <= _SMOOTH * (float(words.max()) - float(words.min()))
    if (wrapped or flat) and smooth and used == stored:
        return words, True
    raise _unclear(stored)


def _unclear(stored: int) -> InputError:
    return InputError(
        f"Expected pixels of {stored} bits, as the header says (BitsStored), but "
        "pixels of this DICOM file use more, and it is not clear which bits are the "
        "value; correct BitsStored and HighBit, or export the image again."
    )


def _upper(values: NDArray[Any], shift: int, stored: int) -> NDArray[Any]:
    """Values whose lowest bits are below the value."""
    if (_lowest(values, stored) == values).all() and (values & (1 << shift) - 1).any():
        raise InputError(
            f"Expected values in the upper {stored} of {shift + stored} bits, as the "
            "header says (HighBit), but those of this DICOM file lie in the lower "
            f"ones; set HighBit to {stored - 1}, or export the image again."
        )
    return values >> shift


def _expect_sign(values: NDArray[Any], padded: NDArray[np.bool_], bits: int) -> None:
    """Refuse values that join only if the sign of the header is changed."""
    signed = values.dtype.kind == "i"
    # The reading with the other sign differs at the values beyond this one.
    beyond = values < 0 if signed else values >= 1 << bits - 1
    if not beyond.any() or beyond.all():
        return
    one, other = _neighbours(values, padded)
    limit = 0 if signed else 1 << bits - 1
    across = (one < limit) != (other < limit)
    if across.sum() < _FEW * len(one):
        return
    one, other = one[across], other[across]
    if np.abs(one - other).mean() < _WRONG_SIGN * 2**bits:
        return
    for side in (np.minimum(one, other), np.maximum(one, other)):
        _, counts = np.unique(side, return_counts=True)
        if len(counts) < _VALUES or counts.max() > _ONE_VALUE * len(side):
            return
    said, right = ("signed", "unsigned") if signed else ("unsigned", "signed")
    raise InputError(
        f"Expected {said} numbers, as the header says (PixelRepresentation "
        f"{int(signed)}), but those of this DICOM file have wrapped around, as {right} "
        f"ones do; set PixelRepresentation to {int(not signed)}, or export the image "
        "again."
    )


def _overlays(words: NDArray[Any], header: Any) -> Any:
    """The bits of a word that hold overlays, as the header says."""
    found = 0
    for group in range(0x6000, 0x6020, 2):
        at = header.get((group, 0x0102))
        inside = header.get((group, 0x3000)) is None  # else it has data of its own
        if inside and at is not None and 0 <= (at.value or 0) < 8 * words.itemsize:
            found |= 1 << int(at.value or 0)
    return np.array(found).astype(words.dtype)


def _lowest(words: NDArray[Any], bits: int) -> NDArray[Any]:
    """The lowest bits of words, as numbers with the sign of their type."""
    unused = 8 * words.dtype.itemsize - bits
    return np.asarray((words << unused) >> unused)


def _steps(values: NDArray[Any], padded: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Absolute differences of neighbours."""
    one, other = _neighbours(values, padded)
    return np.abs(one - other)


def _neighbours(
    values: NDArray[Any], padded: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Neighbours in rows and in columns, without padding; of a large image, of some."""
    each = max(1, values.size // _COMPARED)
    ones, others = [], []
    for axis, lines in ((0, np.s_[:, ::each]), (1, np.s_[::each])):
        part, out = (np.moveaxis(a[lines], axis, 0) for a in (values, padded))
        keep = ~(out[1:] | out[:-1])
        ones.append(part[:-1][keep].astype(np.float64))
        others.append(part[1:][keep].astype(np.float64))
    return np.concatenate(ones), np.concatenate(others)
