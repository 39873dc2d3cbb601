"""The Review dock widget: a series of masks, accepted, corrected or rejected."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.utils.notifications import show_error
from numpy.typing import NDArray
from qtpy.QtCore import QLockFile, Qt
from qtpy.QtWidgets import QApplication, QFileDialog
from superqt.utils import signals_blocked

from napari_attnseg._widgets.base.controls import restart, timer
from napari_attnseg._widgets.base.dock import DockWidget
from napari_attnseg._widgets.base.scroll import scrolled
from napari_attnseg._widgets.review.case_layers import CaseLayers
from napari_attnseg._widgets.review.case_list import Row
from napari_attnseg._widgets.review.keys import bind, bind_layer
from napari_attnseg._widgets.review.panel import ReviewPanel
from napari_attnseg._widgets.review.setup_form import SetupForm
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.io.atomic import write_text
from napari_attnseg.review.ahead import Ahead
from napari_attnseg.review.cases import Case, find_cases
from napari_attnseg.review.journal import SUFFIX, Journal, expect_reader_name
from napari_attnseg.review.session import Review
from napari_attnseg.review.study import MAPS, MASK, journal_path
from napari_attnseg.review.table import csv_text
from napari_attnseg.review.words import (
    case_words,
    measure_heading,
    measure_words,
    order_words,
    progress_words,
)

#: Milliseconds after which a comment or an undone stroke is saved.
_SOON = 300


class ReviewWidget(DockWidget):
    """Decide on the masks of a series.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Its layers, and keys while the dock is open.
    """

    tab = "Review"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)  # napari passes the viewer by this name
        self.review: Review | None = None
        self.case: Case | None = None
        self._ahead: Ahead | None = None
        self._lock: QLockFile | None = None
        self._saved: NDArray[Any] | None = None
        self._labels: NDArray[Any] | None = None
        self.setup, self.panel = SetupForm(), ReviewPanel()
        self.panel.hide()
        layout = scrolled(self)
        layout.addWidget(self.setup)
        layout.addWidget(self.panel, 1)
        layout.addStretch()
        self._actions = {
            "accept": self.accept,
            "correct": self.correct,
            "reject": self.reject,
            "undo": self.undo,
            "next": self.next_case,
            "previous": self.previous_case,
            "mask": self.toggle_mask,
            "maps": self.toggle_maps,
            "comment": self.write_comment,
        }
        self.layers = CaseLayers(napari_viewer, self._painted, self._mask_seen)
        self._paint_soon = timer(_SOON, self._save_painting)
        self._comment_soon = timer(_SOON, self._save_comment)
        self._connect()

    def _connect(self) -> None:
        panel = self.panel
        self.setup.start_button.clicked.connect(self.begin)
        for name, button in panel.buttons.items():
            button.clicked.connect(partial(self._press, name))
        panel.close_button.clicked.connect(self.close_review)
        panel.export_button.clicked.connect(self._ask_and_export)
        panel.list.chosen.connect(self._row_chosen)
        panel.filter_box.currentIndexChanged.connect(self._show_filtered)
        panel.comment.textEdited.connect(lambda: restart(self._comment_soon))
        panel.comment.left.connect(self._leave_comment)
        bind(self._viewer, self._life, self._actions)
        inserted = self._viewer.layers.events.inserted
        inserted.connect(self._layer_came)
        self._life.at_end.append(partial(inserted.disconnect, self._layer_came))
        application: Any = QApplication.instance()
        application.applicationStateChanged.connect(self._application_changed)
        self._life.at_end.append(
            partial(
                application.applicationStateChanged.disconnect,
                self._application_changed,
            )
        )
        self._life.at_end.append(self.close_review)

    # -- beginning and end -------------------------------------------------------------

    def begin(self) -> None:
        """Open the review that the form describes, at the first open case."""
        try:
            folder, masks = self.setup.place()
            study = self.setup.study()
            reader = expect_reader_name(self.setup.reader.text())
            series = find_cases(folder, masks)
            self._take_lock(journal_path(folder, reader, study is not None))
            self.review = review = Review(series, reader, study)
        except AttnSegError as error:
            self._release_lock()
            show_error(str(error))
            return
        self.setup.remember()
        self._ahead = Ahead()
        self._list_cases()
        self.setup.hide()
        self.panel.show()
        told = [series.left_out_words, *review.told]
        first = next(
            (c for c in review.cases if review.state(c).decision is None), None
        )
        self._go(first or review.cases[0])
        self._say(" ".join(sentence for sentence in told if sentence))

    def _take_lock(self, journal: Path) -> None:
        """Keep a second window from writing into the same reviewer's file."""
        journal.parent.mkdir(parents=True, exist_ok=True)
        lock = QLockFile(str(journal.with_suffix(".lock")))
        lock.setStaleLockTime(0)  # of a process that was killed it is free at once
        if not lock.tryLock(0):
            raise InputError(
                f"{journal.name} is open in another window; close the review there, or "
                "take another reviewer's name."
            )
        self._lock = lock

    def _release_lock(self) -> None:
        if self._lock is not None:
            self._lock.unlock()
            self._lock = None

    def close_review(self) -> None:
        """Save what is open, take its layers away and show the form again."""
        review = self.review
        if review is None:
            return
        self._save_all()
        said = self._tried(review.close) or ""
        self.review = self.case = None
        self.layers.clear()
        if self._ahead is not None:
            self._ahead.close()
        self._release_lock()
        if not self._life.ended:
            if said:
                show_error(said)
            self.panel.hide()
            self.setup.show()

    # -- the list ----------------------------------------------------------------------

    @property
    def _blind(self) -> bool:
        """Whether names and numbers are hidden with the masks."""
        study = None if self.review is None else self.review.study
        return study is not None and study.hide_masks

    def _title(self, case: Case) -> str:
        assert self.review is not None
        if self._blind:
            return f"case {self.review.cases.index(case) + 1}"
        return case.name

    def _measure(self, case: Case) -> str:
        assert self.review is not None
        return "" if self._blind else measure_words(case, self.review.series.order)

    def _list_cases(self) -> None:
        review = self.review
        assert review is not None
        rows = [Row(self._title(case), self._measure(case)) for case in review.cases]
        heading, tip = measure_heading(review.series.order)
        self.panel.list.fill(rows, "" if self._blind else heading, tip)
        self.panel.order.setText(order_words(review))
        self.panel.progress.setRange(0, len(review.cases))
        for case in review.cases:
            self._show_state(case)
        with signals_blocked(self.panel.filter_box):
            self.panel.filter_box.setCurrentIndex(0)
        self._show_filtered()

    def _show_state(self, case: Case) -> None:
        review = self.review
        assert review is not None
        number = review.cases.index(case)
        self.panel.list.show_state(number, review.state(case), self._measure(case))
        self.panel.progress.setValue(review.done)
        self.panel.progress.setFormat(progress_words(review))

    def _show_filtered(self, index: int = 0) -> None:
        """List only what the filter admits; the case on screen stays listed."""
        if self.review is None:
            return
        admits = self.panel.filter_box.currentData().admits
        for number, case in enumerate(self.review.cases):
            shown = admits(self.review.state(case)) or case is self.case
            self.panel.list.setRowHidden(number, not shown)

    def _row_chosen(self, row: int) -> None:
        if self.review is not None:
            self._go(self.review.cases[row])

    def _neighbour(self, step: int, open_only: bool = False) -> Case | None:
        """The next or previous listed case; for `open_only` the list is a circle."""
        review = self.review
        if review is None or self.case is None:
            return None
        at, n = review.cases.index(self.case), len(review.cases)
        ahead = range(1, n) if open_only else range(1, n - at if step > 0 else at + 1)
        for distance in ahead:
            number = (at + step * distance) % n
            case = review.cases[number]
            if self.panel.list.isRowHidden(number):
                continue
            if not open_only or review.state(case).decision is None:
                return case
        return None

    # -- on screen ---------------------------------------------------------------------

    def _go(self, case: Case, keep: bool = True) -> None:
        """Bring a case on screen; `keep` saves what was painted in the one before."""
        review, ahead = self.review, self._ahead
        if review is None or ahead is None:
            return
        if keep:
            self._save_all()
        loaded = ahead.get(case)
        said = self._tried(review.enter, case, loaded.pixels, loaded.sha256) or ""
        self.case = case
        note, labels = self._mask_of(case, loaded.pixels)
        self._labels = labels
        hidden = review.hidden(case) and labels is not None
        self.layers.show(case, self._title(case), loaded, labels, hidden)
        self._saved = None if self.layers.labels is None else self.layers.labels.copy()
        for layer in (self.layers.image, self.layers.mask):
            if layer is not None:
                bind_layer(layer, self._actions)
        at = review.cases.index(case)
        ahead.want(review.cases[max(at - 1, 0) : at + 3])
        self._show_filtered()
        self.panel.list.choose(at)
        self.panel.comment.setText(review.state(case).comment)
        self._show_about(" ".join(x for x in (loaded.error, note) if x))
        self._say(said)

    def _mask_of(
        self, case: Case, pixels: NDArray[np.generic] | None
    ) -> tuple[str, NDArray[Any] | None]:
        """What there is to say of a mask's file, and the mask."""
        assert self.review is not None
        try:
            found = self.review.read_mask(case)
        except AttnSegError as error:
            return str(error), None
        if found is None:
            return "", None
        shape = found.labels.shape
        if pixels is not None and shape != pixels.shape[:2]:
            sizes = (" × ".join(map(str, s)) for s in (shape, pixels.shape[:2]))
            mask, image = sizes
            return f"The mask has {mask} pixels, its image {image}: not shown.", None
        return found.assumed, found.labels

    def _show_about(self, note: str = "") -> None:
        review, case = self.review, self.case
        if review is None or case is None:
            return
        at, n = review.cases.index(case) + 1, len(review.cases)
        state = review.state(case)
        decided = "open" if state.decision is None else str(state.decision)
        self.panel.title.setText(f"{at} of {n} · {self._title(case)} · {decided}")
        if review.hidden(case):
            words = "The mask is hidden; S shows it."
        elif self._blind:
            words = ""
        else:
            words = case_words(case, state)
        self.panel.about.setText(f"{words} {note}".strip())
        self.panel.buttons["maps"].setEnabled(case.results is not None)

    def _mask_seen(self, event: Any = None) -> None:
        review, mask = self.review, self.layers.mask
        if review is None or self.case is None or mask is None or not mask.visible:
            return
        if review.hidden(self.case):
            self._tried(review.shown, MASK)
            self._show_about()

    def _layer_came(self, event: Any) -> None:
        if self.review is not None and self.layers.of_another_case(event.value):
            self._say(f"{event.value.name} is of a case before, and is hidden.")

    def _application_changed(self, state: Any) -> None:
        if self.review is not None:
            active = state == Qt.ApplicationState.ApplicationActive
            self._tried(self.review.resume if active else self.review.pause)

    # -- saving ------------------------------------------------------------------------

    def _tried(self, call: Any, *args: Any) -> Any:
        """What a call returns; its error is shown, and None comes back."""
        try:
            return call(*args)
        except AttnSegError as error:
            show_error(str(error))
            self._say(str(error))
            return None

    def _painted(self, event: Any = None) -> None:
        if event is not None and event.type == "paint":
            self._save_painting()
        else:  # a stroke that is taken back, among much else
            restart(self._paint_soon)

    def _save_painting(self) -> None:
        """Save the mask if it differs from what was saved last."""
        review, case, labels = self.review, self.case, self.layers.labels
        if review is None or case is None or labels is None or self._saved is None:
            return
        if not np.array_equal(labels, self._saved):
            self._saved = labels.copy()
            self._tried(review.paint, case, self._saved)
            self._show_state(case)
            self._show_about()

    def _save_comment(self) -> None:
        if self.review is not None and self.case is not None:
            self._tried(self.review.comment, self.case, self.panel.comment.text())
            self._show_state(self.case)

    def _save_all(self) -> None:
        self._save_painting()
        self._save_comment()

    def _leave_comment(self) -> None:
        self._save_comment()
        self.panel.list.setFocus()

    def _say(self, text: str) -> None:
        self.panel.said.setText(text)
        self.panel.said.setVisible(bool(text))

    # -- what keys and buttons do ------------------------------------------------------

    def _press(self, name: str, checked: bool = False) -> None:
        self._actions[name]()

    def accept(self) -> None:
        """Accept the mask on screen, and go on."""
        self._decide(lambda review, case: review.accept(case, self._shown_labels()))

    def reject(self) -> None:
        """Reject the mask on screen, and go on."""
        self._decide(lambda review, case: review.reject(case))

    def _shown_labels(self) -> NDArray[Any] | None:
        return self._labels if self._saved is None else self._saved

    def _decide(self, decide: Any) -> None:
        review, case = self.review, self.case
        if review is None or case is None:
            return
        self._save_all()
        before = len(review.journal.events)
        self._tried(decide, review, case)
        if len(review.journal.events) == before and review.state(case).decision is None:
            return  # it was refused
        self._show_state(case)
        following = self._neighbour(1, open_only=True)
        if following is not None:
            self._go(following)
        else:
            self._show_about()
            left = len(review.cases) - review.done
            self._say("Every case is decided." if not left else "None open is listed.")

    def correct(self) -> None:
        """Take the brush; the mask is saved with every stroke."""
        if self.review is None or self.layers.mask is None:
            return
        self.layers.paint()
        self._say("Paint; E rubs out, Ctrl+Z takes back a stroke. N goes on.")

    def undo(self) -> None:
        """Take back the decision that was made last, and show its case."""
        review = self.review
        if review is None:
            return
        self._save_all()
        case = self._tried(review.undo)
        if case is None:
            self._say("There is no decision to take back.")
            return
        self._show_state(case)
        self._go(case, keep=False)
        self._say(f"The last decision on {self._title(case)} was taken back.")

    def next_case(self) -> None:
        """Show the next listed case."""
        self._step(1)

    def previous_case(self) -> None:
        """Show the listed case before."""
        self._step(-1)

    def _step(self, step: int) -> None:
        case = self._neighbour(step)
        if case is not None:
            self._go(case)
        elif self.review is not None:
            self._say(f"This is the {'last' if step > 0 else 'first'} listed case.")

    def toggle_mask(self) -> None:
        """Show or hide the mask."""
        layer = self.layers.mask
        if layer is not None:
            layer.visible = not layer.visible

    def toggle_maps(self) -> None:
        """Show or hide probability and gate maps."""
        review, case = self.review, self.case
        if review is None or case is None:
            return
        if case.results is None:
            self._say("These masks have no maps: they are not results of a model.")
        elif self._tried(self.layers.toggle_maps, case):
            self._tried(review.shown, MAPS)

    def write_comment(self) -> None:
        """Write a comment."""
        if self.review is not None:
            self.panel.comment.setFocus()

    # -- export ------------------------------------------------------------------------

    def _ask_and_export(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Export table", "review.csv", "CSV (*.csv)"
        )
        if name:
            self.export(Path(name))

    def export(self, path: Path) -> None:
        """Write a row per reviewer and case of this folder."""
        if self.review is None:
            return
        self._save_all()
        files = sorted(self.review.journal.path.parent.glob(f"*{SUFFIX}"))
        try:
            journals = [Journal(file) for file in files]
            write_text(path, csv_text(journals))
        except AttnSegError as error:
            show_error(str(error))
            return
        readers = ", ".join(journal.reader for journal in journals)
        self._say(f"Written: {path.name}, of {readers}.")
