"""Curves of a training run in the colours of napari's theme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from napari_attnseg._widgets.base.themed_plot import FIRST, SECOND, ThemedPlot
from napari_attnseg.run_files import LogRow

#: The dashes of the second tell them apart too.
TRAINING, VALIDATION = FIRST, SECOND


class Curves(ThemedPlot):
    """Loss above validation Dice, over epochs."""

    def __init__(self) -> None:
        super().__init__(Figure(figsize=(4, 4), layout="constrained"))
        self._epochs: Sequence[LogRow] = ()
        self._measured_on = ""
        self.setMinimumSize(260, 260)

    def show_epochs(
        self, epochs: Sequence[LogRow], measured_on: str = "validation"
    ) -> None:
        """Draw the finished epochs; `measured_on` names the images of their Dice."""
        self._epochs, self._measured_on = epochs, measured_on
        self._draw()

    @property
    def lines(self) -> dict[str, list[float]]:
        """Drawn lines: label → values."""
        return {
            str(line.get_label()): np.asarray(line.get_ydata(), float).tolist()
            for axes in self._figure.axes
            for line in axes.lines
        }

    def _draw(self) -> None:
        self._figure.clear()
        self._figure.set_facecolor(self.theme.background.as_hex())
        if self._epochs:
            losses, dice = self._figure.subplots(2, 1, sharex=True)
            numbers = [epoch.epoch for epoch in self._epochs]
            # A single epoch is a point, which no line shows.
            style: dict[str, Any] = {"marker": "o", "markersize": 3}
            losses.plot(
                numbers,
                [epoch.loss for epoch in self._epochs],
                color=TRAINING,
                label="training loss",
                **style,
            )
            losses.plot(
                numbers,
                [epoch.val_loss for epoch in self._epochs],
                "--",
                color=VALIDATION,
                label=f"{self._measured_on} loss",
                **style,
            )
            dice.plot(
                numbers,
                [epoch.val_dice for epoch in self._epochs],
                "--",
                color=VALIDATION,
                label=f"{self._measured_on} Dice",
                **style,
            )
            dice.set_ylim(0, 1)
            dice.set_xlabel("epoch", fontsize=8)
            for axes in (losses, dice):
                self._colour_axes(axes, 8, {"loc": "best"})
        self.draw_idle()  # type: ignore[no-untyped-call]
