"""Masks that runs made of the image of a case, beside the reviewed one. No Qt."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.own_image import images_of
from napari_attnseg._widgets.layers.record import LayerRecord, Part
from napari_attnseg._widgets.review.case_layers import CaseLayers

#: Of such a mask, when the user begins to paint in the reviewed one.
ASIDE = "{} is hidden now, because you paint in the layer {}, and accept nothing else."
#: Of one that the user shows again meanwhile.
SHOWN = "{} is visible, too, but you paint in the layer {}, and accept nothing else."


class RunMasks:
    """Masks that runs made of the image of the case on screen.

    Parameters
    ----------
    viewer : napari.Viewer
    layers : CaseLayers
        Layers of the case.
    switched : callable
        Called when the user shows or hides one that was put aside.
    """

    def __init__(
        self, viewer: Any, layers: CaseLayers, switched: Callable[[], None]
    ) -> None:
        self._viewer, self._layers, self._switched = viewer, layers, switched
        #: Those that were hidden once because the user paints.
        self._put_aside: weakref.WeakSet[Any] = weakref.WeakSet()

    def _all(self) -> list[tuple[Any, LayerRecord]]:
        """Masks with their records, the uppermost last."""
        case, own, found = self._layers, images_of(self._viewer.layers), []
        for layer in self._viewer.layers:
            record = record_of(layer)
            if record is None or record.part is not Part.MASK:
                continue
            made_of = record.provenance.get("image_sha256")
            same = made_of in (None, case.sha256)
            if case.image is not None and own.get(layer) is case.image and same:
                found.append((layer, record))
        return found

    @property
    def visible(self) -> list[Any]:
        """Those that are visible."""
        return [layer for layer, _ in self._all() if layer.visible]

    def put_aside(self) -> str:
        """Hide those that look as if they were painted in; return words on them.

        Each of them once: the user may show it again.
        """
        found = [layer for layer in self.visible if layer not in self._put_aside]
        for layer in found:
            self._put_aside.add(layer)
            layer.visible = False
            layer.events.visible.connect(self._one_switched)
        return self._words(ASIDE, found) or self.shown_words

    @property
    def shown_words(self) -> str:
        """Words on those that the user shows beside the mask that is painted."""
        return self._words(
            SHOWN, [layer for layer in self.visible if layer in self._put_aside]
        )

    def _words(self, words: str, found: list[Any]) -> str:
        names = ", ".join(layer.name for layer in found)
        return words.format(names, self._layers.mask.name) if names else ""

    def _one_switched(self, event: Any) -> None:
        self._switched()

    @property
    def newest(self) -> tuple[Any, LayerRecord] | None:
        """The one that may be taken over: uppermost of the visible ones, or of all."""
        labels = self._layers.labels
        if labels is None:
            return None
        found = [run for run in self._all() if run[0].data.shape == labels.shape]
        seen = [run for run in found if run[0].visible]
        return next(reversed(seen or found), None)

    def take_over(self, made: Any) -> bool:
        """Paint one of them, as one stroke; return whether that changed any pixel."""
        mask = self._layers.mask
        mask.visible = True
        wanted, now = np.asarray(made.data), np.asarray(mask.data)
        differs = np.nonzero(wanted != now)
        with mask.block_history():
            mask.data_setitem(differs, wanted[differs].astype(now.dtype))
        made.visible = False
        self._viewer.layers.selection.active = mask
        return differs[0].size > 0
