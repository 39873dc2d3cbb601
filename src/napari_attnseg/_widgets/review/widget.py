"""The Review dock widget: a series of masks, accepted, corrected or rejected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.utils.notifications import show_error
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_attnseg._widgets.base.controls import halt, restart, timer
from napari_attnseg._widgets.base.dock import DockWidget
from napari_attnseg._widgets.base.outline_widths import OutlineWidths
from napari_attnseg._widgets.base.scroll import scrolled
from napari_attnseg._widgets.layers.earlier import is_edited
from napari_attnseg._widgets.review.keys import bind
from napari_attnseg._widgets.review.opened import OpenReview
from napari_attnseg._widgets.review.outcome import ReviewedOutcome, covers_words
from napari_attnseg._widgets.review.panel import ReviewPanel
from napari_attnseg._widgets.review.run_masks import RunMasks
from napari_attnseg._widgets.review.screen import SOON, CaseScreen
from napari_attnseg._widgets.review.setup_form import SetupForm
from napari_attnseg.errors import AttnSegError
from napari_attnseg.review.case import Case
from napari_attnseg.review.session import Review
from napari_attnseg.review.study import MAPS

#: Of a mask that a run made of the image of the case on screen.
NEW_MASK = (
    "{} is the mask of a new result. You still decide on the layer {}, which S shows "
    "and hides; O takes the new mask over."
)
#: What is recorded of a run whose mask is taken over.
RUN_FACTS = ("model", "weights_sha256", "date", "threshold")
TAKE_BACK = "Ctrl+Z takes that back; U takes back the whole correction."
#: When a decision is refused: what is on screen is not what it would be about.
OTHER_SEEN = (
    "You decide on the layer {}, which is hidden, and the mask of a new result is on "
    "screen: show the one that is reviewed (S) first."
)


class ReviewWidget(DockWidget):
    """Decide on the masks of a series.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Viewer whose layers show the case; keys are bound in it while the dock is open.
    """

    tab = "Review"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)  # napari passes the viewer by this name
        self.opened: OpenReview | None = None
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
            "take_over": self.take_over,
            "comment": self.write_comment,
        }
        self.on_screen = CaseScreen(
            napari_viewer, self._actions, self._changed, self._fail, self._noticed
        )
        self.runs = RunMasks(napari_viewer, self.on_screen.layers, self._run_switched)
        self._outcome = ReviewedOutcome(
            napari_viewer, self._life, self.on_screen, self.panel.outcome
        )
        self._outlines = OutlineWidths(napari_viewer, self._life)
        #: What was said and is no longer so when the mask changes.
        self._until_changed = ""
        #: What was said of masks of runs that the user shows while painting.
        self._of_shown = ""
        self._comment_soon = timer(SOON, self._save_comment)
        #: Cases whose masks are still to be read for the list, one whenever Qt is idle.
        self._unread: Iterator[Case] = iter(())
        self._when_idle = timer(0, self._look_ahead)
        self._connect()

    def _connect(self) -> None:
        panel, life = self.panel, self._life
        self.setup.start_button.clicked.connect(self.begin)
        for name, button in panel.buttons.items():
            button.clicked.connect(lambda checked, name=name: self._actions[name]())
        panel.close_button.clicked.connect(self.close_review)
        panel.export_button.clicked.connect(self._ask_and_export)
        panel.list.chosen.connect(self._row_chosen)
        panel.filter_box.currentIndexChanged.connect(self._show_filtered)
        panel.comment.textEdited.connect(self._comment_edited)
        panel.comment.left.connect(self._save_comment)
        panel.comment.left.connect(panel.list.setFocus)
        bind(self._viewer, life, self._actions)
        inserted = self._viewer.layers.events.inserted
        inserted.connect(self._layer_came)
        life.at_end.append(partial(inserted.disconnect, self._layer_came))
        removed = self._viewer.layers.events.removed
        removed.connect(self._offer_run)
        life.at_end.append(partial(removed.disconnect, self._offer_run))
        application: Any = QApplication.instance()
        changed = application.applicationStateChanged
        changed.connect(self._application_changed)
        life.at_end.append(partial(changed.disconnect, self._application_changed))
        life.at_end.append(self.close_review)

    @property
    def case(self) -> Case | None:
        """The case on screen."""
        return self.on_screen.case

    def begin(self) -> None:
        """Open the review that the form describes, at the first open case."""
        try:
            place, study = self.setup.place(), self.setup.study()
            self.opened = OpenReview(*place, self.setup.reader.text(), study)
        except AttnSegError as error:
            show_error(str(error))
            return
        self.setup.remember()
        self.panel.show_review(self.opened)
        self.setup.hide()
        self.panel.show()
        self._go(self.opened.first, self.opened.told)
        self._unread = iter(self.opened.review.cases)
        restart(self._when_idle)

    def _look_ahead(self) -> None:
        """Read the mask of one more case, whose expected Dice may no longer hold."""
        case = None if self.opened is None else next(self._unread, None)
        if self.opened is None or case is None:
            return
        if self.opened.review.look_ahead(case):
            self.panel.show_state(self.opened, case)
        restart(self._when_idle)

    def close_review(self) -> None:
        """Save the open review, remove its layers and show the form again."""
        opened = self.opened
        if opened is None:
            return
        halt(self._when_idle)
        self._save_all()
        said = self._tried(opened.close)
        self.opened = None
        with suppress(RuntimeError):  # napari is closing, and has no canvas any more
            self.on_screen.clear()
        self._outcome.take_away()
        if not self._life.ended:
            if said:
                show_error(said)
            self.panel.hide()
            self.setup.show()

    # -- the list ----------------------------------------------------------------------

    def _show_filtered(self, index: int = 0) -> None:
        if self.opened is not None:
            self.panel.show_filtered(self.opened, self.case)

    def _row_chosen(self, row: int) -> None:
        if self.opened is not None:
            self._go(self.opened.review.cases[row])

    def _neighbour(self, step: int, open_only: bool = False) -> Case | None:
        if self.opened is None or self.case is None:
            return None
        rows = self.panel.list
        return self.opened.neighbour(
            self.case, step, lambda row: not rows.isRowHidden(row), open_only
        )

    # -- on screen ---------------------------------------------------------------------

    def _go(self, case: Case, told: str = "") -> None:
        """Bring a case on screen; what was painted in the one before is saved.

        `told` is said before the remarks on its files.
        """
        opened = self.opened
        if opened is None:
            return
        self._save_all()
        note = self.on_screen.show(opened, case, opened.title(case))
        self.panel.show_filtered(opened, case)
        self.panel.list.choose(opened.review.cases.index(case))
        self.panel.comment.setText(opened.review.state(case).comment)
        self.panel.show_case(opened, case)
        self._outcome.tell()
        self._offer_run()
        self._say(" ".join(filter(None, (told, note))))

    def _changed(self) -> None:
        """Show that a mask was saved, or shown for the first time."""
        if self.opened is not None and self.case is not None:
            self.panel.show_case(self.opened, self.case)
            self._withdraw()

    def _noticed(self, painting: bool) -> None:
        """Follow the mask, which was perhaps changed, shown or hidden."""
        self._outcome.follow()
        if painting and (words := self.runs.put_aside()):
            self._say(words)
        mask = self.on_screen.layers.mask
        words = "" if mask is None else OTHER_SEEN.format(mask.name)
        if self._until_changed == words and not self._is_another_seen():
            self._withdraw()

    def _run_switched(self) -> None:
        """Follow the eye of a mask of a run that is hidden because the user paints."""
        before, self._of_shown = self._of_shown, self.runs.shown_words
        if self._of_shown or self.panel.said.text() == before:
            self._say(self._of_shown)

    def _say_until_changed(self, why: str) -> None:
        """Say what is true, or why a decision is not taken, until the mask changes."""
        self._until_changed = why
        self._say(why)

    def _withdraw(self) -> None:
        """Say no longer what was true until the mask changed."""
        if self._until_changed and self.panel.said.text() == self._until_changed:
            self._say("")
        self._until_changed = ""

    def _layer_came(self, event: Any) -> None:
        if self.on_screen.layers.of_another_case(event.value):
            self._say(f"{event.value.name} belongs to an earlier case, and is hidden.")
        elif event.value in self.runs.visible:
            mask = self.on_screen.layers.mask
            self._say(NEW_MASK.format(event.value.name, mask.name) if mask else "")
        self._offer_run()

    def _offer_run(self, event: Any = None) -> None:
        """Show the button that takes over the mask of a run where there is one."""
        button, offered = self.panel.buttons["take_over"], self.runs.newest is not None
        if button.hasFocus() and not offered:
            # Qt would move it on to the comment, and keys would be typed there.
            self.panel.list.setFocus()
        button.setVisible(offered)

    def _application_changed(self, state: Any) -> None:
        if self.opened is not None:
            active = state == Qt.ApplicationState.ApplicationActive
            review = self.opened.review
            self._tried(review.resume if active else review.pause)

    # -- saving ------------------------------------------------------------------------

    def _tried(self, call: Any, *args: Any) -> Any:
        """Call a function; if it raises, show the error and return None."""
        try:
            return call(*args)
        except AttnSegError as error:
            self._fail(str(error))
            return None

    def _fail(self, message: str) -> None:
        show_error(message)
        self._say(message)

    def _say(self, text: str) -> None:
        self.panel.said.setText(text)
        self.panel.said.setVisible(bool(text))

    def _comment_edited(self, text: str) -> None:
        restart(self._comment_soon)

    def _save_comment(self) -> None:
        if self.opened is not None and self.case is not None:
            text = self.panel.comment.text()
            self._tried(self.opened.review.comment, self.case, text)
            self.panel.show_state(self.opened, self.case)

    def _save_all(self) -> None:
        self.on_screen.save()
        self._save_comment()

    # -- what keys and buttons do ------------------------------------------------------

    def accept(self) -> None:
        """Accept the mask on screen, and show the next case."""

        def accept(review: Review, case: Case) -> None:
            labels = self.on_screen.labels
            review.accept(case, labels, covers_words(labels))

        self._decide(accept)

    def reject(self) -> None:
        """Reject the mask on screen, and show the next case."""
        self._decide(lambda review, case: review.reject(case))

    def _decide(self, decide: Any) -> None:
        opened, case = self.opened, self.case
        if opened is None or case is None:
            return
        if self._is_another_seen():
            self._say_until_changed(OTHER_SEEN.format(self.on_screen.layers.mask.name))
            return
        self._save_all()
        try:
            decide(opened.review, case)
        except AttnSegError as error:
            show_error(str(error))
            self._say_until_changed(str(error))
            return
        self.panel.show_state(opened, case)
        following = self._neighbour(1, open_only=True)
        if following is not None:
            self._go(following)
            return
        self.panel.show_case(opened, case)
        all_done = opened.review.done == len(opened.review.cases)
        self._say("Every case is decided." if all_done else "No listed case is open.")

    def _is_another_seen(self) -> bool:
        """Whether a mask of a run is visible, and that of the case is not."""
        layers = self.on_screen.layers
        there = layers.labels is not None and self.on_screen.labels is not None
        return there and not layers.mask.visible and bool(self.runs.visible)

    def correct(self) -> None:
        """Take the brush; the mask is saved with every stroke."""
        if self.opened is None or self.on_screen.layers.labels is None:
            return
        aside = self.runs.put_aside()
        self.on_screen.layers.paint()
        paint = "Paint; E erases, Ctrl+Z takes back a stroke, N shows the next case."
        self._say(" ".join(filter(None, (aside, paint))))

    def take_over(self) -> None:
        """Make the mask of a new result of the image the reviewed one, as a stroke."""
        opened, case, layers = self.opened, self.case, self.on_screen.layers
        run = self.runs.newest
        if opened is None or case is None or layers.labels is None:
            return
        if run is None:
            self._say("There is no new result of this image: segment it first.")
            return
        made, record = run
        blank = self.on_screen.labels is None  # also where nothing was found
        changed, name = self.runs.take_over(made), layers.mask.name
        self.on_screen.save(blank)
        labels = self.on_screen.labels
        if not changed and not blank:
            self._say(f"{name} holds just what {made.name} does.")
        elif labels is not None and np.array_equal(labels, made.data):  # it was saved
            facts = {key: record.provenance.get(key) for key in RUN_FACTS}
            facts["corrected_by_hand"] = edited = is_edited(made)
            self._tried(opened.review.took_over, case, labels, facts)
            self._changed()
            by_hand = ", which was corrected by hand" if edited else ""
            words = f"{name} is a copy of {made.name} now{by_hand}. {TAKE_BACK}"
            self._say_until_changed(words)

    def undo(self) -> None:
        """Take back the decision that was made last, and show its case."""
        opened = self.opened
        if opened is None:
            return
        self._save_all()
        case = self._tried(opened.review.undo)
        if case is None:
            self._say("There is no decision to take back.")
            return
        self._go(case)
        self._say(f"The last decision on {opened.title(case)} was taken back.")

    def next_case(self) -> None:
        """Show the next listed case."""
        self.step(1)

    def previous_case(self) -> None:
        """Show the previous listed case."""
        self.step(-1)

    def step(self, step: int) -> None:
        """Show the next (1) or previous (-1) listed case."""
        case = self._neighbour(step)
        if case is not None:
            self._go(case)
        elif self.opened is not None:
            self._say(f"This is the {'last' if step > 0 else 'first'} listed case.")

    def toggle_mask(self) -> None:
        """Show or hide the mask."""
        mask = self.on_screen.layers.mask
        if mask is not None:
            mask.visible = not mask.visible

    def toggle_maps(self) -> None:
        """Show or hide the probability; the gate maps are listed, hidden."""
        if self.opened is None or self.case is None:
            return
        if self.case.results is None:
            self._say(
                "These masks have no maps: they belong to frames, or are not "
                "results of attnseg."
            )
        elif self._tried(self.on_screen.layers.toggle_maps, self.case):
            self._tried(self.opened.review.shown, MAPS)

    def write_comment(self) -> None:
        """Move the keyboard focus to the comment."""
        if self.opened is not None:
            self.panel.comment.setFocus()

    # -- export ------------------------------------------------------------------------

    def _ask_and_export(self) -> None:
        names = "Export table", "review.csv", "CSV (*.csv)"
        name, _ = QFileDialog.getSaveFileName(self, *names)
        if name:
            self.export(Path(name))

    def export(self, path: Path) -> None:
        """Write a table with a row per reviewer and case of this folder."""
        if self.opened is None:
            return
        self._save_all()
        readers = self._tried(self.opened.export, path)
        if readers:
            self._say(f"Wrote the decisions of {readers} to {path.name}.")
