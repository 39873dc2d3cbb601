"""Ask about masks from elsewhere that may have been saved inverted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.review.case import Case

#: Share of the border from which on a mask from elsewhere is asked about.
_SHARE = 0.5


def border_words(case: Case, labels: NDArray[np.integer[Any]]) -> str:
    """Ask about a mask (H, W) from elsewhere over half of the border; else empty.

    Nothing else tells of it whether it was saved inverted. A mask of an object
    within the image hardly covers that much; inverted, it does, with one number.
    """
    several = len(np.unique(labels[labels > 0])) > 1
    if case.mask is None or case.mask_value is not None or several:
        return ""
    border = np.concatenate([labels[[0, -1]].ravel(), labels[:, [0, -1]].ravel()])
    share = np.count_nonzero(border) / border.size
    if share < _SHARE:
        return ""
    return (
        f"{case.mask.name} covers {100 * share:.0f} % of the border of its image: "
        "if it was saved inverted, save it with 255 for the mask."
    )
