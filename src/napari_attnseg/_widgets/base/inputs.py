"""Form of every widget that runs a model: image, intensities, weights, device."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import Signal  # type: ignore[attr-defined]  # PyQt6's stubs
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_attnseg._widgets.base.controls import (
    ChoiceBox,
    Form,
    set_tips,
    wrapped_label,
)
from napari_attnseg._widgets.base.image_note import image_note
from napari_attnseg._widgets.base.intensity_box import IntensityBox
from napari_attnseg._widgets.base.lifetime import Lifetime, follow_layers
from napari_attnseg._widgets.base.model_card import CardView
from napari_attnseg._widgets.base.reading import ReadingQuestions
from napari_attnseg._widgets.base.session_weights import TRAINED
from napari_attnseg._widgets.base.threads import start
from napari_attnseg._widgets.base.weights_box import WeightsBox
from napari_attnseg._widgets.layers.metadata import is_image
from napari_attnseg._widgets.layers.own_image import spoken_of
from napari_attnseg._widgets.layers.source import Source, frames_of, source_of
from napari_attnseg._widgets.preferences import preferences, remember
from napari_attnseg.cards import read_card
from napari_attnseg.devices import LABELS, OPENVINO, segmenting_devices
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.intensity import Intensity
from napari_attnseg.weights import bundled_weights

NO_IMAGE = (
    "Open an image first: drop a file into the window, or File ▸ Open Sample ▸ AttnSeg."
)
#: Why a start button is grey, beside the button.
NO_IMAGE_OPEN = "Grey because no image is open."


class Inputs(QWidget):
    """Choice of image layer, intensities, weights and device, with notes below them.

    Parameters
    ----------
    viewer : napari.Viewer
        Viewer, of which only the layer list is used.
    life : Lifetime
        Ends the connections to the viewer.
    """

    #: The viewer's layers changed: inserted, removed, reordered or renamed.
    layers_changed = Signal()

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        super().__init__()
        self._viewer, self._life = viewer, life
        self.image_box = ChoiceBox()
        self.weights_box = WeightsBox()
        self.device_box = ChoiceBox()
        self.intensity_box = IntensityBox()
        self.hint = wrapped_label(NO_IMAGE)
        #: What there is to ask of the chosen image.
        self.questions = ReadingQuestions(viewer)
        #: What to know of the chosen image before a run.
        self.image_note = wrapped_label()
        self.card = CardView()
        self.device_note = wrapped_label()
        form = Form(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(self.hint)
        form.addRow("Image", self.image_box)
        form.addRow(self.questions)
        form.addRow(self.image_note)
        form.addRow("Intensity", self.intensity_box)
        form.addRow("Weights", self.weights_box)
        form.addRow("Device", self.device_box)
        form.addRow(self.device_note)
        form.addRow(self.card)

        set_tips(
            {
                self.image_box: "The image to work on. An image that you select in the "
                "layer list is chosen here.",
                self.device_box: "Device that computes: auto takes a graphics card "
                "(GPU) if "
                "there is one. The CPU works too, and is slower.",
            }
        )
        self._weights_before = 0
        TRAINED.events.inserted.connect(self._offer_trained)
        life.at_end.append(
            partial(TRAINED.events.inserted.disconnect, self._offer_trained)
        )
        self._note("")
        self.device_box.addItem("auto", "auto")
        # In a thread: it imports torch, which takes seconds the first run then saves.
        start(segmenting_devices, self._fill_devices)

        self.image_box.activated.connect(self._image_chosen)
        self.image_box.currentIndexChanged.connect(self._ask)
        self.questions.changed.connect(self._show_note)
        self.weights_box.activated.connect(self._choose_weights)
        self.weights_box.currentIndexChanged.connect(self._show_card)
        follow_layers(viewer, life, self._follow)
        self._meant = viewer.layers.selection.active
        active = viewer.layers.selection.events.active
        active.connect(self._follow_selection)
        life.at_end.append(partial(active.disconnect, self._follow_selection))
        self._choose_preferred()
        self._show_card()
        self._follow()

    @property
    def image(self) -> Any:
        """The chosen image layer; None if there is none."""
        return self.image_box.currentData()

    @property
    def frames(self) -> int | None:
        """Number of frames of the chosen image; None for a single image or no image."""
        with suppress(InputError):
            return frames_of(self.image, self.questions.reading())
        return None

    @property
    def weights(self) -> Path | None:
        """The chosen weights file."""
        path: Path | None = self.weights_box.currentData()
        return path

    @property
    def device(self) -> str:
        """The chosen device."""
        name: str = self.device_box.currentData()
        return name

    def intensity(self) -> Intensity | str | None:
        """The chosen rule for intensities, as `Segmenter.segment` takes it.

        Raises
        ------
        InputError
            If the image is in colour and the rule is "as displayed", which is for grey
            images only.
        """
        if self.image is None:
            raise InputError(NO_IMAGE)
        return self.intensity_box.rule(self.image)

    def chosen(self) -> tuple[Source, Path]:
        """The chosen image and weights file.

        Raises
        ------
        InputError
            If one of them is missing, the image cannot be segmented, or it is not
            clear what one of its axes is.
        """
        if self.image is None:
            raise InputError(NO_IMAGE)
        if self.weights is None:
            raise InputError("Choose a weights file first.")
        # Its data may have been replaced since it was chosen.
        self._ask()
        source = source_of(self.image, self.questions.reading())
        self.questions.warn()
        return source, self.weights

    def _ask(self) -> None:
        self.questions.show_layer(self.image)
        self._show_note()

    def _show_note(self) -> None:
        """Say what to know of the image, unless it has to be asked what it is."""
        text = ""
        if self.image is not None:
            with suppress(InputError):
                reading = self.questions.reading()
                text = image_note(self.image, reading, self.card.card)
        self.image_note.setText(text)
        self.image_note.setVisible(bool(text))

    def ran_with(self, wanted: str, device: str) -> None:
        """Remember the choices of a run, and show a note if it ran on the CPU."""
        remember(wanted, self.intensity_box.choice)
        if device == "cpu":
            self._note("The last run was on the CPU.")

    def _follow(self, event: Any = None) -> None:
        """Refill the list of images, keeping the choice; results are not offered."""
        chosen = self.image_box.currentData()
        self.image_box.clear()
        for layer in self._viewer.layers:
            if is_image(layer):
                self.image_box.addItem(layer.name, layer)
        active = self._viewer.layers.selection.active
        if chosen is not None and self._index_of(chosen) < 0:
            # It was deleted: what is seen now, not what napari happens to select.
            active = spoken_of(self._viewer, active)[0]
        for wanted in (active, chosen):
            index = self._index_of(wanted)
            if index >= 0:
                self.image_box.setCurrentIndex(index)
        self.hint.setVisible(self.image_box.count() == 0)
        self._ask()
        self.layers_changed.emit()

    def _follow_selection(self, event: Any) -> None:
        """An image that is selected, or was just opened, is what is meant."""
        index = self._index_of(event.value)
        # Not one that only gets its selection back, after a layer was added for it.
        if index >= 0 and event.value != self._meant:
            self._meant = event.value
            self.image_box.setCurrentIndex(index)

    def _image_chosen(self, index: int) -> None:
        self._meant = self.image  # so that selecting another one counts again

    def _index_of(self, layer: Any) -> int:
        found = [
            i
            for i in range(self.image_box.count())
            # Not `is`: napari hands out its selection in a wrapper.
            if self.image_box.itemData(i) == layer
        ]
        return found[0] if found else -1

    def _fill_devices(self, names: list[str]) -> None:
        if self._life.ended:
            return
        untouched = self.device == "auto"
        for name in names[1:]:
            self.device_box.addItem(LABELS.get(name, name), name)
        chosen = preferences()
        if untouched and chosen is not None and chosen.device in names:
            self.device_box.setCurrentIndex(self.device_box.findData(chosen.device))
        if set(names) <= {"auto", OPENVINO, "cpu"}:
            self._note("No GPU found here: runs on the CPU.")

    def _note(self, text: str) -> None:
        self.device_note.setText(text)
        self.device_note.setVisible(bool(text))

    def _choose_preferred(self) -> None:
        """Choose as Preferences say; the first of the list if their file is missing."""
        chosen = preferences()
        if chosen is None:
            return
        self.intensity_box.choose(chosen.intensity)
        bundled = bundled_weights()
        if chosen.weights in bundled:
            self.use_weights(bundled[chosen.weights])
        elif Path(chosen.weights).is_file():
            self.use_weights(Path(chosen.weights))
        else:
            show_info(
                f"The weights in Preferences, {chosen.weights}, were not found; "
                f"{self.weights_box.currentText()} is chosen instead."
            )

    def _choose_weights(self, index: int) -> None:
        if self.weights_box.itemData(index) is not None:
            self._weights_before = index
            return
        name, _ = QFileDialog.getOpenFileName(
            self, "Weights", "", "Weights (*.safetensors);;All files (*)"
        )
        self.weights_box.setCurrentIndex(self._weights_before)
        if name:
            self.use_weights(Path(name))

    def _offer_trained(self, index: int, path: Path) -> None:
        """Add weights that were just trained, or show what they are now."""
        index = self.weights_box.offer(path)
        if index == self.weights_box.currentIndex():
            self._show_card()

    def use_weights(self, path: Path) -> None:
        """Offer a weights file and choose it; an unusable one is reported."""
        try:
            read_card(path)
        except AttnSegError as error:
            show_error(str(error))
            return
        self.weights_box.choose(path)
        self._weights_before = self.weights_box.currentIndex()

    def _show_card(self) -> None:
        self.card.show_weights(self.weights)
        self._show_note()
