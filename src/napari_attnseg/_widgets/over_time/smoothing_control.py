"""The control that smooths a mask over time and adds the result as layers."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QSpinBox, QVBoxLayout, QWidget

from napari_attnseg._widgets.base.controls import Form, set_tips
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.run_bar import RunBar
from napari_attnseg._widgets.layers.derived_layers import smoothed_layers
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg._widgets.layers.source import Source, placement_of
from napari_attnseg._widgets.over_time.smoothing import smooth
from napari_attnseg._widgets.over_time.stacked import StackedMask
from napari_attnseg.results import Segmentation
from napari_attnseg.time_smoothing import MOST


class SmoothingControl(QWidget):
    """Choice of the number of frames to smooth over, and the button that starts it.

    Parameters
    ----------
    viewer : napari.Viewer
        Layers are added to it.
    life : Lifetime
        Holds the worker.
    """

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        super().__init__()
        self._viewer, self._life = viewer, life
        self._result: ResultLayers | None = None
        self.over_box = QSpinBox()
        self.over_box.setRange(3, MOST)
        self.over_box.setSingleStep(2)
        self.bar = RunBar("Smooth over time", life)
        tip = "The median of the probability is taken over this odd number of slices."
        set_tips({self.over_box: tip})
        form = Form()
        form.addRow("Smooth over slices", self.over_box)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(self.bar)
        self.bar.start_button.clicked.connect(self.start)

    def follow(self, result: ResultLayers | None) -> None:
        """Set the result that the button smooths."""
        self._result = result
        usable = result is not None and bool(result.probability)
        why = "Grey because there is no mask of a stack with its probability."
        self.bar.set_ready(usable, why)

    def start(self) -> None:
        """Smooth in a thread, and add the result as new layers."""
        result = self._result
        if result is None or not result.probability or self._life.worker is not None:
            return
        mask = StackedMask.of(result)
        reference = result.reference
        source = Source(
            reference.name,
            None,
            False,
            len(mask.data),
            placement_of(result.mask),
            reference.file,
            reference.layer_id,
            recorded=mask.record.source,
        )

        def done(found: list[Segmentation]) -> None:
            if not self._life.ended:
                add_layers(self._viewer, smoothed_layers(source, found))

        over = self.over_box.value() // 2 * 2 + 1  # an even one was typed
        self.bar.launch(smooth, mask, over, total=len(mask.frames), done=done)
