"""What-if panel of the Inspect widget: force gates, and see how the mask changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from napari.utils.notifications import show_error
from numpy.typing import NDArray
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_attnseg._widgets.base.controls import set_tips, timer, wrapped_label
from napari_attnseg._widgets.base.gate_legend import GateLegend
from napari_attnseg._widgets.base.jobs import Failed
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.model_cache import MODELS
from napari_attnseg._widgets.inspect.encoding import Encoding
from napari_attnseg._widgets.inspect.gate_row import GateRow, GateRows, PaintControls
from napari_attnseg._widgets.inspect.pointer import Pointing
from napari_attnseg._widgets.inspect.put_aside import PutAside
from napari_attnseg._widgets.inspect.tips import WHATIF_TIPS
from napari_attnseg._widgets.inspect.undo import History
from napari_attnseg._widgets.inspect.whatif_layers import (
    Temporary,
    change_layer,
    describe_change,
    keep,
    same_paint,
    why_disabled,
)
from napari_attnseg._widgets.layers.display import add_layers, redraw
from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg._widgets.preferences import gate_colours
from napari_attnseg.errors import AttnSegError
from napari_attnseg.results import GateKey, gate_label
from napari_attnseg.spec import STRIDES
from napari_attnseg.whatif import Change, ForcedGates, WhatIf

#: Of a slider.
UNDO, NO_UNDO = "Undo move", "No move to undo"


class WhatIfPanel(QWidget):
    """Controls that force psi and show which pixels the mask gains and loses.

    Fusion and decoder run again after every change, the encoders only once per frame.

    Parameters
    ----------
    viewer : napari.Viewer
        Layers are added to it; its dims give the shown frame.
    life : Lifetime
        Ends the worker that encodes.
    pointing : Pointing
        Holds the point at which to paint without a mouse.
    """

    def __init__(self, viewer: Any, life: Lifetime, pointing: Pointing) -> None:
        super().__init__()
        self._viewer, self._life, self._pointing = viewer, life, pointing
        self._result: ResultLayers | None = None
        self._encoded = Encoding()
        self._layers = Temporary(viewer)
        self._aside = PutAside(viewer)
        self._models = MODELS
        life.at_end.append(self._models.add_user())
        life.at_end += [self._encoded.free, self._layers.remove]
        self._change: Change | None = None
        #: What of the paint went into it.
        self._paint: NDArray[np.float64] | None = None
        self._kept: Change | None = None
        self._history: History[Mapping[GateKey, float]] = History({})
        #: What the left and the right end of every slider are.
        self.legend = GateLegend()
        self.gate_rows = GateRows()
        #: All but the message, which says why the controls are disabled.
        self.controls = QWidget()
        self.painting = PaintControls()
        self.message = wrapped_label()
        self.undo_button = QPushButton(UNDO)
        self.reset_button = QPushButton("Reset")
        self.keep_button = QPushButton("Keep as layers")
        set_tips({getattr(self, name): tip for name, tip in WHATIF_TIPS.items()})
        self._lay_out()
        self._soon = timer(0, self._decode)
        self._later = timer(300, self._history.settle)

        self.gate_rows.chosen.connect(self._choose)
        self.painting.paint_button.clicked.connect(self._start_painting)
        self.painting.dab_button.clicked.connect(self._dab)
        self.painting.box.activated.connect(lambda: self._soon.start())
        self.undo_button.clicked.connect(self.undo)
        self.reset_button.clicked.connect(self.reset)
        self.keep_button.clicked.connect(self.keep)
        self.set_result(None)

    def _lay_out(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.controls)
        outer.addWidget(self.message)
        layout = QVBoxLayout(self.controls)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.legend)
        layout.addWidget(self.gate_rows)
        layout.addWidget(self.painting)
        self._offer_gates(list(reversed(STRIDES)))
        buttons = QHBoxLayout()
        for button in (self.undo_button, self.reset_button, self.keep_button):
            buttons.addWidget(button)
        layout.addLayout(buttons)

    def _offer_gates(self, keys: Sequence[GateKey]) -> None:
        """Offer the gates of a model, the coarsest first."""
        if list(self.gate_rows.rows) != list(keys):
            self.gate_rows.set_gates(keys)
            self.painting.set_gates(keys)

    # -- the result --------------------------------------------------------------------

    def hideEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Hide the layers too: the section was folded."""
        if not (event.spontaneous() or self._life.ended):  # the window was minimised
            self._aside.hide((self._layers.change, self._layers.paint))
        super().hideEvent(event)

    def showEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Show the layers that were hidden with the section."""
        if not (event.spontaneous() or self._life.ended):
            self._aside.show()
        super().showEvent(event)

    def set_result(self, result: ResultLayers | None) -> None:
        """Work on another result; one without image or gate maps disables all."""
        usable = result is not None and result.image is not None and bool(result.gates)
        self._forget()
        self._result = result if usable else None
        self._history.restart({})
        self.controls.setEnabled(usable)
        if self._result is None:
            self.message.setText("" if result is None else why_disabled(result))
            return
        self._offer_gates(self._result.coarse_first)
        records = {key: record_of(self._result.gates[key]) for key in self.rows}
        ends = {(one.low, one.high) for one in records.values() if one is not None}
        for key, record in records.items():
            if record is not None:
                self.rows[key].name_ends(record.low, record.high)
        # Two gates per level have ends of their own, which their lists name.
        self.legend.setVisible(len(ends) == 1)
        for low, high in ends:
            self.legend.show_ends(gate_colours(), low, high)
        self._show_gates()
        self.message.setText("Move a slider: what would the mask be?")

    def _forget(self) -> None:
        """Free the features of the encoders, and remove the layers of the what-if."""
        self._soon.stop()
        self._encoded.free()
        self._change = self._kept = self._paint = None
        # Not now: napari may be going through a list of layers to remove.
        QTimer.singleShot(0, partial(self._layers.take_away, self._layers.let_go()))

    # -- changes ---------------------------------------------------------------------

    @property
    def rows(self) -> Mapping[GateKey, GateRow]:
        """Key of a gate → its controls, the coarsest first."""
        return self.gate_rows.rows

    @property
    def change(self) -> Change | None:
        """What the forced gates did to the mask, the last time it was decoded."""
        return self._change

    @property
    def what_if(self) -> WhatIf | None:
        """The encoded frame; None before the first change, and after it was freed."""
        return self._encoded.what_if

    @property
    def forced(self) -> Mapping[GateKey, float]:
        """Key of a gate → psi that is forced everywhere."""
        return self._history.now

    def _choose(self, key: GateKey, psi: float | None) -> None:
        if self._result is None:
            return
        gates = dict(self.forced)
        if psi is None:
            gates.pop(key, None)
        else:
            gates[key] = self._mean(key) if np.isnan(psi) else float(psi)
        self._history.change(gates, by=gate_label(key))
        self._later.start()
        self._show_gates()
        self._soon.start()

    def undo(self) -> None:
        """Undo the last step of the sliders; paint has napari's own undo."""
        self._history.undo()
        self._show_gates()
        self._soon.start()

    def reset(self) -> None:
        """Undo all forced gates and all paint."""
        self._history.reset()
        self._layers.unpaint()
        self._show_gates()
        self._soon.start()

    def _mean(self, key: GateKey) -> float:
        assert self._result is not None
        data = self._result.gates[key].data
        shown = data[self._frame()] if self._result.stacked else data
        return float(np.mean(np.asarray(shown, dtype=float)))

    def _show_gates(self) -> None:
        if self._result is not None:
            for key, row in self.rows.items():
                row.show_psi(self.forced.get(key), self._mean(key))
        can_undo, may_keep = self._history.can_undo, self._may_keep
        self.undo_button.setEnabled(can_undo)
        self.undo_button.setText(UNDO if can_undo else NO_UNDO)
        self.keep_button.setEnabled(may_keep)
        self.keep_button.setText("Keep as layers" if may_keep else "Nothing to keep")

    @property
    def _may_keep(self) -> bool:
        """Whether gates are forced, by sliders or paint, and it is not kept yet."""
        if self._change is None or self._change is self._kept:
            return False
        return bool(self._change.result.provenance["gates_forced"])

    def _frame(self) -> int:
        assert self._result is not None
        return self._result.frame(self._viewer.dims.point)

    def _decode(self) -> None:
        """Run fusion and decoder, and before them the encoders if need be."""
        if self._result is None:
            return
        if self._encoded.what_if is None or self._encoded.frame != self._frame():
            self._encode()
            return
        paint = self._layers.painted(
            self._encoded.frame if self._result.stacked else None
        )
        self._paint = paint
        try:
            self._change = self._encoded.what_if.change(
                ForcedGates(self.forced, paint, self.painting.gates)
            )
        except AttnSegError as error:
            self._fail(str(error))
            return
        self._show_change()

    def _show_change(self) -> None:
        assert self._result is not None and self._change is not None
        assert self._encoded.what_if is not None
        change = self._change
        new = change_layer(
            self._result, change, self._encoded.what_if.own, self._encoded.frame
        )
        if not self._layers.has(self._layers.change):
            active = self._viewer.layers.selection.active
            (self._layers.change,) = add_layers(self._viewer, [new])
            self._viewer.layers.selection.active = active
        else:
            layer = self._layers.change
            layer.visible = True  # side by side and back hid it
            redraw(layer, new.data)
            if not np.array_equal(layer.translate, new.options["translate"]):
                layer.translate = new.options["translate"]  # another frame
        frame = self._encoded.frame if self._result.stacked else None
        self.message.setText(describe_change(change, frame))
        self._show_gates()

    def follow_frame(self) -> None:
        """Show the gates of the frame that is shown now; the change is not decoded."""
        if self._result is not None and self._result.stacked:
            self._show_gates()

    # -- encoding --------------------------------------------------------------------

    def _encode(self) -> None:
        """Run both encoders in a thread; choices made meanwhile are applied later."""
        assert self._result is not None
        if self._encoded.worker is not None:
            return
        result, frame = self._result, self._frame()
        try:
            source = source_of(result.image)
        except AttnSegError as error:
            self._fail(str(error))
            return
        self.message.setText("Running the encoders once…")

        def finished(found: Any) -> None:
            if self._life.ended or self._result is not result:
                return
            if isinstance(found, Failed):
                self._history.restart({})
                self._show_gates()
                self._fail(found.message)
                return
            self._encoded.what_if = found
            self._encoded.frame = frame
            self._soon.start()

        self._encoded.start(
            source, frame, result.record.provenance, self._models, finished
        )

    def _fail(self, error: str) -> None:
        self.message.setText(error)
        show_error(error)

    # -- painting and keeping --------------------------------------------------------

    def _start_painting(self) -> None:
        """Select the layer to paint in: label 1 is one encoder, label 2 the other."""
        if self._result is not None:
            self.message.setText(
                self._layers.start_painting(self._result, self._painted)
            )

    def _painted(self, event: Any = None) -> None:
        """Decode again if the paint differs from what was decoded last.

        napari sends the same event for an undo as for another frame that is shown.
        """
        if self._result is None:
            return
        frame = self._frame()
        paint = self._layers.painted(frame if self._result.stacked else None)
        known = self._paint if frame == self._encoded.frame else None
        if not same_paint(paint, known):
            self._soon.start()

    def _dab(self) -> None:
        """Paint once, without a mouse, where the reading is held."""
        if self._result is None:
            return
        if not self._layers.has(self._layers.paint):
            self._start_painting()
        if self._pointing.point is None:
            self.message.setText(
                "Put a ring first: click the image, or move there with arrow keys."
            )
            return
        self._layers.dab(self._pointing.point)
        self._soon.start()

    def keep(self) -> None:
        """Add the changed mask and probability as layers that stay.

        napari selects the mask, which is added last; the run menu is then for it.
        """
        if self._result is not None and self._change is not None and self._may_keep:
            add_layers(
                self._viewer,
                keep(self._result, self._change.result, self._encoded.frame),
            )
            self._kept = self._change
            self._show_gates()
