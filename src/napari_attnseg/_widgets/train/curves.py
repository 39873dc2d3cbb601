"""Curves of a training run in the colours of napari's theme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from napari.utils.theme import get_theme

from napari_attnseg.run_files import LogRow

#: Legible on dark and light, and told apart by the colour-blind; the dashes help too.
TRAINING, VALIDATION = "#4c9be8", "#e8743b"


class Curves(FigureCanvasQTAgg):
    """Loss above validation Dice, over epochs."""

    def __init__(self) -> None:
        self._figure = Figure(figsize=(4, 4), layout="constrained")
        super().__init__(self._figure)  # type: ignore[no-untyped-call]
        self._epochs: Sequence[LogRow] = ()
        self._measured_on = ""
        self._theme = "dark"
        self.setMinimumSize(260, 260)

    def show_epochs(
        self, epochs: Sequence[LogRow], measured_on: str = "validation"
    ) -> None:
        """Draw the finished epochs; `measured_on` names the images of their Dice."""
        self._epochs, self._measured_on = epochs, measured_on
        self._draw()

    def use_theme(self, name: str) -> None:
        """Draw in the colours of a napari theme."""
        self._theme = name
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
        theme = get_theme(self._theme)
        self._figure.set_facecolor(theme.background.as_hex())
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
                _colour(axes, theme)
        self.draw_idle()  # type: ignore[no-untyped-call]


def _colour(axes: Axes, theme: Any) -> None:
    text = theme.text.as_hex()
    axes.set_facecolor(theme.canvas.as_hex())
    axes.tick_params(colors=text, labelsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.label.set_color(text)
    axes.grid(color=theme.secondary.as_hex(), alpha=0.5)
    for spine in axes.spines.values():
        spine.set_color(theme.secondary.as_hex())
    axes.legend(
        fontsize=8, labelcolor=text, facecolor=theme.background.as_hex(), framealpha=0.7
    )
