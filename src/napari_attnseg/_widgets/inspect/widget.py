"""The Inspect dock widget: view a result, change its mask, force its gates."""

from __future__ import annotations

import weakref
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QKeySequence, QShortcut  # type: ignore[attr-defined]  # stubs
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget
from superqt.utils import signals_blocked

from napari_attnseg._widgets.base.controls import (
    ChoiceBox,
    Fold,
    Form,
    halt,
    restart,
    set_tips,
    timer,
    wrapped_label,
)
from napari_attnseg._widgets.base.dock import DockWidget
from napari_attnseg._widgets.base.lifetime import follow_layers, weakly
from napari_attnseg._widgets.base.outline_widths import OutlineWidths
from napari_attnseg._widgets.base.run_menu import RunMenu
from napari_attnseg._widgets.base.scroll import scrolled
from napari_attnseg._widgets.base.training_set import TrainingSetButton
from napari_attnseg._widgets.inspect.arrangement import Arrangement
from napari_attnseg._widgets.inspect.click_panel import ClickPanel
from napari_attnseg._widgets.inspect.mask_panel import MaskPanel, finish
from napari_attnseg._widgets.inspect.pointer import Pointing
from napari_attnseg._widgets.inspect.presets import TITLES, Preset, describe_preset
from napari_attnseg._widgets.inspect.readers_panel import ReadersPanel
from napari_attnseg._widgets.inspect.result_in_view import ResultInView
from napari_attnseg._widgets.inspect.whatif_panel import WhatIfPanel
from napari_attnseg._widgets.layers.classes import class_legend, class_names
from napari_attnseg._widgets.layers.display import leave_brushes
from napari_attnseg._widgets.layers.objects_aside import ObjectsAside
from napari_attnseg._widgets.layers.outcome import is_changed_by_hand
from napari_attnseg._widgets.layers.own_image import bring_forward, hide, is_wanted
from napari_attnseg._widgets.layers.runs import ResultLayers, find_results, kept_mask

NO_RESULT = "Segment an image first: Plugins ▸ AttnSeg ▸ Segment image."
#: Why the mask of a result cannot be changed here.
IN_REVIEW = (
    "Grey because this result was read from its files for Review: its mask is changed "
    "in Review, not here. To change a mask here, segment the image of the case; that "
    "makes a new result."
)
NO_MASK = (
    "Grey because the mask layer of this result is missing: segment the image again to "
    "change its mask."
)
NO_PROBABILITY = (
    "Grey because the probability of one of the classes of this result is missing: "
    "segment the image again to change its mask."
)
#: Shows side by side, and goes back; no key of napari's.
KEY = "G"


