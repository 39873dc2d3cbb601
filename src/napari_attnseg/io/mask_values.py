"""Read the numbers of mask files that another program may have saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.painted_labels import painted_labels

_SAVE = "save the mask as grey, 0 for background and 255 for the mask"
#: A mask whose largest number is at least this is one of 0 to 255.
_WHITE = 200
#: If the largest number is below this, it is a label, or the mask is too faint.
_FAINT = 25
#: Share of the range, at each end, that counts as background or mask, not as an edge.
_ENDS = 0.1
#: Largest allowed share of pixels on edges: `_OF_MASK` times the share of the mask
#: itself, but at least `_EDGES` and at most `_BLURRED`.
_EDGES, _BLURRED, _OF_MASK = 0.02, 0.4, 4
#: A mask of at most so many numbers may hold regions, which are constant inside.
_FEW = 32
#: A mask of more numbers is no map of classes.
_MOST_LABELS = 64
#: Labels that somebody has painted with, who took the first ones of an editor.
_FIRST_LABELS = (1, 2, 3)


class ReadMask(NamedTuple):
    """A mask, and what was assumed.

    Attributes
    ----------
    labels : ndarray of integer, shape (H, W) or (N, H, W)
        0 is background.
    assumed : str
        One sentence on how the values were read if that is not obvious; else empty.
    doubt : str
        What seems wrong with the mask, such as that it was saved inverted; else empty.
        It is a part of `assumed`.
    """

    labels: NDArray[np.integer[Any]]
    assumed: str = ""
    doubt: str = ""


def labels_of(
    pixels: NDArray[Any], unit: int, name: str, stack: bool = False
) -> ReadMask:
    """Labels of a mask of results, even if another program saved it.

    If `unit` is 255, one other number beside 0 counts as 255, and so do regions of 1, 2
    or 3 beside 255, because editors begin to count their labels there. Of soft edges,
    everything above half is the mask.

    Parameters
    ----------
    pixels : ndarray, shape (H, W), (H, W, 3), (H, W, 4) or (N, H, W)
    unit : int
        Number of the first class in the file, according to the results' JSON file.
    name : str
        Name of the file, for messages.
    stack : bool
        Whether `pixels` has a leading axis of frames.

    Raises
    ------
    InputError
        If it is not clear which pixels belong to the mask.
    """
    colour = pixels.ndim == 3 and pixels.shape[-1] in (3, 4) and not stack
    values = grey_of(pixels, name) if colour else pixels
    if values.ndim != 2 + stack or not values.size:
        raise _unclear(name, f"pixels of shape {pixels.shape}")
    if values.dtype == bool:
        values = values.astype(np.uint8)
    found = np.unique(values)
    if not np.isfinite(found).all() or found[0] < 0:
        raise _unclear(name, "negative numbers, NaN or infinity")
    whole = values.dtype.kind != "f" or bool((found == np.round(found)).all())
    if whole:
        small = found[-1] < 256
        values = values.astype(np.uint8 if small else np.int32)
        found = np.unique(values)
    if unit != 255:
        return _numbered(values, found, unit, whole, name)
    if np.isin(found, (0, unit)).all():
        return ReadMask(values // values.dtype.type(unit))
    if len(found) == 1 or (len(found) == 2 and found[0] == 0):
        said = f"{name} holds {found[-1]:g} in place of 255, which was taken for it."
        return ReadMask((values > 0).astype(np.uint8), said)
    if whole and found[-1] < _FAINT:
        if np.array_equal(found, np.arange(len(found))):
            labels = f"the labels 1 to {found[-1]:g}"
            said = f"{name} holds {labels} in place of 0 and 255, which were taken so."
            return ReadMask(values, said)
        raise _unclear(name, f"the faint values {_listed(found)}")
    painted = painted_labels(values, found) if whole else []
    if painted:
        return _painted(values, found, painted, name)
    return _soft(values, found, name)


def are_first_labels(found: NDArray[Any]) -> bool:
    """Whether a mask of 0 and 255 holds no other numbers than an editor's first labels.

    `found` are all of its numbers, sorted.
    """
    return found[0] == 0 and {*found.tolist()} <= {0, *_FIRST_LABELS, 255}


def painted_words(painted: Sequence[int], name: str) -> str:
    """Sentence on such labels, of the mask `name`."""
    labels = " and ".join(str(one) for one in painted)
    return (
        f"{name} holds regions of {labels} beside 255; all that is not 0 was taken for "
        "the mask."
    )


def _painted(
    values: NDArray[Any], found: NDArray[Any], painted: list[int], name: str
) -> ReadMask:
    """Read a mask of 0 and 255 in which somebody has painted with other labels."""
    if are_first_labels(found):
        return ReadMask((values > 0).astype(np.uint8), painted_words(painted, name))
    some = ", ".join(str(one) for one in painted)
    came = f"the values {_listed(found)}, of which {some} may be painted labels"
    raise _unclear(name, came)


def _numbered(
    values: NDArray[Any], found: NDArray[Any], unit: int, whole: bool, name: str
) -> ReadMask:
    """Read a mask of several classes, or one in which other labels were painted."""
    white = found[-1] == 255 and len(found) == 2
    soft = not whole or len(found) > _MOST_LABELS
    if soft or white or (found % unit).any():
        raise InputError(
            f"Expected the number of a class in each pixel of {name}, as the results "
            f"say it, but it holds {_listed(found)}; save the mask with the numbers 0, "
            "1, 2 … of the classes."
        )
    return ReadMask(values // values.dtype.type(unit))


def _soft(values: NDArray[Any], found: NDArray[Any], name: str) -> ReadMask:
    """Read a mask with soft edges, and cut it at half of its largest number."""
    low, top = float(found[0]), float(found[-1])
    margin = _ENDS * (top - low)
    between = (values > low + margin) & (values < top - margin)
    marked = np.count_nonzero(values >= top - margin) / values.size
    limit = max(_EDGES, min(_OF_MASK * marked, _BLURRED))
    regions = len(found) <= _FEW and _has_regions(values, between)
    if low > margin or between.mean() > limit or regions:
        came = f"the values {_listed(found)}, which are no soft edges of one mask"
        raise _unclear(name, came)
    cut = 127 if _WHITE <= top <= 255 else top / 2
    holds = "has soft edges, as after resampling"
    if not between.any():
        holds = f"holds the values {_listed(found)}"
    return ReadMask(
        (values > cut).astype(np.uint8),
        f"{name} {holds}; what is above {cut:g} was taken for the mask.",
    )


def _has_regions(values: NDArray[Any], where: NDArray[np.bool_]) -> bool:
    """Whether some 3×3 neighbourhood in `where` holds one number only."""
    if min(values.shape[-2:]) < 3:
        return False
    views = np.lib.stride_tricks.sliding_window_view(values, (3, 3), (-2, -1))
    same = (views == views[..., 1:2, 1:2]).all((-2, -1))
    return bool((same & where[..., 1:-1, 1:-1]).any())


def grey_of(pixels: NDArray[Any], name: str) -> NDArray[Any]:
    """Numbers (H, W) of a mask that may have been saved as RGB or with alpha.

    If alpha varies and the colour does not, alpha is the mask.

    Parameters
    ----------
    pixels : ndarray, shape (H, W), (H, W, 3) or (H, W, 4)
    name : str
        For messages.

    Raises
    ------
    InputError
        If it is in colour, if both grey and alpha vary, or if an opaque sheet has a
        transparent hole.
    """
    if pixels.ndim == 2:
        return pixels
    grey, alpha = pixels[..., 0], pixels[..., 3:]
    seen = alpha[..., 0] > 0 if alpha.size else np.ones(grey.shape, bool)
    if pixels.ndim != 3 or (pixels[seen][..., :3] != grey[seen][..., None]).any():
        raise _unclear(name, "colours", "or a number per class")
    if alpha.size == 0 or (alpha == alpha.max()).all():
        return grey
    if len(np.unique(grey[seen])) > 1:
        raise _unclear(name, "transparent parts beside grey ones", "without alpha")
    opacity: NDArray[Any] = alpha[..., 0]
    border = np.concatenate([opacity[[0, -1]].ravel(), opacity[:, [0, -1]].ravel()])
    if (border > opacity.max() / 2).all():
        raise _unclear(name, "an opaque sheet with a transparent hole", "without alpha")
    return opacity


def _listed(found: NDArray[Any]) -> str:
    more = " …" if len(found) > 5 else ""
    return ", ".join(f"{one:g}" for one in found[:5].tolist()) + more


def _unclear(name: str, came: str, more: str = "") -> InputError:
    return InputError(
        f"Expected a mask of 0 and 255 in {name}, but it holds {came}; {_SAVE}"
        f"{', ' if more else ''}{more}."
    )
