"""The Objects dock widget: measurements of segmented objects, a row per object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtWidgets import QVBoxLayout
from superqt.utils import signals_blocked

from napari_attnseg._widgets.base.controls import (
    ChoiceBox,
    Form,
    set_tips,
    wrapped_label,
)
from napari_attnseg._widgets.base.dock import DockWidget
from napari_attnseg._widgets.base.lifetime import follow_layers
from napari_attnseg._widgets.base.run_bar import RunBar
from napari_attnseg._widgets.base.seen_image import SeenImage
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.mask_in_view import in_view
from napari_attnseg._widgets.layers.metadata import record_of, set_record
from napari_attnseg._widgets.layers.new_layers import NewLayer, layer_name
from napari_attnseg._widgets.layers.own_image import deleted_image, is_wanted
from napari_attnseg._widgets.layers.record import (
    Derivation,
    ImageReference,
    LayerRecord,
)
from napari_attnseg._widgets.layers.runs import result_of
from napari_attnseg._widgets.layers.source import placement_of
from napari_attnseg._widgets.objects.colours import object_colours
from napari_attnseg._widgets.objects.fill_behind import FillBehind
from napari_attnseg._widgets.objects.measurement import (
    Measurement,
    images_for,
    run_task,
    task_of,
)
from napari_attnseg._widgets.objects.origin import edited_words, is_painted, keep_edited
from napari_attnseg._widgets.objects.panel import ObjectsPanel
from napari_attnseg._widgets.objects.watched import Watched
from napari_attnseg._widgets.objects.words import elsewhere, why_not_seen
from napari_attnseg.errors import AttnSegError

NO_LABELS = (
    "There is nothing to measure yet: segment an image (Plugins ▸ AttnSeg ▸ Segment "
    "image), or paint objects in a Labels layer."
)


class ObjectsWidget(DockWidget):
    """Measure the objects of a Labels layer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Viewer whose layers are measured; the panel uses its camera and slider, and adds
        a mouse callback.
    """

    tab = "Measure"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)  # napari passes the viewer by this name
        self._found: tuple[Measurement, Watched] | None = None
        #: Measurements whose layers are still there, one for each layer of objects.
        self._watched: list[Watched] = []
        #: Hidden labels that somebody chose; they are not chosen by themselves.
        self._by_hand: Any = None
        self.hint = wrapped_label(NO_LABELS)
        self.labels_box, self.image_box = ChoiceBox(), ChoiceBox()
        #: Why the chosen labels are not what is seen; hidden where they are.
        self.not_seen = wrapped_label()
        #: Said of the table while another image than its own is on screen.
        self.table_of = wrapped_label()
        self.bar = RunBar("Measure", self._life)
        self._behind = FillBehind(napari_viewer, self._life)
        self._life.at_end.append(self._let_go)
        self.panel = ObjectsPanel(napari_viewer, self._life)
        set_tips(
            {
                self.labels_box: "The mask whose objects are measured.",
                self.image_box: "The image in which colour and sharpness are measured.",
            }
        )
        form = Form()
        form.addRow("Labels", self.labels_box)
        form.addRow("Image", self.image_box)
        layout = QVBoxLayout(self)
        layout.addWidget(self.hint)
        layout.addLayout(form)
        layout.addWidget(self.not_seen)
        layout.addWidget(self.bar)
        layout.addWidget(self.table_of)
        layout.addWidget(self.panel, 1)
        layout.addStretch()

        self.bar.start_button.clicked.connect(self.start)
        self.labels_box.currentIndexChanged.connect(self._labels_chosen)
        self.labels_box.activated.connect(self._chosen_by_hand)
        follow_layers(napari_viewer, self._life, self._follow)
        self._follow()
        self._seen = SeenImage(napari_viewer, self._life, self._follow)

    def _follow(self, event: Any = None) -> None:
        """Offer every Labels layer, uppermost first, keeping the choices.

        The mask that is seen of the image in view is chosen instead of one of another
        image, and of one that is hidden, unless somebody chose that.
        """
        if self._life.ended:
            return
        layers = list(self._viewer.layers)
        self.panel.forget_unless(layers)
        self._let_go(layers)
        chosen, image = self.labels_box.currentData(), self.image_box.currentData()
        labels = [layer for layer in reversed(layers) if isinstance(layer, Labels)]
        with signals_blocked(self.labels_box):
            self.labels_box.clear()
            for layer in labels:
                self.labels_box.addItem(layer.name, layer)
            if labels:
                best = in_view(self._viewer, labels)
                if chosen not in labels or self._is_better(best, chosen):
                    chosen, image = best, None
                self.labels_box.setCurrentIndex(labels.index(chosen))
        self.hint.setVisible(not labels)
        self.bar.set_ready(bool(labels), "Grey because there is no mask to measure.")
        self._offer_images(image if chosen in labels else None)
        self._say_what_is_seen()

    def _let_go(self, unless: Sequence[Any] = ()) -> None:
        """Let go of measurements whose layer is not one of these."""
        for one in [one for one in self._watched if one.layer not in unless]:
            one.end()
            self._watched.remove(one)

    def _is_better(self, best: Any, chosen: Any) -> bool:
        """Whether `best` is seen, and the chosen labels are not."""
        if elsewhere(self._viewer, chosen):
            return not elsewhere(self._viewer, best)
        hidden = not is_wanted(chosen) and chosen is not self._by_hand
        return hidden and is_wanted(best)

    def _say_what_is_seen(self) -> None:
        labels, table = self.labels_box.currentData(), self.panel.layer
        said = "" if labels is None else why_not_seen(self._viewer, labels)
        self.not_seen.setText(said)
        self.not_seen.setVisible(bool(said))
        other = "" if table is None else elsewhere(self._viewer, table)
        self.table_of.setText(
            f"This table is of {other!r}, which is not the image on screen."
        )
        self.table_of.setVisible(bool(other))

    def _labels_chosen(self, index: int) -> None:
        self._offer_images(None)
        self._say_what_is_seen()

    def _chosen_by_hand(self, index: int) -> None:
        self._by_hand = self.labels_box.itemData(index)

    def _offer_images(self, kept: Any) -> None:
        """Offer images of the labels' size; choose `kept`, or what was segmented."""
        labels, layers = self.labels_box.currentData(), list(self._viewer.layers)
        self.image_box.clear()
        if labels is None:
            return
        fitting = images_for(labels, layers)
        for image in fitting:
            self.image_box.addItem(image.name, image)
        self.image_box.addItem("none", None)
        result = result_of(labels, layers)
        own = None if result is None else result.image
        wanted = [image for image in (kept, own) if image in fitting]
        # Of several strangers the uppermost is what is seen below the labels; none of
        # them takes the place of an image that was deleted.
        stranger = len(fitting) - (not deleted_image(labels, layers))
        index = fitting.index(wanted[0]) if wanted else stranger
        self.image_box.setCurrentIndex(max(index, 0))

    def start(self) -> None:
        """Measure the chosen layer in a thread."""
        labels = self.labels_box.currentData()
        if labels is None or self._life.worker is not None:
            return
        result = result_of(labels, self._viewer.layers)
        try:
            task = task_of(labels, result, self.image_box.currentData())
        except AttnSegError as error:
            self.bar.fail(str(error))
            return
        # The layer may be removed while it is measured: its options are copied now.
        record = record_of(labels) or LayerRecord({}, ImageReference(labels.name))
        new = NewLayer(
            "Labels",
            task.data,
            {
                "name": layer_name("objects", labels.name),
                **placement_of(labels),
                "opacity": 1.0,
                # From the start: napari draws the layer anew for other colours.
                "colormap": object_colours(1),
            },
            record.derived(Derivation.OBJECTS, labels.name),
            outlined=True,
        )
        self.bar.launch(
            run_task,
            task,
            total=len(task.data) if task.data.ndim == 3 else 0,
            done=partial(self._finished, labels, new, edited_words(labels)),
            after=self._show,
        )

    def _finished(
        self, labels: Any, new: NewLayer, edited: str, done: Measurement
    ) -> None:
        if self._life.ended:
            return
        layer, mask = labels, None
        if not done.task.keep or labels not in self._viewer.layers:
            mask = labels
            layer = self._objects_of(labels, new, edited, done)
            self._behind.hide(labels, layer)
        # The mask stays chosen: it is measured again when it was corrected.
        if not elsewhere(self._viewer, layer):
            self._viewer.layers.selection.active = layer
        for one in [x for x in self._watched if x.layer is layer and x.mask is mask]:
            one.end()
            self._watched.remove(one)
        watched = Watched(self._viewer, done, layer, mask)
        self._watched.append(watched)
        self._found = done, watched

    def _objects_of(
        self, mask: Any, new: NewLayer, edited: str, done: Measurement
    ) -> Any:
        """The layer of a mask's objects: the earlier one, unless it was painted in.

        Measuring a corrected mask again would else leave one more layer each time.
        """
        for one in self._watched:
            kept = one.mask is mask and one.layer in self._viewer.layers
            if kept and not is_painted(one.layer) and _fits(one.layer, new):
                one.layer.data = done.labels
                assert new.record is not None
                set_record(one.layer, new.record)
                keep_edited(one.layer, edited)
                one.layer.visible = True
                return one.layer
        (layer,) = add_layers(self._viewer, [replace(new, data=done.labels)])
        keep_edited(layer, edited)
        return layer

    def _show(self) -> None:
        """Show what was measured; by itself, for the layer has just been drawn."""
        found, self._found = self._found, None
        if found is not None and not self._life.ended:
            done, watched = found
            if watched.layer in self._viewer.layers:
                self.panel.show_objects(done, watched)
            self._say_what_is_seen()


def _fits(layer: Any, new: NewLayer) -> bool:
    """Whether a layer has the size and the place in the world of a new one."""
    now = placement_of(layer)
    same = all(np.array_equal(value, new.options[name]) for name, value in now.items())
    return same and layer.data.shape == new.data.shape
