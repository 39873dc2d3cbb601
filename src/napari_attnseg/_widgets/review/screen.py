"""The case on screen: its layers, and its mask, which every stroke saves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.base.controls import restart, timer
from napari_attnseg._widgets.review.case_layers import CaseLayers
from napari_attnseg._widgets.review.keys import bind_layer
from napari_attnseg._widgets.review.opened import OpenReview
from napari_attnseg.errors import AttnSegError
from napari_attnseg.review.case import Case
from napari_attnseg.review.study import MASK

#: Milliseconds after which what is not a stroke, such as one taken back, is saved.
SOON = 300
#: Modes of a Labels layer in which the mouse changes it.
BRUSHES = ("paint", "erase", "fill", "polygon")


class CaseScreen:
    """Shows one case of a review at a time.

    Parameters
    ----------
    viewer : napari.Viewer
    actions : mapping of str to callable
        Functions of the keys in `keys.KEYS`.
    changed : callable
        Called after a mask was saved or shown for the first time.
    fail : callable
        Called with the message of an error.
    noticed : callable
        Called when the mask was perhaps changed, shown or hidden, with whether the user
        paints in it.

    Attributes
    ----------
    case : Case or None
    """

    def __init__(
        self,
        viewer: Any,
        actions: Mapping[str, Callable[[], Any]],
        changed: Callable[[], None],
        fail: Callable[[str], None],
        noticed: Callable[[bool], None],
    ) -> None:
        self._actions, self._changed, self._fail = actions, changed, fail
        self._noticed = noticed
        self.case: Case | None = None
        self._open: OpenReview | None = None
        #: The mask as it was saved or read last; None: there is none.
        self._saved: NDArray[Any] | None = None
        self._withheld: NDArray[Any] | None = None
        self.layers = CaseLayers(viewer, self._painted, self._visible)
        #: Whether there is a mask to decide on: a blank one to draw in is none.
        self._there = False
        self._soon, self._at_once = timer(SOON, self.save), timer(0, self.save)

    def show(self, opened: OpenReview, case: Case, title: str) -> str:
        """Show a case, and return remarks on its files."""
        self._open, review = opened, opened.review
        loaded = opened.ahead.get(case)
        said = [loaded.error]
        note, labels = self._mask_of(case, loaded.pixels)
        try:
            image = loaded.pixels, loaded.sha256
            said.append(review.enter(case, *image, mask=labels is not None))
        except AttnSegError as error:
            self._fail(str(error))
        hidden = review.hidden(case) and labels is not None
        # The list of layers shows a small picture even of a hidden mask.
        self._withheld = labels if hidden else None
        self._saved, self.case, self._there = None, case, labels is not None
        self.layers.show(case, title, loaded, None if hidden else labels, hidden)
        drawn = self.layers.labels
        self._saved = None if drawn is None else drawn.copy()
        for layer in (self.layers.image, self.layers.mask):
            if layer is not None:
                bind_layer(layer, self._actions)
        at = review.cases.index(case)
        opened.ahead.want(review.cases[max(at - 1, 0) : at + 3])
        return " ".join(sentence for sentence in (*said, note) if sentence)

    def _mask_of(
        self, case: Case, pixels: NDArray[np.generic] | None
    ) -> tuple[str, NDArray[Any] | None]:
        """Remarks on the file of a mask, and the mask."""
        assert self._open is not None
        try:
            found = self._open.review.read_mask(case)
        except AttnSegError as error:
            return str(error), None
        if found is None:
            return "", None
        shape = found.labels.shape
        if pixels is not None and shape != pixels.shape[:2]:
            mask, image = (" × ".join(map(str, s)) for s in (shape, pixels.shape[:2]))
            return f"The mask has {mask} pixels, its image {image}: not shown.", None
        return found.assumed, found.labels

    @property
    def labels(self) -> NDArray[Any] | None:
        """The mask to be decided on; None if there was none or it cannot be shown."""
        return self._saved if self._there else None

    @property
    def seen_labels(self) -> NDArray[Any] | None:
        """The mask to be decided on, as its layer holds it; None while it is hidden."""
        opened, case = self._open, self.case
        if opened is None or case is None or opened.review.hidden(case):
            return None
        return None if self.labels is None else self.layers.labels

    def _visible(self, event: Any = None) -> None:
        self._noticed(False)
        mask, opened = self.layers.mask, self._open
        if mask is None or opened is None or self.case is None or not mask.visible:
            return
        if self._withheld is not None:
            labels, self._withheld = self._withheld, None
            self._saved = labels.copy()
            self.layers.set_labels(labels)
        if opened.review.hidden(self.case):
            try:
                opened.review.shown(MASK)
            except AttnSegError as error:
                self._fail(str(error))
            self._changed()

    def _painted(self, event: Any = None) -> None:
        mask = self.layers.mask
        brushed = event is not None and event.type in ("paint", "mode")
        there = mask is not None and mask.visible and mask.mode in BRUSHES
        self._noticed(brushed and there)
        if event is not None and event.type == "paint":
            self.save()
            restart(self._at_once)  # of a fill, napari tells before it is done
        else:  # a stroke that is taken back, among much else
            restart(self._soon)

    def save(self, always: bool = False) -> None:
        """Save the mask, if it differs from what was saved last or `always`."""
        labels, opened = self.layers.labels, self._open
        if opened is None or self.case is None or labels is None:
            return
        if self._saved is None or (not always and np.array_equal(labels, self._saved)):
            return
        try:
            opened.review.paint(self.case, labels.copy())
        except AttnSegError as error:
            self._fail(str(error))  # and it is tried again with the next stroke
            return
        self._saved, self._there = labels.copy(), True
        self._changed()

    def clear(self) -> None:
        """Remove the case from the screen."""
        self.case = self._open = self._saved = self._withheld = None
        self.layers.clear()
