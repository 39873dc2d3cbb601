"""Make a mask from a probability map: threshold and clean-up. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.boxes import Box, box_of
from napari_attnseg.errors import CheckpointError, InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.reader_record import READERS
from napari_attnseg.results import Segmentation

#: Key, in the provenance of a run, of the rules by which its mask was made again.
RULES = "mask_rules"
#: Key of the provenance of MedSAM, where it refined the mask; see `medsam`.
MEDSAM = "medsam"
#: Objects are 8-connected, holes are 4-connected.
_CORNERS = np.ones((3, 3), bool)


@dataclass(frozen=True, slots=True)
class MaskRules:
    """Threshold and clean-up of a mask.

    Attributes
    ----------
    threshold : float, in [0, 1]
        Probability at and above which a pixel belongs to the mask.
    smoothing : float
        Standard deviation, in pixels, of a Gaussian over the probability; 0: none.
    min_size : int
        Objects with fewer pixels are removed from the mask.
    fill_holes : bool
        Whether background that an object encloses becomes a part of the object.
    largest : bool
        Whether only the largest object of each class stays.

    Raises
    ------
    InputError
        If a number is out of its range.
    """

    threshold: float = 0.5
    smoothing: float = 0.0
    min_size: int = 0
    fill_holes: bool = False
    largest: bool = False

    def __post_init__(self) -> None:
        # Written so that NaN fails too.
        smooth = 0 <= self.smoothing < np.inf
        if not (0 <= self.threshold <= 1 and smooth and self.min_size >= 0):
            raise InputError(
                "Expected a threshold in [0, 1], a finite smoothing of 0 pixels or "
                "more and a minimum size of 0 or more, but got threshold "
                f"{self.threshold:g}, smoothing {self.smoothing:g} and minimum size "
                f"{self.min_size}."
            )


def rules_of(facts: Mapping[str, Any]) -> MaskRules:
    """Rules by which the mask of a run was made, from its provenance."""
    made = facts.get(RULES)
    return (
        MaskRules(float(facts.get("threshold", 0.5)))
        if made is None
        else MaskRules(**made)
    )


class MaskSize(NamedTuple):
    """``area`` in pixels, and ``objects``: the number of connected objects."""

    area: int
    objects: int


def expect_probability(probability: NDArray[np.floating[Any]], weights: str) -> None:
    """Check that all probabilities are finite, because NaN would look like background.

    Parameters
    ----------
    probability : ndarray
    weights : str
        Name of the network's weights, for the message.

    Raises
    ------
    CheckpointError
        If a value is NaN or infinite.
    """
    if not np.isfinite(probability.sum(dtype=np.float64)):
        raise CheckpointError(
            f"Expected probabilities from 0 to 1, but the network of {weights} gives "
            "NaN for this image, so it has no result; choose other weights, or another "
            "rule for intensities."
        )


def make_mask(
    probability: NDArray[np.floating[Any]], rules: MaskRules, box: Box | None = None
) -> NDArray[np.uint8]:
    """Make the mask of one image.

    Parameters
    ----------
    probability : ndarray, shape (classes, H, W), in [0, 1]
    rules : MaskRules
    box : Box, optional
        Part of the image that was segmented; the mask is 0 outside it.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        0 is background, c + 1 is class c: the most probable class where it reaches the
        threshold.
    """
    return MaskMaker(probability, box)(rules)


def remake(
    result: Segmentation, rules: MaskRules, kept_as: str = "float32"
) -> Segmentation:
    """Make the mask of a run again by `rules`; its provenance says so.

    Parameters
    ----------
    result : Segmentation
    rules : MaskRules
    kept_as : str
        Type to which the probability is rounded first. The viewer keeps the probability
        of a stack as float16 and makes masks from that.
    """
    box = box_of(result.provenance)
    mask = make_mask(result.probability.astype(kept_as), rules, box)
    made = {RULES: asdict(rules), "mask_sha256": array_sha256(mask)}
    readers = result.readers
    if readers is not None:  # else they would be compared with another kind of mask
        alone = [
            replace(one, mask=make_mask(one.probability.astype(kept_as), rules, box))
            for one in (readers.cnn, readers.transformer)
        ]
        readers = replace(readers, cnn=alone[0], transformer=alone[1])
        made[READERS] = readers.facts
    facts = {**result.provenance, **made}
    return replace(result, mask=mask, provenance=facts, readers=readers)


class MaskMaker:
    """Makes masks of one image by changing rules; keeps the smoothed probability.

    Parameters
    ----------
    probability : ndarray, shape (classes, H, W), in [0, 1]
    box : Box, optional
        As for `make_mask`.
    """

    def __init__(
        self, probability: NDArray[np.floating[Any]], box: Box | None = None
    ) -> None:
        self._shape, self._box = probability.shape[-2:], box
        inside = probability if box is None else box.crop(probability)
        self._probability = self._smooth = inside
        self._sigma = 0.0

    def __call__(self, rules: MaskRules) -> NDArray[np.uint8]:
        """Make a mask; see `make_mask`."""
        if rules.smoothing != self._sigma:
            self._smooth = _smoothed(self._probability, rules.smoothing)
            self._sigma = rules.smoothing
        mask = _mask(self._smooth, rules)
        return mask if self._box is None else self._box.in_frame(mask, self._shape)


def _smoothed(
    probability: NDArray[np.floating[Any]], sigma: float
) -> NDArray[np.floating[Any]]:
    if sigma <= 0:
        return probability
    from scipy import ndimage

    # float32: half precision is for keeping, scipy computes it slowly.
    values = probability.astype(np.float32, copy=False)
    found: NDArray[np.float32] = ndimage.gaussian_filter(
        values, (0, sigma, sigma), mode="nearest"
    )
    return found


def _mask(
    probability: NDArray[np.floating[Any]], rules: MaskRules
) -> NDArray[np.uint8]:
    if len(probability) == 1:
        mask: NDArray[np.uint8] = (probability[0] >= rules.threshold).astype(np.uint8)
    else:
        above = probability.max(0) >= rules.threshold
        mask = np.where(above, probability.argmax(0) + 1, 0).astype(np.uint8)
    if rules.fill_holes or rules.min_size > 1 or rules.largest:
        for value in range(1, len(probability) + 1):
            _tidy(mask, value, rules)
    return mask


def measure(mask: NDArray[np.integer[Any]]) -> MaskSize:
    """Count pixels and connected objects of a mask (H, W), class by class."""
    sizes = object_sizes(mask)
    return MaskSize(int(sizes.sum()), len(sizes))


def object_sizes(mask: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
    """Number of pixels of every connected object of a mask (H, W), class by class."""
    from scipy import ndimage

    found = [np.zeros(0, np.intp)]
    box = _box(mask > 0)
    if box is not None:
        inner = mask[box]
        for value in np.unique(inner[inner > 0]):
            objects, _ = ndimage.label(inner == value, _CORNERS)
            found.append(np.bincount(objects.ravel())[1:])
    return np.concatenate(found)


def _box(where: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """Bounding box, as slices of rows and columns; None if nothing is set."""
    rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    if not len(rows):
        return None
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _tidy(mask: NDArray[np.uint8], value: int, rules: MaskRules) -> None:
    """Fill holes and remove objects of one class, in place."""
    from scipy import ndimage

    box = _box(mask == value)
    if box is None:
        return
    inner = mask[box]
    own = inner == value
    if rules.fill_holes:
        # Padded: background at the edge of the box is connected around it.
        holes, n = ndimage.label(np.pad(~own, 1, constant_values=True))
        hole = (holes != holes[0, 0])[1:-1, 1:-1] & ~own
        # Other classes within an object are not holes.
        inner[hole & (inner == 0)] = value
        own = inner == value
    if rules.min_size > 1 or rules.largest:
        objects, n = ndimage.label(own, _CORNERS)
        sizes = np.bincount(objects.ravel(), minlength=n + 1)
        sizes[0] = 0
        keep = sizes >= max(rules.min_size, 1)
        if rules.largest:
            keep &= np.arange(n + 1) == sizes.argmax()
        inner[own & ~keep[objects]] = 0
