"""Menu of one run or kept what-if: copy it as code, save it as files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtGui import QAction  # type: ignore[attr-defined]  # PyQt6's stubs
from qtpy.QtWidgets import (
    QApplication,
    QFileDialog,
    QMenu,
    QMessageBox,
    QPushButton,
)

from napari_attnseg import reproduce
from napari_attnseg._widgets.base.jobs import Failed
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.model_cache import MODELS
from napari_attnseg._widgets.base.threads import start
from napari_attnseg._widgets.layers.earlier import is_edited
from napari_attnseg._widgets.layers.metadata import (
    record_of,
    results_file,
    run_provenance,
    set_results_file,
)
from napari_attnseg._widgets.layers.own_image import images_of
from napari_attnseg._widgets.layers.record import LayerRecord
from napari_attnseg._widgets.layers.runs import find_results, originals
from napari_attnseg._widgets.layers.source import finest
from napari_attnseg._widgets.layers.writer import LayerTuple, results_of, stems, write
from napari_attnseg.errors import AttnSegError
from napari_attnseg.how_many import how_many
from napari_attnseg.io.atomic import write_text
from napari_attnseg.io.results import Results
from napari_attnseg.io.saved_results import taken


class RunMenu(QPushButton):
    """A button with a menu; hidden while there is no run.

    Parameters
    ----------
    viewer : napari.Viewer
        Viewer whose layers are saved.
    life : Lifetime
        Ends the connection to the viewer.
    segments : bool
        Whether the dock segments images.
    """

    def __init__(self, viewer: Any, life: Lifetime, segments: bool = False) -> None:
        super().__init__()
        self._viewer = viewer
        # Not the layer itself: a layer that the user deletes is to be freed.
        self._record: LayerRecord | None = None
        self._layer_id: Any = None
        removed = viewer.layers.events.removed
        removed.connect(self._removed)
        life.at_end.append(partial(removed.disconnect, self._removed))
        self.setText("Repeat or save this run")
        self.setToolTip(
            "Copy this run as Python code or as a command, or save its layers."
        )
        menu = QMenu(self)
        menu.addAction("Copy as Python", self.copy_python)
        menu.addAction("Copy as command", self.copy_command)
        menu.addAction("Save results…", self.choose_folder)
        menu.addAction("Save report…", self.choose_report)
        #: Whether a second run of an image leaves the first; shown where it is used.
        self.keep_both = QAction("Keep both when this image is segmented again", menu)
        self.keep_both.setCheckable(True)
        menu.addAction(self.keep_both)
        self.keep_both.setVisible(segments)
        self.setMenu(menu)
        self.hide()

    def show_run(self, mask: Any, what: str = "this run") -> None:
        """Set the mask layer whose run the menu is for; None hides the menu."""
        self._record = None if mask is None else record_of(mask)
        self._layer_id = None if mask is None else mask.unique_id
        self.setText(f"Repeat or save {what}")
        self.setVisible(mask is not None)

    def is_of(self, image: Any) -> bool:
        """Whether the menu is for a run on this image layer."""
        record = self._record
        return record is not None and record.image.layer_id == str(image.unique_id)

    def copy_python(self) -> None:
        """Put Python that repeats the run on the clipboard."""
        self._copy(reproduce.python_text, "Python")

    def copy_command(self) -> None:
        """Put a command line that repeats the run on the clipboard."""
        self._copy(reproduce.command_text, "A command")

    def _copy(self, text: Callable[..., str], what: str) -> None:
        mask = self._mask()
        record = self._record if mask is None else record_of(mask)
        if record is None:
            return
        edited = mask is not None and is_edited(mask)
        saved = None if mask is None else results_file(mask)
        values = {**run_provenance(record), "source": record.source}
        try:
            weights = MODELS.weights_of(values)
        except AttnSegError:
            weights = None  # the text says so
        clipboard = QApplication.clipboard()
        assert clipboard is not None
        clipboard.setText(text(values, weights, saved, edited))
        message = f"{what} that repeats this run was copied."
        show_info(f"{message} {reproduce.EDITED}" if edited else message)

    def _mask(self) -> Any:
        """The mask layer of the run, if it is still there."""
        found = [x for x in self._viewer.layers if x.unique_id == self._layer_id]
        return found[0] if found else None

    def _removed(self, event: Any) -> None:
        """Keep the last record of the mask: it may have been made anew since."""
        if event.value.unique_id == self._layer_id:
            self._record = record_of(event.value)

    def choose_folder(self) -> None:
        """Ask for a folder and save the run there."""
        folder = QFileDialog.getExistingDirectory(self, "Folder for the results")
        if folder:
            self.save(Path(folder))

    def save(self, folder: Path) -> None:
        """Save the run's layers as they are now; asks before it replaces files."""
        layers = self._layers()
        results = self._results(layers)
        if results is None:
            return
        names = stems([results])
        there = taken(folder, names[0])
        if there is not None and not self._may_replace(names[0], there):
            return
        mask, left = self._mask(), self._not_saved()

        def saved(outcome: str | Failed) -> None:
            if isinstance(outcome, Failed):
                show_error(outcome.message)
                return
            set_results_file(mask, folder / f"{names[0]}.json")
            # In napari's notice the first words are seen at once.
            show_info(f"{left} {outcome}".strip())

        # In a thread: a long stack takes seconds.
        start(_write, saved, folder, layers)

    def _not_saved(self) -> str:
        """Say that only a kept what-if is saved, and how to save the mask of its run.

        That mask may have been corrected since, and is on screen too.
        """
        if self._record is None or not self._record.is_kept_what_if:
            return ""
        # The run has the weights and the image of its what-if, but a date of its own.
        image = images_of(self._viewer.layers).get(self._mask())
        masks = [
            one.mask
            for one in find_results(self._viewer.layers)
            if one.image is image is not None and one.mask is not None
        ]
        if not masks:
            return "Only the what-if is saved."
        return (
            f"Only the what-if is saved: to save {masks[0].name!r} too, select it in "
            "the layer list."
        )

    def choose_report(self) -> None:
        """Ask for a file and save a report on the run there."""
        kind = "HTML (*.html)"
        name, _ = QFileDialog.getSaveFileName(self, "Save report", "report.html", kind)
        if name:
            self.save_report(Path(name))

    def save_report(self, path: Path) -> None:
        """Write one HTML page on the run, as its layers are now."""
        results = self._results(self._layers())
        if results is None:
            return
        image = images_of(self._viewer.layers).get(self._mask())
        data: Any = None if image is None else finest(image)

        def saved(outcome: str | Failed) -> None:
            if isinstance(outcome, Failed):
                show_error(outcome.message)
            else:
                show_info(outcome)

        start(_write_report, saved, path, results, data)

    def _layers(self) -> list[LayerTuple]:
        """Layers of the run, as they are now."""
        run = None if self._record is None else self._record.run_id
        return [
            layer.as_layer_data_tuple()
            for layer in originals(self._viewer.layers)
            if (record := record_of(layer)) is not None and record.run_id == run
        ]

    def _results(self, layers: list[LayerTuple]) -> Results | None:
        """Results among layers; None, and a notification, if they are not whole."""
        try:
            found = results_of(layers)
        except AttnSegError as error:
            show_error(str(error))
            return None
        if not found:
            show_error(
                "The layers of this run were removed; run it again to save them."
            )
            return None
        return found[0]

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
    return f"{how_many(len(written), 'file')} saved in {folder}."


def _write_report(path: Path, results: Results, data: Any) -> str | Failed:
    """Write a report on results of an image layer's data, None where it is gone."""
    from napari_attnseg.reports import NoImage, cases_of, report_html, segmented_pixels

    def picture(frame: int | None) -> Any:
        if data is None:
            return NoImage.MISSING
        facts = results.segmentations[frame or 0].provenance
        return segmented_pixels(data, facts, frame)

    try:
        write_text(path, report_html(cases_of(results, picture)))
    except AttnSegError as error:
        return Failed(str(error))
    return f"Report saved in {path}."
