"""A menu on one run or kept what-if: copy it as text, save it as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
    QMenu,
    QMessageBox,
    QPushButton,
)

from napari_attnseg import reproduce
from napari_attnseg._widgets.base.jobs import Failed
from napari_attnseg._widgets.base.session_weights import weights_of
from napari_attnseg._widgets.base.threads import start
from napari_attnseg._widgets.layers.metadata import METADATA, RESULTS_FILE, run_of
from napari_attnseg._widgets.layers.runs import originals
from napari_attnseg._widgets.layers.writer import LayerTuple, results_of, stems, write
from napari_attnseg.errors import AttnSegError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.results import taken


class RunMenu(QPushButton):
    """A button with a menu; hidden while there is no run.

    Parameters
    ----------
    viewer : napari.Viewer
        Its layers are saved.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._facts: Mapping[str, Any] = {}
        self.setText("Repeat or save this run")
        menu = QMenu(self)
        menu.addAction("Copy as Python", self.copy_python)
        menu.addAction("Copy as command", self.copy_command)
        menu.addAction("Save results…", self.choose_folder)
        self.setMenu(menu)
        self.hide()

    def show_run(self, mask: Any, what: str = "this run") -> None:
        """Offer the run that made a mask layer; None: nothing."""
        # The dictionary, not the layer: a layer that the user deletes is to go.
        self._facts = {} if mask is None else mask.metadata[METADATA]
        self.setText(f"Repeat or save {what}")
        self.setVisible(mask is not None)

    def copy_python(self) -> None:
        """Put Python that repeats the run on the clipboard."""
        self._copy(reproduce.python_text, "Python")

    def copy_command(self) -> None:
        """Put a command line that repeats the run on the clipboard."""
        self._copy(reproduce.command_text, "A command")

    def _copy(self, text: Callable[..., str], what: str) -> None:
        mask = self._mask()
        edited = mask is not None and _edited(mask)
        saved = None if mask is None else mask.metadata.get(RESULTS_FILE)
        try:
            weights = weights_of(self._facts)
        except AttnSegError:
            weights = None  # the text says so
        clipboard = QApplication.clipboard()
        assert clipboard is not None
        clipboard.setText(
            text(self._facts, weights, None if saved is None else Path(saved), edited)
        )
        said = f"{what} that repeats this run was copied."
        show_info(f"{said} {reproduce.EDITED}" if edited else said)

    def _mask(self) -> Any:
        """The run's mask layer, if it is still there."""
        found = [
            x for x in self._viewer.layers if self._facts == x.metadata.get(METADATA)
        ]
        return found[0] if found else None

    def choose_folder(self) -> None:
        """Ask for a folder and save the run there."""
        folder = QFileDialog.getExistingDirectory(self, "Folder for the results")
        if folder:
            self.save(Path(folder))

    def save(self, folder: Path) -> None:
        """Save the run's layers as they are now; asks before it replaces files."""
        layers = [
            layer.as_layer_data_tuple()
            for layer in originals(self._viewer.layers)
            if run_of(layer.metadata[METADATA]) == run_of(self._facts)
        ]
        try:
            names = stems(results_of(layers))
        except AttnSegError as error:
            show_error(str(error))
            return
        if not names:
            show_error("The layers of this run are gone; run it again to save them.")
            return
        there = taken(folder, names[0])
        if there is not None and not self._may_replace(names[0], there):
            return
        mask = self._mask()

        def told(said: str | Failed) -> None:
            if isinstance(said, Failed):
                show_error(said.message)
                return
            mask.metadata[RESULTS_FILE] = str(folder.resolve() / f"{names[0]}.json")
            show_info(said)

        # In a thread: a long stack takes seconds.
        start(_write, told, folder, layers)

    def _may_replace(self, name: str, there: Path) -> bool:
        answer = QMessageBox.question(
            self,
            "Save results",
            f"There are files called {name} already, such as {there.name}. Replace "
            "them?",
        )
        return answer == QMessageBox.StandardButton.Yes


def _write(folder: Path, layers: list[LayerTuple]) -> str | Failed:
    try:
        written = write(str(folder), layers)
    except AttnSegError as error:
        return Failed(str(error))
    return f"{len(written)} files saved in {folder}."


def _edited(mask: Any) -> bool:
    """Whether somebody painted in a mask since it was made."""
    data = np.asarray(mask.data)
    found = [array_sha256(frame) for frame in (data if data.ndim == 3 else data[None])]
    made = mask.metadata[METADATA]["mask_sha256"]
    return found != (made if isinstance(made, list) else [made])
