"""List of correctors to choose from; the choice is remembered."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSettings, Signal  # type: ignore[attr-defined]  # stubs
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_attnseg._widgets.base.controls import ChoiceBox, Form, set_tips
from napari_attnseg._widgets.base.correction_way import Way

#: Entries; a folder of MedSAM stands between the second and the last.
OWN, SIMILARITY, FOLDER = (
    "the model",
    "similar places",
    "MedSAM folder…",
)
_OWN, _SIMILARITY = "own", "similarity"
#: What a drag draws.
LINE, BOX = "a line", "a box"


class WayBox(QWidget):
    """Choice of corrector: the weights' own, similarity, or MedSAM from a folder.

    Attributes
    ----------
    way : Way
        Chosen corrector.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.box = ChoiceBox()
        self.drag_box = ChoiceBox()
        self.drag_box.addItems([LINE, BOX])
        for text, value in ((OWN, _OWN), (SIMILARITY, _SIMILARITY), (FOLDER, "")):
            self.box.addItem(text, value)
        set_tips(
            {
                self.box: "What proposes the change around a click. The model: "
                "trained to follow clicks; if these weights were not, "
                "similar places are used. Similar places: regions that "
                "look to the model like the place of the click. MedSAM "
                "is another model; you need its folder. Earlier clicks "
                "stay as they are; to undo them, choose again what made "
                "them.",
                self.drag_box: "A line says of every pixel on it whether it belongs "
                "to the mask. In a box the model adds what it finds; with the right "
                "button or Shift, a box removes all that is in it. Nothing outside "
                "changes.",
            }
        )
        layout = Form(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addRow("Correct by", self.box)
        layout.addRow("Dragging draws", self.drag_box)
        self.way = self._choose(str(_settings().value("by", _OWN) or _OWN))
        self.box.activated.connect(self._activated)

    @property
    def draws_box(self) -> bool:
        """Whether a drag draws a box, not a line."""
        return self.drag_box.currentText() == BOX

    def _activated(self, index: int) -> None:
        before = self.box.itemData(index) or self._folder()
        if before:
            _settings().setValue("by", before)
            self.way = self._choose(before)
            self.changed.emit()
        else:  # none was chosen: as before
            self._choose(_value(self.way))

    def _folder(self) -> str:
        known = _value(self.way) if self.way.folder is not None else ""
        return str(
            QFileDialog.getExistingDirectory(
                self, "Folder of MedSAM: config.json and model.safetensors", known
            )
        )

    def _choose(self, value: str) -> Way:
        """Show a choice in the list, and what it stands for."""
        if self.box.findData(value) < 0:
            if self.box.count() > 3:
                self.box.removeItem(2)
            self.box.insertItem(2, f"MedSAM: {Path(value).name}", value)
        self.box.setCurrentIndex(self.box.findData(value))
        if value in (_OWN, _SIMILARITY):
            return Way(similarity=value == _SIMILARITY)
        return Way(folder=Path(value))


def _value(way: Way) -> str:
    if way.folder is not None:
        return str(way.folder)
    return _SIMILARITY if way.similarity else _OWN


def _settings() -> QSettings:
    # As a file on every system: a test can point it elsewhere.
    return QSettings(
        QSettings.Format.IniFormat,
        QSettings.Scope.UserScope,
        "napari-attnseg",
        "corrections",
    )
