"""The Segment dock widget: image, weights, device, one button."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from napari.layers import Image
from napari.qt.threading import create_worker
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_attnseg._widgets.layers import METADATA, new_layers, source_of
from napari_attnseg._widgets.viewing import add_layers
from napari_attnseg._widgets.worker import Failed, Finished, Loaded, run
from napari_attnseg.cards import ModelCard, read_card
from napari_attnseg.devices import available_devices
from napari_attnseg.errors import AttnSegError
from napari_attnseg.results import GATE_LEGEND
from napari_attnseg.weights import bundled_weights

NO_IMAGE = (
    "Open an image first: drop a file into the window, or File ▸ Open Sample ▸ AttnSeg."
)
CHOOSE_FILE = "choose a file…"


class _Lifetime:
    """What has to end with the widget. No QObject: it outlives the one Qt destroys."""

    def __init__(self) -> None:
        self.ended = False
        self.worker: Any = None
        self.at_end: list[Callable[[], None]] = []

    def end(self) -> None:
        if self.ended:
            return
        self.ended = True
        if self.worker is not None:
            self.worker.quit()
        for undo in self.at_end:
            undo()


class SegmentWidget(QWidget):
    """Segment an image layer and add its mask, probability and gate maps.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Only its layer list is used.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        viewer = self._viewer = napari_viewer  # napari passes it by this name
        self._life = life = _Lifetime()
        self._loaded: Loaded | None = None

        self.image_box = QComboBox()
        self.weights_box = QComboBox()
        self.device_box = QComboBox()
        self.hint = _words(NO_IMAGE)
        self.card_line = _words()
        self.device_note = _words()
        self.segment_button = QPushButton("Segment")
        self.cancel_button = QPushButton("Cancel")
        self.progress = QProgressBar()
        self.gate_box = QComboBox()
        self.gate_row = QWidget()
        self.gate_words = _words()
        self._lay_out()

        for name, path in bundled_weights().items():
            self.weights_box.addItem(name, path)
        self.weights_box.addItem(CHOOSE_FILE, None)
        self._weights_before = 0
        self.device_box.addItem("auto", "auto")
        # In a thread: it imports torch, which takes seconds the first run then saves.
        create_worker(available_devices, _connect={"returned": self._fill_devices})

        self.weights_box.activated.connect(self._choose_weights)
        self.weights_box.currentIndexChanged.connect(self._show_card)
        self.segment_button.clicked.connect(self.start)
        self.cancel_button.clicked.connect(self.cancel)
        self.gate_box.currentIndexChanged.connect(self._show_gate)
        events = viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered):
            event.connect(self._layers_changed)
            life.at_end.append(partial(event.disconnect, self._layers_changed))
        events.inserted.connect(self._watch_name)
        life.at_end.append(partial(events.inserted.disconnect, self._watch_name))
        for layer in viewer.layers:
            layer.events.name.connect(self._layers_changed)
        life.at_end.append(partial(_forget_names, viewer.layers, self._layers_changed))
        self.destroyed.connect(lambda: life.end())
        self._set_running(False)
        self._show_card()
        self._layers_changed()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Image", self.image_box)
        form.addRow("Weights", self.weights_box)
        form.addRow("", self.card_line)
        form.addRow("Device", self.device_box)
        form.addRow("", self.device_note)
        buttons = QHBoxLayout()
        buttons.addWidget(self.segment_button)
        buttons.addWidget(self.cancel_button)
        gates = QFormLayout(self.gate_row)
        gates.setContentsMargins(0, 0, 0, 0)
        gates.addRow("Show gate map", self.gate_box)
        gates.addRow("", self.gate_words)
        layout = QVBoxLayout(self)
        layout.addWidget(self.hint)
        layout.addLayout(form)
        layout.addLayout(buttons)
        layout.addWidget(self.progress)
        layout.addWidget(self.gate_row)
        layout.addStretch()

    # -- what there is to choose from ------------------------------------------------

    def _watch_name(self, event: Any) -> None:
        event.value.events.name.connect(self._layers_changed)

    def _layers_changed(self, event: Any = None) -> None:
        """Refill the image list, keeping the choice; ours are not offered."""
        chosen = self.image_box.currentData()
        self.image_box.clear()
        for layer in self._viewer.layers:
            if isinstance(layer, Image) and METADATA not in layer.metadata:
                self.image_box.addItem(layer.name, layer)
        active = self._viewer.layers.selection.active
        for wanted in (active, chosen):
            index = self._index_of(wanted)
            if index >= 0:
                self.image_box.setCurrentIndex(index)
        empty = self.image_box.count() == 0
        self.hint.setVisible(empty)
        self.segment_button.setEnabled(not empty and self._life.worker is None)
        self._fill_gates()

    def _index_of(self, layer: Any) -> int:
        found = [
            i
            for i in range(self.image_box.count())
            if self.image_box.itemData(i) is layer
        ]
        return found[0] if found else -1

    def _fill_devices(self, names: list[str]) -> None:
        if self._life.ended:
            return
        for name in names[1:]:
            self.device_box.addItem(name, name)
        if names[1:] == ["cpu"]:
            self.device_note.setText("No GPU found here: runs on the CPU.")

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

    def use_weights(self, path: Path) -> None:
        """Offer a weights file and choose it; a bad one is refused in words."""
        try:
            read_card(path)
        except AttnSegError as error:
            show_error(str(error))
            return
        self.weights_box.insertItem(0, path.name, path)
        self.weights_box.setCurrentIndex(0)
        self._weights_before = 0

    def _show_card(self) -> None:
        path = self.weights_box.currentData()
        if path is None:
            self.card_line.setText("")
            return
        try:
            self.card_line.setText(card_words(read_card(path)))
        except AttnSegError as error:
            self.card_line.setText(str(error))

    # -- running ---------------------------------------------------------------------

    def start(self) -> None:
        """Segment the chosen image in a thread; results are added when all is done."""
        layer, path = self.image_box.currentData(), self.weights_box.currentData()
        if layer is None or self._life.worker is not None:
            return
        if path is None:
            show_error("Choose a weights file first.")
            return
        try:
            source = source_of(layer)
        except AttnSegError as error:
            show_error(str(error))
            return
        self.progress.setRange(0, source.frames or 0)
        worker = create_worker(
            run,
            source,
            path,
            self.device_box.currentData(),
            self._loaded,
            _start_thread=False,
        )
        worker.yielded.connect(self._moved)
        worker.returned.connect(self._finished)
        worker.aborted.connect(self._cancelled)
        worker.finished.connect(self._ended)
        self._life.worker = worker
        self._set_running(True)
        worker.start()

    def cancel(self) -> None:
        """Stop after the frame that is being worked on; no layer is added."""
        if self._life.worker is not None:
            self.progress.setFormat("cancelling…")
            self.cancel_button.setEnabled(False)
            self._life.worker.quit()

    def _moved(self, step: tuple[int, str]) -> None:
        if not self._life.ended:
            self.progress.setValue(step[0])
            self.progress.setFormat(step[1])

    def _finished(self, done: Finished | Failed) -> None:
        if isinstance(done, Failed):
            show_error(done.message)
            return
        self._loaded = done.loaded
        if done.loaded.segmenter.device == "cpu":
            self.device_note.setText("The last run was on the CPU.")
        image = self.image_box.currentData()
        add_layers(self._viewer, new_layers(done.source, done.results))
        if image in self._viewer.layers:
            # napari selects what was added last; a click would then edit the mask.
            self._viewer.layers.selection.active = image

    def _cancelled(self) -> None:
        show_info("Cancelled; no layers were added.")

    def _ended(self) -> None:
        self._life.worker = None
        if not self._life.ended:
            self._set_running(False)

    def _set_running(self, running: bool) -> None:
        self.progress.setVisible(running)
        self.cancel_button.setVisible(running)
        self.cancel_button.setEnabled(running)
        self.segment_button.setEnabled(not running and self.image_box.count() > 0)

    # -- looking ---------------------------------------------------------------------

    def _gate_layers(self) -> list[Any]:
        return [
            layer
            for layer in self._viewer.layers
            if "gate" in layer.metadata.get(METADATA, {})
        ]

    def _fill_gates(self) -> None:
        layers = list(reversed(self._gate_layers()))
        self.gate_row.setVisible(bool(layers))
        self.gate_box.blockSignals(True)
        self.gate_box.clear()
        self.gate_box.addItem("none", None)
        for layer in layers:
            facts = layer.metadata[METADATA]
            self.gate_box.addItem(f"{facts['gate']} of {facts['source']}", layer)
            if layer.visible:
                self.gate_box.setCurrentIndex(self.gate_box.count() - 1)
        self.gate_box.blockSignals(False)
        self._say_gate()

    def _show_gate(self) -> None:
        """Show one gate map and hide the others."""
        for layer in self._gate_layers():
            layer.visible = layer is self.gate_box.currentData()
        self._say_gate()

    def _say_gate(self) -> None:
        """What the colours mean, and what was measured of the gate that is shown."""
        shown = self.gate_box.currentData()
        layers = [shown] if shown is not None else self._gate_layers()
        if not layers:
            return
        facts = layers[0].metadata[METADATA]
        said = (
            f"Blue (0): {facts['0']}. Orange (1): {facts['1']}. "
            f"The colours say {GATE_LEGEND}."
        )
        if shown is not None:
            said += f"\n{facts['finding']}"
        self.gate_words.setText(said)

    def changeEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """End when napari takes the widget out of its dock, which is how it closes."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._life.end()
        super().changeEvent(event)


def _forget_names(layers: Any, callback: Callable[..., None]) -> None:
    for layer in layers:
        layer.events.name.disconnect(callback)


def card_words(card: ModelCard) -> str:
    """A model card in a few lines: model, data, measured Dice with interval, use."""
    lines = [f"{card.spec.name}: {card.data or 'training data not stated'}"]
    dice = card.metrics.get("dice")
    if dice:
        lines.append(
            f"Dice {dice['mean']:.3f} [{dice['low']:.3f}, {dice['high']:.3f}], "
            f"n = {card.metrics['n']}, {card.metrics['dataset']}"
        )
    else:
        lines.append("Not evaluated on held-out images.")
    lines.append(
        "What its gates mean was measured: choose a gate map to read it."
        if card.gates
        else "What its gates mean has not been measured."
    )
    lines.append(card.use)
    return "\n".join(lines)


def _words(text: str = "") -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
