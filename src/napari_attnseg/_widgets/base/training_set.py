"""Send a corrected mask to a training set: a button, and a command of napari's menu."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import napari.viewer
from napari.layers import Labels
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QSettings
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_attnseg._widgets.base.controls import set_tips, wrapped_label
from napari_attnseg._widgets.base.jobs import Failed
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.threads import start
from napari_attnseg._widgets.layers.correction import correction_of
from napari_attnseg.errors import AttnSegError
from napari_attnseg.io.training_set import Addition, Correction, addition

TITLE = "Add to a training set"
NO_MASK = "Select the layer of a mask first."


class TrainingSetButton(QWidget):
    """A button that adds the mask of a dock to the training set used last.

    Parameters
    ----------
    viewer : napari.Viewer
    life : Lifetime
        After its end, the widget shows no messages.
    """

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        super().__init__()
        self._viewer, self._life = viewer, life
        self._layer_id: Any = None
        self.button = QPushButton()
        self.folder_button = QPushButton("Other…")
        #: What was written, or why nothing was.
        self.said = wrapped_label()
        set_tips(
            {
                self.button: "Write this mask and its image into a folder with "
                "images/ and masks/, to train on. For a stack, only "
                "the slice that is shown is written.",
                self.folder_button: "Choose another training set.",
            }
        )
        buttons = QHBoxLayout()
        buttons.addWidget(self.button, 1)
        buttons.addWidget(self.folder_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.said)
        self.said.hide()
        self.button.clicked.connect(self.add)
        self.folder_button.clicked.connect(self.choose_folder)
        self._show_folder()
        self.hide()

    def show_mask(self, mask: Any) -> None:
        """Set the mask layer that the button adds; None hides the button."""
        # Not the layer itself: one that the user deletes is to be freed.
        layer_id = None if mask is None else mask.unique_id
        if layer_id != self._layer_id:
            self._say("")
        self._layer_id = layer_id
        self.setVisible(mask is not None)

    def choose_folder(self) -> None:
        """Ask for another training set, without writing anything."""
        if choose_folder(self):
            self._show_folder()

    def add(self) -> None:
        """Write mask and image; asks for a folder the first time."""
        found = [x for x in self._viewer.layers if x.unique_id == self._layer_id]
        if not found:
            self._say(NO_MASK)
            return
        self._say("")
        send(self._viewer, found[0], self, self._say, lambda: self._life.ended)

    def _say(self, text: str) -> None:
        if not self._life.ended:
            self.said.setText(text)
            self.said.setVisible(bool(text))
            self._show_folder()

    def _show_folder(self) -> None:
        folder = remembered_folder()
        name = "a training set…" if folder is None else f"training set {folder.name}"
        self.button.setText(f"Add mask to {name}")
        self.folder_button.setVisible(folder is not None)


def send_mask(viewer: napari.viewer.Viewer) -> None:
    """Add the selected mask layer to a training set: a command of napari's menu."""
    layer = viewer.layers.selection.active
    if not isinstance(layer, Labels):
        show_error(NO_MASK)
        return
    send(viewer, layer, None, show_info)


def send(
    viewer: Any,
    layer: Any,
    parent: QWidget | None,
    say: Callable[[str], None],
    ended: Callable[[], bool] = lambda: False,
) -> None:
    """Write a mask layer and its image into the training set used last.

    Asks for a folder if there is none, before it replaces files, and before it writes
    an empty mask. Files are read and written in a thread.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : Labels
    parent : QWidget or None
        Parent of the questions.
    say : callable
        Called with a sentence on what was written; errors are shown as notifications of
        napari.
    ended : callable
        Returns whether `parent` has closed; then nothing more is asked or written.
    """
    try:
        read = correction_of(viewer, layer)
    except AttnSegError as error:
        show_error(str(error))
        return
    folder = remembered_folder() or choose_folder(parent)
    if folder is None:
        return

    def prepared(found: tuple[Correction, Addition] | Failed) -> None:
        if isinstance(found, Failed):
            show_error(found.message)
            return
        if ended():
            return
        correction, new = found
        if correction.empty and not _agrees(
            parent,
            "Nothing is marked in this mask. Add it as an image without a lesion?",
        ):
            say("Nothing was written: the mask is empty.")
            return
        if new.replaced and not _agrees(parent, _replace_words(new)):
            say("Nothing was written: the existing files are kept.")
            return
        start(_written, partial(_report, say), new)

    start(_prepared, prepared, read, folder)


def _prepared(
    read: Callable[[], Correction], folder: Path
) -> tuple[Correction, Addition] | Failed:
    try:
        correction = read()
        return correction, addition(folder, correction)
    except AttnSegError as error:
        return Failed(str(error))


def _written(new: Addition) -> str | Failed:
    try:
        new.write()
    except AttnSegError as error:
        return Failed(str(error))
    files = (path.relative_to(new.folder).as_posix() for path in new.files)
    text = f"Written into {new.folder}: {', '.join(files)}."
    if new.unlisted:
        text += (
            " No split list of that folder names it, so it is not trained on yet: add "
            f"{new.name} to the list of training images."
        )
    return text


def _report(say: Callable[[str], None], outcome: str | Failed) -> None:
    if isinstance(outcome, Failed):
        show_error(outcome.message)
    else:
        say(outcome)


def _replace_words(new: Addition) -> str:
    names = ", ".join(path.relative_to(new.folder).as_posix() for path in new.replaced)
    return f"This image is in the training set already ({names}). Replace it?"


def _agrees(parent: QWidget | None, question: str) -> bool:
    answer = QMessageBox.question(parent, TITLE, question)
    return bool(answer == QMessageBox.StandardButton.Yes)


def choose_folder(parent: QWidget | None) -> Path | None:
    """Ask for the training set and remember it; None if nothing was chosen."""
    before = remembered_folder()
    name = QFileDialog.getExistingDirectory(
        parent, "Training set: a folder with images/ and masks/", str(before or "")
    )
    if not name:
        return None
    _settings().setValue("folder", name)
    return Path(name)


def remembered_folder() -> Path | None:
    """The training set that was used last, if it still exists."""
    name = str(_settings().value("folder", "") or "")
    return Path(name) if name and Path(name).is_dir() else None


def _settings() -> QSettings:
    # As a file on every system: a test can point it elsewhere.
    return QSettings(
        QSettings.Format.IniFormat,
        QSettings.Scope.UserScope,
        "napari-attnseg",
        "training-set",
    )
