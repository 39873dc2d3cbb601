"""The masks of an image beside the outlines of the model's own. No Qt."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.inspect.put_aside import PutAside
from napari_attnseg._widgets.layers.pixels import changes_of
from napari_attnseg._widgets.layers.runs import ResultLayers, all_results
from napari_attnseg.hashing import array_sha256

#: Of a mask that was corrected, or has another threshold or clean-up.
CHANGED = (
    "The mask was changed since the model made it, and is hidden meanwhile: the "
    "outlines are those of the model's own masks."
)
#: Of the mask of a case, which may never have been the model's.
REVIEW_DIFFERS = (
    "The mask in Review differs from the model's, and is hidden meanwhile: the "
    "outlines are those of the model's own masks."
)
#: Of such a mask that somebody showed beside the outlines.
SWITCHED_ON = "{} is none of the outlines: it was switched on by hand."
#: Of the mask of another run on the image.
OF_ANOTHER_RUN = (
    "The mask of another result of this image differs from the model's own, and is "
    "hidden meanwhile."
)


class MasksBeside:
    """Hides masks that would be taken for one of the outlines, and follows them.

    Parameters
    ----------
    viewer : napari.Viewer
        Viewer with the layers.
    changed : callable
        Called when one of the masks is changed in the frame of the outlines.
    seen : callable
        Called when one of the masks is shown or hidden, by whomever.
    """

    def __init__(
        self, viewer: Any, changed: Callable[[], None], seen: Callable[[Any], None]
    ) -> None:
        self._viewer, self._tell, self._seen = viewer, changed, seen
        #: Whether masks are hidden now, and those that were visible all the same.
        self._hides = False
        self._visible: list[Any] = []
        self._switched_on: weakref.WeakSet[Any] = weakref.WeakSet()
        self._aside = PutAside(viewer)
        self._own: NDArray[Any] = np.zeros((0, 0), np.uint8)
        self._frame = 0
        #: Mask, its hash when the outlines were drawn, and what is said when it is
        #: hidden.
        self._masks: list[tuple[Any, str, str]] = []

    def begin(self, result: ResultLayers, own: NDArray[Any], frame: int) -> None:
        """Follow the masks of a result's image beside outlines of one frame.

        Parameters
        ----------
        result : ResultLayers
        own : ndarray, shape (H, W)
            The model's own mask of that frame.
        frame : int
        """
        self.end()
        self._own, self._frame = own, frame
        of_other_runs = [
            (other.mask, OF_ANOTHER_RUN)
            for other in all_results(self._viewer.layers)
            if other.image is result.image and not other.shares(result)
        ]
        own_masks = (result.mask, CHANGED), (result.reviewed, REVIEW_DIFFERS)
        for mask, words in (*own_masks, *of_other_runs):
            if mask is not None:
                self._masks.append((mask, array_sha256(self._shown(mask)), words))
                mask.events.visible.connect(self._seen)
                for event in changes_of(mask):
                    event.connect(self._changed)

    def end(self) -> None:
        """Follow no mask; what is hidden stays so until `show`."""
        masks, self._masks = self._masks, []
        self._switched_on.clear()
        for mask, _, _ in masks:
            mask.events.visible.disconnect(self._seen)
            for event in changes_of(mask):
                event.disconnect(self._changed)

    def hide(self) -> str:
        """Hide the masks that are not the model's own; return words on them."""
        said = []
        for mask, _, words in self._masks:
            differs = not np.array_equal(self._shown(mask), self._own)
            if mask not in self._viewer.layers or not differs:
                continue
            if mask in self._switched_on:
                if mask.visible:
                    said.append(SWITCHED_ON.format(mask.name))
                continue
            self._aside.hide([mask])
            if self._aside.holds(mask):  # not one that Review hides from its reader
                said.append(words)
        self._hides = True
        self._visible = [mask for mask, _, _ in self._masks if mask.visible]
        return " ".join(dict.fromkeys(said))

    def keep_shown(self) -> None:
        """Hide no longer those masks that somebody showed since `hide`."""
        for mask, _, _ in self._masks:
            if self._hides and mask.visible and mask not in self._visible:
                self._switched_on.add(mask)
                self._aside.let_go(mask)

    def show(self) -> None:
        """Show what `hide` hid."""
        self._hides, self._visible = False, []
        self._aside.show()

    def _changed(self, event: Any = None) -> None:
        if any(array_sha256(self._shown(mask)) != was for mask, was, _ in self._masks):
            self._tell()  # else it was only drawn again

    def _shown(self, mask: Any) -> NDArray[Any]:
        """The mask (H, W) in the frame of the outlines."""
        data = mask.data
        return np.asarray(data[self._frame] if data.ndim == 3 else data)
