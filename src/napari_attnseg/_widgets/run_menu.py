"""The Segment widget's menu on its last run: copy it as text, save it as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from napari.qt.threading import create_worker
from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
    QMenu,
    QMessageBox,
    QPushButton,
)

from napari_attnseg import reproduce
from napari_attnseg._widgets.layers import METADATA, run_of
from napari_attnseg._widgets.worker import Failed
from napari_attnseg._widgets.writer import (
    LayerTuple,
    results_of,
    stems,
    write,
)
from napari_attnseg.errors import AttnSegError


class RunMenu(QPushButton):
    """A button with a menu; hidden until there is a run.

    Parameters
    ----------
    viewer : napari.Viewer
        Its layers are saved.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._facts: Mapping[str, Any] = {}
        self._weights: Path | None = None
        self.setText("Repeat or save this run")
        menu = QMenu(self)
        menu.addAction("Copy as Python", self.copy_python)
        menu.addAction("Copy as command", self.copy_command)
        menu.addAction("Save results…", self.choose_folder)
        self.setMenu(menu)
        self.hide()

    def show_run(self, layer: Any, weights: Path) -> None:
        """Offer the run that made a layer."""
        # The dictionary, not the layer: a layer that the user deletes is to go.
        self._facts, self._weights = layer.metadata[METADATA], weights
        self.show()

    def copy_python(self) -> None:
        """Put Python that repeats the run on the clipboard."""
        self._copy(reproduce.python_text, "Python")

    def copy_command(self) -> None:
        """Put a command line that repeats the run on the clipboard."""
        self._copy(reproduce.command_text, "A command")

    def _copy(self, text: Callable[..., str], what: str) -> None:
        clipboard = QApplication.clipboard()
        assert clipboard is not None
        clipboard.setText(text(self._facts, self._weights))
        show_info(f"{what} that repeats this run was copied.")

    def choose_folder(self) -> None:
        """Ask for a folder and save the run there."""
        folder = QFileDialog.getExistingDirectory(self, "Folder for the results")
        if folder:
            self.save(Path(folder))

    def save(self, folder: Path) -> None:
        """Save the run's layers as they are now; asks before it replaces files."""
        layers = [
            layer.as_layer_data_tuple()
            for layer in self._viewer.layers
            if run_of(layer.metadata.get(METADATA, {})) == run_of(self._facts)
        ]
        try:
            names = stems(results_of(layers))
        except AttnSegError as error:
            show_error(str(error))
            return
        if not names:
            show_error("The layers of this run are gone; run it again to save them.")
            return
        if (folder / f"{names[0]}.json").exists() and not self._may_replace(names[0]):
            return
        # In a thread: a long stack takes seconds.
        create_worker(_write, folder, layers, _connect={"returned": _tell})

    def _may_replace(self, name: str) -> bool:
        answer = QMessageBox.question(
            self, "Save results", f"There are results of {name} already. Replace them?"
        )
        return answer == QMessageBox.StandardButton.Yes


def _write(folder: Path, layers: list[LayerTuple]) -> str | Failed:
    try:
        written = write(str(folder), layers)
    except AttnSegError as error:
        return Failed(str(error))
    return f"{len(written)} files saved in {folder}."


def _tell(said: str | Failed) -> None:
    if isinstance(said, Failed):
        show_error(said.message)
    else:
        show_info(said)
