"""Simulate the clicks of a careful user, for training and evaluation. No torch.

Lines through the middle of the largest error, and boxes around it, are simulated too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_attnseg.corrections.clicks import Click, click_in_box

#: Pixels by which a simulated line may leave the middle of an error.
_TOLERANCE = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Error:
    """The largest connected error of a mask.

    Attributes
    ----------
    box : (slice, slice)
        Rows and columns of the image.
    inside : ndarray of bool, shape of the box
        Whether a pixel of the box belongs to the error.
    positive : bool
        Whether it is missing in the mask.
    """

    box: tuple[slice, slice]
    inside: NDArray[np.bool_]
    positive: bool


def next_click(
    mask: NDArray[Any],
    truth: NDArray[Any],
    class_number: int = 1,
    ignored: NDArray[np.bool_] | None = None,
    rng: np.random.Generator | None = None,
) -> Click | None:
    """Click into the middle of the largest error, as RITM and FocalClick simulate it.

    Parameters
    ----------
    mask : ndarray, shape (H, W)
    truth : ndarray of bool or int, shape (H, W)
        True mask of the class.
    class_number : int
        Value of the class in `mask`.
    ignored : ndarray of bool, shape (H, W), optional
        Pixels that never count as an error.
    rng : numpy.random.Generator, optional
        Draws any pixel of the region instead of the middle one.

    Returns
    -------
    Click or None
        The pixel of the largest connected error region that is furthest from its edge,
        positive if the region is missing in the mask; None if there is no error.
    """
    error = largest_error(mask, truth, class_number, ignored)
    if error is None:
        return None
    # Padded: the edge of the image is an edge of the region.
    inner = np.pad(error.inside, 1)
    if rng is None:
        depth = ndimage.distance_transform_edt(inner)
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    else:
        row, column = rng.choice(np.argwhere(inner))
    return Click(
        int(error.box[0].start + row - 1),
        int(error.box[1].start + column - 1),
        error.positive,
        class_number,
    )


def next_line(
    mask: NDArray[Any],
    truth: NDArray[Any],
    class_number: int = 1,
    ignored: NDArray[np.bool_] | None = None,
) -> Click | None:
    """Scribble along the longest way through the middle of the largest error.

    That is the longest path of the region's skeleton. Parameters as for `next_click`.
    """
    # Not with the module: whoever clicks in napari needs none of them.
    from skimage.graph import MCP_Geometric
    from skimage.measure import approximate_polygon
    from skimage.morphology import skeletonize

    error = largest_error(mask, truth, class_number, ignored)
    if error is None:
        return None
    inner = np.pad(error.inside, 1)
    thin = skeletonize(inner)
    places = np.argwhere(thin)
    ways = MCP_Geometric(np.where(thin, 1.0, np.inf))
    start = ends = tuple(places[0])
    for _ in range(2):  # from anywhere to one end, from there to the other
        start = ends
        costs, _ = ways.find_costs([start])
        ends = tuple(places[np.where(np.isfinite(costs), costs, -1)[thin].argmax()])
    path = np.array(ways.traceback(ends), float)
    corner = error.box[0].start - 1, error.box[1].start - 1
    corners = approximate_polygon(path, _TOLERANCE) + corner
    first, *others = [(int(row), int(column)) for row, column in corners]
    others = [one for one in others if one != first]
    return Click(*first, error.positive, class_number, tuple(others))


def next_box(
    mask: NDArray[Any],
    truth: NDArray[Any],
    class_number: int = 1,
    ignored: NDArray[np.bool_] | None = None,
) -> Click | None:
    """Smallest box around the largest error. Parameters as for `next_line`.

    If the box would remove pixels that belong to the object, return a click into the
    middle of the error instead.
    """
    error = largest_error(mask, truth, class_number, ignored)
    if error is None:
        return None
    if not error.positive and (truth[error.box] > 0).any():
        return next_click(mask, truth, class_number, ignored)
    rows, columns = error.box
    corners = rows.start, columns.start, rows.stop, columns.stop
    return click_in_box(*corners, error.positive, class_number)


def largest_error(
    mask: NDArray[Any],
    truth: NDArray[Any],
    class_number: int = 1,
    ignored: NDArray[np.bool_] | None = None,
) -> Error | None:
    """The largest connected error, if there is one; parameters as of `next_click`."""
    own, wanted = mask == class_number, truth > 0
    wrong = own != wanted
    if ignored is not None:
        wrong &= ~ignored
    if not wrong.any():
        return None
    # A missing region and one too many that touch are two.
    regions = [(ndimage.label(wrong & side), side is wanted) for side in (wanted, own)]
    sizes = [np.bincount(labels.ravel(), minlength=2) for (labels, _), _ in regions]
    for size in sizes:
        size[0] = 0
    kind = int(sizes[1].max() > sizes[0].max())
    (labels, _), positive = regions[kind]
    largest = int(sizes[kind].argmax())
    box = ndimage.find_objects(labels, largest)[largest - 1]
    return Error(box, labels[box] == largest, bool(positive))