class InspectWidget(DockWidget):
    """Show results in the viewer, read values, change masks and force gates.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Viewer that the widget works on; its key binding and mouse callbacks are removed
        when the widget ends.
    """

    tab = "Inspect"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)  # napari passes the viewer by this name
        life = self._life
        self._results: list[ResultLayers] = []
        self.hint = wrapped_label(NO_RESULT)
        self.result_box = ChoiceBox()
        self.preset_box = ChoiceBox()
        self.toggle_button = QPushButton(f"Side by side ({KEY})")
        self.preset_description = wrapped_label()
        self.legend = wrapped_label()
        self.pointing = Pointing(napari_viewer, life)
        self.mask_section = QWidget()
        self.mask_panel = MaskPanel(napari_viewer)
        #: Why the mask cannot be changed; hidden while it can.
        self.mask_why = wrapped_label(NO_MASK)
        self.click_panel = ClickPanel(napari_viewer, life)
        objects = ObjectsAside(napari_viewer)
        life.at_end.append(objects.end)
        shared = napari_viewer, life, self.pointing, objects
        self.whatif_panel = WhatIfPanel(*shared)
        self.readers_panel = ReadersPanel(*shared)
        self.run_menu = RunMenu(napari_viewer, life)
        self.training_set = TrainingSetButton(napari_viewer, life)
        self.body = QWidget()
        self._arrangement = Arrangement(napari_viewer)
        # Not while napari adds or removes a layer, and once for all that come together.
        self._soon = timer(0, self.settle)
        self.preset_box.addItems([TITLES[preset] for preset in Preset])
        self.preset_description.setText(describe_preset(None, Preset.OVERLAY))
        set_tips(
            {
                self.result_box: "Result that this widget shows: image and weights.",
                self.preset_box: "The layers to show, over each other or side by side.",
                self.toggle_button: f"Side by side, and back (key {KEY}).",
            }
        )
        self._in_view = ResultInView(napari_viewer, life, self)
        self._lay_out()

        self.result_box.currentIndexChanged.connect(self._choose_result)
        self.result_box.activated.connect(self._bring_forward)
        self.preset_box.currentIndexChanged.connect(self._arrange)
        self.toggle_button.clicked.connect(self.toggle)
        self._connect()
        self._follow()

    def _lay_out(self) -> None:
        form = Form()
        form.addRow("Result", self.result_box)
        shown = QHBoxLayout()
        shown.addWidget(self.preset_box, 1)
        shown.addWidget(self.toggle_button)
        form.addRow("Show", shown)
        form.addRow(self.preset_description)
        form.addRow(self.legend)
        inside = QVBoxLayout(self.body)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addLayout(form)
        inside.addWidget(self.pointing)
        inside.addWidget(self.mask_why)
        below = QVBoxLayout(self.mask_section)
        below.setContentsMargins(0, 0, 0, 0)
        below.addWidget(self.mask_panel)
        below.addWidget(self.click_panel)
        for title, panel, opened in (
            ("Mask", self.mask_section, True),
            ("Each encoder alone, and where they disagree", self.readers_panel, False),
            ("What if the gates chose otherwise?", self.whatif_panel, False),
        ):
            inside.addWidget(Fold(title, panel, opened))
        inside.addWidget(self.run_menu)
        inside.addWidget(self.training_set)
        layout = scrolled(self)
        layout.addWidget(self.hint)
        layout.addWidget(self.body)
        layout.addStretch()

    def _connect(self) -> None:
        viewer, life = self._viewer, self._life
        life.at_end.append(partial(leave_brushes, viewer))
        life.at_end.append(self._arrangement.end)
        life.at_end.append(partial(halt, self._soon))
        life.at_end.append(partial(finish, weakref.ref(self.mask_panel)))
        self.mask_panel.remade.connect(self.pointing.read_again)
        self.mask_panel.remade.connect(self.click_panel.follow_mask)
        self.mask_panel.remade.connect(self._describe)
        self.click_panel.toggled.connect(self.pointing.pause)
        active = viewer.layers.selection.events.active
        active.connect(self._offer_run)
        life.at_end.append(partial(active.disconnect, self._offer_run))
        follow_layers(viewer, life, self._follow)
        self._outlines = OutlineWidths(viewer, life)
        viewer.dims.events.current_step.connect(self._frame_changed)
        life.at_end.append(
            partial(viewer.dims.events.current_step.disconnect, self._frame_changed)
        )
        grid = viewer.canvas.grid.events.enabled
        grid.connect(self._grid_changed)
        life.at_end.append(partial(grid.disconnect, self._grid_changed))
        # Where a list has the focus, it would take the key for its own search.
        shortcut = QShortcut(QKeySequence(KEY), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(self.toggle)
        # A key that somebody else has bound stays theirs.
        with suppress(ValueError):
            viewer.bind_key(KEY, weakly(self.toggle))
            life.at_end.append(partial(viewer.bind_key, KEY, None))

    def set_in_front(self, front: bool) -> None:
        """Hide the layers of the sections while another tab is in front."""
        for part in (
            self.pointing,
            self.click_panel,
            self.readers_panel,
            self.whatif_panel,
        ):
            part.set_in_front(front)

    # -- which result ----------------------------------------------------------------

    @property
    def results(self) -> tuple[ResultLayers, ...]:
        """All results in the viewer, the latest first."""
        return tuple(self._results)

    @property
    def result(self) -> ResultLayers | None:
        """The result that is shown."""
        index = self.result_box.currentIndex()
        return self._results[index] if 0 <= index < len(self._results) else None

    def _follow(self, event: Any = None) -> None:
        """Update the list of results; the latest new one is chosen."""
        before, chosen = self._results, self.result
        self._results = find_results(self._viewer.layers)
        known = [_same(result, self._results) for result in before]
        with signals_blocked(self.result_box):
            self.result_box.clear()
            self.result_box.addItems([result.title for result in self._results])
            kept = -1 if chosen is None else _same(chosen, self._results)
            new = [i for i in range(len(self._results)) if i not in known]
            index = new[0] if new else max(kept, 0)
            self.result_box.setCurrentIndex(index if self._results else -1)
        self.hint.setVisible(not self._results)
        self.body.setVisible(bool(self._results))
        result = self.result
        if result is None or chosen is None or not result.equals(chosen):
            self._show_chosen()
        if self.preset is not Preset.OVERLAY and not self._life.ended:
            restart(self._soon)

    def _choose_result(self) -> None:
        self._show_chosen()
        if self.preset is not Preset.OVERLAY:
            self._arrange()

    def _show_chosen(self) -> None:
        result = self.result
        classes = (
            class_names(result.record.provenance, len(result.probability))
            if result
            else []
        )
        self.legend.setText(class_legend(classes))
        self.legend.setVisible(len(classes) > 1)
        self.pointing.set_result(self.result)
        self.mask_panel.set_result(self.result)
        why = "" if result is None else _why_fixed(result)
        self.mask_why.setText(why or NO_MASK)
        self.mask_why.setVisible(bool(why))
        self.click_panel.set_result(self.result)
        self.whatif_panel.set_result(self.result)
        self.readers_panel.set_result(self.result)
        self._in_view.tell()
        self._offer_run()
        for mask in () if result is None else (result.mask, result.reviewed):
            if mask is None:
                continue
            # The zoom, or a mask of the whole frame, may turn an outline into a fill.
            for event in (mask.events.contour, mask.events.visible):
                event.disconnect(self._describe)
                event.connect(self._describe)
        self._describe()

    def _bring_forward(self, index: int) -> None:
        """Show the image and the mask of a chosen result."""
        if self.result is not None and self.result.image is not None:
            bring_forward(self._viewer, self.result.image)
        # Not now: what another result hid is shown again first.
        QTimer.singleShot(0, self._show_its_mask)

    def _show_its_mask(self) -> None:
        """Show the mask of a chosen result in place of that of another run."""
        result, beside = self.result, self._viewer.canvas.grid.enabled
        mask = None if result is None else result.mask
        if self._life.ended or result is None or beside or mask is None:
            return
        if is_wanted(mask):
            return
        for other in self._results:
            same = other.image is result.image and other.mask is not None
            if same and other is not result:
                hide(other.mask)
        mask.visible = True

    def _offer_run(self, event: Any = None) -> None:
        """Offer the kept what-if that is selected, else the result, in the run menu."""
        kept = kept_mask(self._viewer.layers.selection.active, self._viewer.layers)
        if kept is not None:
            self.run_menu.show_run(kept, "the selected what-if")
        else:
            mask = None if self.result is None else self.result.mask
            self.run_menu.show_run(mask, "this result")
        self.training_set.show_mask(mask if kept is None else kept)

    def _frame_changed(self, event: Any = None) -> None:
        self.mask_panel.show_size()
        self._describe()
        self.click_panel.follow_mask()
        self.pointing.follow_frame()
        self.readers_panel.follow_frame()
        self.whatif_panel.follow_frame()

    # -- arrangement -----------------------------------------------------------------

    @property
    def preset(self) -> Preset:
        """The chosen arrangement."""
        return list(Preset)[self.preset_box.currentIndex()]

    def show_preset(self, preset: Preset) -> None:
        """Choose an arrangement."""
        self.preset_box.setCurrentIndex(list(Preset).index(preset))

    def _arrange(self, index: int = 0) -> None:
        if self.result is None:
            self._arrangement.end()
        else:
            self._arrangement.show(self.result, self.preset)
        self._follow_preset()

    def settle(self) -> None:
        """Arrange anew, or end, side by side after the layers have changed."""
        if self._life.ended or self.preset is Preset.OVERLAY:
            return
        if self._arrangement.over(self.result):
            self._arrangement.end()
            with signals_blocked(self.preset_box):
                self.show_preset(Preset.OVERLAY)
            self._follow_preset()
            self._in_view.turn()  # at once: another image may be seen now
        elif not self._arrangement.follow(self.result):
            self._arrange()

    def _follow_preset(self) -> None:
        preset = self.preset
        beside = preset is not Preset.OVERLAY
        self._describe()
        self.toggle_button.setText(f"{'Overlay' if beside else 'Side by side'} ({KEY})")
        self.pointing.show_mark(not beside)
        if not beside:
            self._follow_overlay()

    def _describe(self, event: Any = None) -> None:
        if self._life.ended:
            return
        result, found, filled, emptied = self.result, True, False, False
        masks = () if result is None else (result.mask, result.reviewed)
        hidden = not any(one.visible for one in masks if one is not None)
        if result is not None and result.mask is not None:
            data, filled = result.mask.data, result.mask.contour == 0
            frame = result.frame(self._viewer.dims.point)
            mask = np.asarray(data[frame] if result.stacked else data)
            found = bool(mask.any())
            emptied = not found and is_changed_by_hand(result, frame, mask)
            hidden = not result.mask.visible
        seen = found, filled, emptied, hidden and result is not None
        text = describe_preset(result, self.preset, *seen)
        self.preset_description.setText(text)

    def _follow_overlay(self) -> None:
        """Put aside, or bring back, what was not while results were side by side."""
        for part in (self.click_panel, self.readers_panel, self.whatif_panel):
            part.follow_overlay()

    def _grid_changed(self, event: Any) -> None:
        """Return to the overlay when the grid is turned off, by napari's button too."""
        if not event.value and not self._arrangement.moving:
            self.show_preset(Preset.OVERLAY)
            # Not now: the layers are being arranged, unless it was another's grid.
            QTimer.singleShot(0, self._follow_overlay)

    def toggle(self) -> None:
        """Switch between the overlay and all scales side by side."""
        beside = self.preset is not Preset.OVERLAY
        self.show_preset(Preset.OVERLAY if beside else Preset.ALL_SCALES)


def _why_fixed(result: ResultLayers) -> str:
    """Reason why the mask of a result cannot be changed here; empty if it can."""
    if result.complete:
        return ""
    if result.mask is not None:
        return NO_PROBABILITY
    return NO_MASK if result.reviewed is None else IN_REVIEW


def _same(result: ResultLayers, among: list[ResultLayers]) -> int:
    """Index of the result with the same layers; -1 if there is none."""
    found = [i for i, other in enumerate(among) if result.shares(other)]
    return found[0] if found else -1
