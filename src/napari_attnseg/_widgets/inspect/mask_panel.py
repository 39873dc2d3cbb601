"""Mask panel of the Inspect widget: threshold and clean-up with a live preview."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import (  # type: ignore[attr-defined]  # PyQt6's stubs
    Signal,
)

from napari_attnseg._widgets.base.controls import timer
from napari_attnseg._widgets.inspect.mask_controls import (
    COPY,
    REPLACE,
    STOP,
    MaskControls,
)
from napari_attnseg._widgets.inspect.mask_editor import MaskEditor
from napari_attnseg._widgets.inspect.undo import History
from napari_attnseg._widgets.layers.metadata import metadata_of, record_of
from napari_attnseg._widgets.layers.new_layers import layer_name
from napari_attnseg._widgets.layers.outcome import (
    SPECK_TIP,
    CanvasMark,
    by_hand_words,
    expected_dice,
    first_of_all,
    found_in,
    is_missing,
)
from napari_attnseg._widgets.layers.pixels import changes_of
from napari_attnseg._widgets.layers.record import Derivation
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg.masks import MaskRules, MaskSize


@dataclass(frozen=True, slots=True, eq=False)
class MaskStep:
    """One step of the history: rules, and masks that were edited by hand after them.

    Attributes
    ----------
    rules : MaskRules
    by_hand : mapping of int to ndarray
        Frame → mask (H, W) with its edits; empty where nothing was edited.
    clicks : mapping or None
        ``provenance["clicks"]`` of these edits.
    """

    rules: MaskRules
    by_hand: Mapping[int, NDArray[np.uint8]] = field(default_factory=dict)
    clicks: Mapping[str, Any] | None = None


class MaskPanel(MaskControls):
    """Controls that recompute the mask of a result while they are moved.

    Parameters
    ----------
    viewer : napari.Viewer
        Viewer whose slider gives the shown frame; a copy of an edited mask is added to
        it.
    """

    #: The shown frame was made anew.
    remade = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._editor: MaskEditor | None = None
        self._history = History(MaskStep(MaskRules()))
        self._rest: Iterator[int] = iter(())
        self._mark = CanvasMark(viewer)
        self._made = 0  # the frame that was made last; the others are to follow it
        # A timer of 0: moves that come while a mask is made are one move.
        self._soon = timer(0, self.apply)
        self._later = timer(300, self.settle)
        self._step = timer(0, self._next_frame)
        # Somebody painted or undid, or another frame is shown: once, when it rests.
        self._drawn = timer(50, self._mask_drawn)

        self.moved.connect(self._moved)
        self.undo_button.clicked.connect(self.undo)
        self.reset_button.clicked.connect(self.reset)
        self.set_result(None)

    @property
    def settled(self) -> bool:
        """Whether no control is being moved and every frame follows the rules."""
        waiting = (self._soon, self._later, self._step)
        return self._history.settled and not any(one.isActive() for one in waiting)

    @property
    def edited(self) -> bool:
        """Whether somebody painted in the mask after the mask rules made it."""
        return self._editor is not None and self._editor.edited(
            range(self._editor.frames)
        )

    # -- the result --------------------------------------------------------------------

    def set_result(self, result: ResultLayers | None) -> None:
        """Work on another result; None, or one without its mask layer, disables all."""
        self.finish()
        self.forget()
        usable = result is not None and result.complete
        self._editor = MaskEditor(result) if result is not None and usable else None
        editor = self._editor
        self._history.restart(MaskStep(editor.own if editor else MaskRules()))
        if self._editor is not None:
            if self._editor.made != self._editor.own:  # undone: the model's own
                self._history.change(MaskStep(self._editor.made))
            for event in self._drawing():
                event.connect(self._drawn_soon)
        self.setEnabled(usable)
        self._show_now()
        self.show_size()

    def forget(self) -> None:
        """Disconnect from the mask layer, at the end or for another result."""
        self._mark.take_away()
        for event in self._drawing():
            event.disconnect(self._drawn_soon)

    def _drawing(self) -> tuple[Any, ...]:
        if self._editor is None:
            return ()
        return changes_of(self._editor.result.mask)

    def _drawn_soon(self, event: Any = None) -> None:
        self._drawn.start()

    def _mask_drawn(self) -> None:
        self.show_size()
        self.remade.emit()

    def show_size(self) -> None:
        """Show area and number of objects in the shown frame."""
        self.size_label.setVisible(self._editor is not None)
        if self._editor is not None:
            self._show_size(self._editor.size(self._frame()))

    def _show_size(self, size: MaskSize) -> None:
        assert self._editor is not None
        result, frame = self._editor.result, self._frame()
        mask = self._editor.mask(frame)
        outcome = found_in(result, frame, mask)
        text = f"{first_of_all(result, frame)}{outcome.sentence}"
        if not is_missing(result, frame, mask):
            text += f" ({size.area:,} px)"
        expected = expected_dice(result, frame, mask)
        if expected is not None and expected.sentence:
            text += f"\n{expected.sentence}"
        by_hand = by_hand_words(result, frame, mask)
        text += f"\n{by_hand}" if by_hand else ""
        self.size_label.setText(text)
        tips = [SPECK_TIP if outcome.specks else ""]
        tips.append("" if expected is None else expected.details)
        self.size_label.setToolTip("\n".join(filter(None, tips)))
        seen = result.mask.visible and not self._viewer.canvas.grid.enabled
        self._mark.show(outcome if seen else None, result.name)

    def _frame(self) -> int:
        assert self._editor is not None
        return self._editor.result.frame(self._viewer.dims.point)

    # -- changes ---------------------------------------------------------------------

    def _moved(self, name: str, value: Any) -> None:
        if self._editor is None:
            return
        rules = replace(self._history.now.rules, **{name: value})
        if rules == self._history.now.rules:
            return
        if not self._may_replace():
            self._show_now()
            return
        self._history.change(MaskStep(rules), by=name)
        self._later.start()
        self._soon.start()

    def undo(self) -> None:
        """Undo the last step; edits by hand that it replaced are restored."""
        if not self._may_replace():
            return
        if self._history.now.by_hand:  # which this would lose
            self._history.undo_forward()
        else:
            self._history.undo()
        self._now()
        by_hand, clicks = self._history.now.by_hand, self._history.now.clicks
        if self._editor is not None and by_hand:
            for _ in self._rest:  # before their edits: all frames follow the rules
                pass
            self._editor.bring_back(self._history.now.rules, by_hand, clicks)
            self._history.amend(MaskStep(self._history.now.rules))
            self._mask_drawn()

    def reset(self) -> None:
        """Go back to the mask that the model made; this can be undone."""
        if self._may_replace():
            self._history.reset()
            self._now()

    def _now(self) -> None:
        self._show_now()
        self.apply()
        self.settle()

    def apply(self) -> None:
        """Recompute the mask of the shown frame, without waiting for the event loop."""
        if self._editor is not None:
            self._made = self._frame()
            self._show_size(self._editor.apply(self._history.now.rules, self._made))
            self.remade.emit()
        self.show_undo(self._history.can_undo)

    def settle(self) -> None:
        """Complete the present undo step, and start to recompute the other frames."""
        self._history.settle()
        if self._editor is not None and self._editor.frames > 1:
            rules = self._history.now.rules
            self._rest = self._editor.apply_to_others(rules, self._made)
            self._step.start()

    def _next_frame(self) -> None:
        """One frame per turn of the event loop, so that nothing blocks."""
        if next(self._rest, None) is not None:
            self._step.start()

    def finish(self) -> None:
        """Complete pending work before another result is chosen or the dock closes."""
        if self._editor is not None and self._soon.isActive():
            self.apply()
        if self._later.isActive():
            self.settle()
        for one in (self._soon, self._later, self._step, self._drawn):
            one.stop()
        for _ in self._rest:
            pass

    def _show_now(self) -> None:
        self.show_rules(self._history.now.rules)
        self.show_undo(self._history.can_undo)

    # -- edits by hand ---------------------------------------------------------------

    def _may_replace(self) -> bool:
        """Whether the mask may be made anew: it is unedited, or the user agrees."""
        editor = self._editor
        if editor is None:
            return False
        if not self._history.settled or not self.edited:
            return True
        answer = self.ask_about_edits()
        if answer == COPY:
            layer = editor.result.mask
            options = layer.as_layer_data_tuple()[1]
            record = record_of(layer)
            assert record is not None
            options["name"] = layer_name("edited", layer.name)
            options["metadata"] = metadata_of(
                record.derived(Derivation.EDITED, layer.name)
            )
            copy = self._viewer.add_labels(layer.data.copy(), **options)
            copy.visible = False
            self._viewer.layers.selection.active = layer
        if answer == REPLACE:
            present = self._history.now
            self._history.amend(
                replace(present, by_hand=editor.by_hand(), clicks=editor.clicks)
            )
        if answer != STOP:
            editor.accept()
        return answer != STOP


def finish(panel: weakref.ref[MaskPanel]) -> None:
    """Complete pending work on a mask, unless Qt has destroyed the panel."""
    found = panel()
    if found is not None:
        # Where Qt destroys the widget without closing it, its timers went before.
        with suppress(RuntimeError):
            found.finish()
        found.forget()
