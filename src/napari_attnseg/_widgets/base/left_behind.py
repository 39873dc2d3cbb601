"""Say which results of deleted images are left, and remove them on request."""

from __future__ import annotations

from functools import partial
from typing import Any

from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_attnseg._widgets.base.controls import wrapped_label
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.layers.display import remove_layers
from napari_attnseg._widgets.layers.earlier import is_edited
from napari_attnseg._widgets.layers.metadata import is_image, record_of
from napari_attnseg._widgets.layers.own_image import images_of
from napari_attnseg._widgets.layers.record import Derivation, Part
from napari_attnseg.how_many import how_many


class LeftBehind(QWidget):
    """Line on the results of deleted images, and a button; hidden if there are none.

    Masks that were edited by hand, and copies of them, are never removed.

    Parameters
    ----------
    viewer : napari.Viewer
    life : Lifetime
        Ends the connections to the viewer.
    """

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        super().__init__()
        self._viewer, self._life = viewer, life
        #: Identities of images that were deleted while this was open, with their names.
        self._deleted: dict[str, str] = {}
        self.said = wrapped_label()
        self.button = QPushButton()
        self.button.setToolTip(
            "Remove the hidden results of images that you deleted. Masks that you "
            "edited stay."
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.said)
        layout.addWidget(self.button)
        self.button.clicked.connect(self.remove)
        events = viewer.layers.events
        for event, call in (
            (events.removed, self._removed),
            (events.inserted, self._look),
        ):
            event.connect(call)
            life.at_end.append(partial(event.disconnect, call))
        self.hide()

    def left(self) -> tuple[list[Any], list[Any]]:
        """Layers of deleted images: those that may be removed, and those that stay."""
        own = images_of(self._viewer.layers)
        gone: list[Any] = []
        kept: list[Any] = []
        for layer in self._viewer.layers:
            record = record_of(layer)
            if record is None or layer in own:
                continue
            if record.image.layer_id in self._deleted:
                (kept if _is_of_a_person(layer, record) else gone).append(layer)
        return gone, kept

    def remove(self) -> None:
        """Remove the layers of deleted images, except those that somebody edited."""
        gone, _ = self.left()
        remove_layers(self._viewer, gone)
        self._look()

    def _removed(self, event: Any) -> None:
        layer = event.value
        if is_image(layer):
            self._deleted[str(layer.unique_id)] = layer.name
        self._look()

    def _look(self, event: Any = None) -> None:
        if self._life.ended:
            return
        gone, kept = self.left()
        ids = {record_of(one).image.layer_id for one in (*gone, *kept)}  # type: ignore[union-attr]  # by `left`
        names = ", ".join(sorted(repr(self._deleted[one]) for one in ids))
        many = len(gone) + len(kept)
        text = f"{how_many(many, 'layer')} of deleted images: {names}."
        if kept:
            edited = ", ".join(repr(layer.name) for layer in kept)
            text += f" Edited by hand, and kept: {edited}."
        self.said.setText(text)
        gone_words = how_many(len(gone), "layer")
        self.button.setText(f"Remove {gone_words} of deleted images")
        self.button.setVisible(bool(gone))
        self.setVisible(bool(ids))


def _is_of_a_person(layer: Any, record: Any) -> bool:
    if record.derivation is Derivation.EDITED:
        return True
    mask = record.part is Part.MASK and record.derivation is None
    return mask and bool(record.mask_sha256) and is_edited(layer)
