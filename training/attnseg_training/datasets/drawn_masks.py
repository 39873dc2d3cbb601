"""What is known of the frames on which masks of a film or a volume were drawn.

A file may ask to be shown otherwise than it is stored. Masks that another program drew
lie as it showed the frames, and do not say how that was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.frame_masks import Mask, numbers_of
from napari_attnseg.errors import InputError
from napari_attnseg.io.dataset_toml import FILE

Labels = NDArray[np.uint8]
#: Brings a mask (H, W) on a frame as it is read.
Turn = Callable[[Labels], Labels]


@dataclass(frozen=True, slots=True)
class DrawnMasks:
    """Masks that are to be added to a training set.

    Attributes
    ----------
    first : ndarray or Path
        One of them.
    orientation : str
        ``shown`` or ``stored``: the frames on which they were drawn. Empty: not known.
    name, out : str
        Names of the masks and of the training set, for messages.
    tell : callable
        Called with a sentence if masks are turned, or their sizes say on which frames
        they were drawn.
    """

    first: Mask
    orientation: str
    name: str
    out: str
    tell: Callable[[str], None]

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns of a mask."""
        return numbers_of(self.first).shape

    def not_known(self, where: str, why: str, stored: str, shown: str) -> InputError:
        """Make the error for masks of which the frames are not known.

        Parameters
        ----------
        where : str
            On which frames or views.
        why : str
            Why it is to be known.
        stored, shown : str
            What the masks were drawn on, for each orientation.
        """
        return InputError(
            f"Expected to know on which {where} masks in {self.name} were drawn, as "
            f"{why}; look at both together, and "
            f'write orientation = "stored" into the {FILE} of {self.out}, which may '
            f"hold nothing else yet, if masks were drawn on {stored}, or "
            f'orientation = "shown" if on {shown}.'
        )
