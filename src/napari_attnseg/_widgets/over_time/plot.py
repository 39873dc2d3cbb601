"""Curves over the frames of a stack, with a line at the frame on screen.

Matplotlib is fast enough for 2000 points, because only the line is drawn again when the
slider moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from qtpy.QtCore import Signal  # type: ignore[attr-defined]  # PyQt6's stubs

from napari_attnseg._widgets.base.themed_plot import FIRST, SECOND, ThemedPlot
from napari_attnseg._widgets.over_time.curves import Panel

#: Legible on dark and light, and no colour of a curve.
LINE = "#c0c000"
#: Up to so many frames each is a dot besides; so it is where a value is alone.
_DOTS = 120
#: Above the panel, where no curve is.
_LEGEND: dict[str, Any] = {
    "loc": "lower right",
    "bbox_to_anchor": (1.0, 0.97),
    "ncols": 2,
    "borderpad": 0.2,
    "handlelength": 1.2,
}


class OverTime(ThemedPlot):
    """Panels one above another, with the frame number as their horizontal axis."""

    #: A frame was chosen by a click, or by dragging.
    picked = Signal(int)

    def __init__(self) -> None:
        super().__init__(Figure(figsize=(4, 5)))
        self._panels: Sequence[Panel] = ()
        self._frames: Sequence[int] = ()
        self._last = 1
        self._frame = 0
        self._markers: list[Any] = []
        self._background: Any = None
        self.setMinimumSize(240, 360)
        self.mpl_connect("draw_event", self._keep_background)
        self.mpl_connect("button_press_event", self._pointed)
        self.mpl_connect("motion_notify_event", self._pointed)

    def show_panels(
        self, frames: Sequence[int], panels: Sequence[Panel], total: int
    ) -> None:
        """Draw curves.

        Parameters
        ----------
        frames : sequence of int
            Numbers of the frames, ascending.
        panels : sequence of Panel
            Each curve with a value for each frame.
        total : int
            Number of frames of the stack.
        """
        self._frames, self._panels, self._last = frames, panels, max(total - 1, 1)
        self._draw()

    def show_frame(self, frame: int) -> None:
        """Move the line to a frame."""
        self._frame = frame
        for marker in self._markers:
            marker.set_xdata([frame, frame])
        if self._background is None:
            self.draw_idle()  # type: ignore[no-untyped-call]
        else:
            self._draw_line()

    @property
    def marked(self) -> int:
        """The frame at which the line is."""
        return self._frame

    @property
    def lines(self) -> dict[str, list[float]]:
        """Values of the drawn curves by their labels."""
        return {
            str(line.get_label()): np.asarray(line.get_ydata(), float).tolist()
            for axes in self._figure.axes
            for line in axes.lines
            if line not in self._markers
        }

    def _draw(self) -> None:
        self._background = None
        text = self.theme.text.as_hex()
        self._figure.set_facecolor(self.theme.background.as_hex())
        if len(self._figure.axes) != len(self._panels):
            self._figure.clear()
            if self._panels:
                self._figure.subplots(len(self._panels), 1, sharex=True)
        self._markers = []
        for axes, panel in zip(self._figure.axes, self._panels, strict=True):
            self._draw_panel(axes, panel, text)
        if self._panels:
            # Axes are kept and laid out by hand: both take matplotlib long.
            self._figure.subplots_adjust(0.17, 0.08, 0.97, 0.96, hspace=0.35)
            axes.set_xlabel("slice", fontsize=8, color=text)
        self.draw_idle()  # type: ignore[no-untyped-call]

    def _draw_panel(self, axes: Axes, panel: Panel, text: str) -> None:
        for line in list(axes.lines):
            line.remove()
        dots: dict[str, Any] = {"marker": "o", "markersize": 2.5}
        for curve, colour in zip(panel.curves, (FIRST, SECOND), strict=False):
            few = len(self._frames) <= _DOTS
            style = dots if few or _has_lone(curve.values) else {}
            label: dict[str, Any] = {"label": curve.label, "color": colour}
            axes.plot(self._frames, curve.values, linewidth=1.2, **label, **style)
        axes.relim()
        axes.autoscale_view()
        # Whole at the first and the last frame too, which are at the borders.
        marker = axes.axvline(self._frame, color=LINE, animated=True, clip_on=False)
        self._markers.append(marker)
        axes.set_xlim(0, self._last)
        if panel.ends is not None:
            axes.set_ylim(*panel.ends)
        axes.set_title(panel.name, fontsize=8, loc="left", pad=2, color=text)
        self._colour_axes(axes, 7, _LEGEND if len(panel.curves) > 1 else None)
        axes.yaxis.set_major_locator(MaxNLocator(4))

    def _keep_background(self, event: Any = None) -> None:
        """Keep the picture without the line, which is then drawn over it."""
        box = self._figure.bbox
        self._background = self.copy_from_bbox(box)  # type: ignore[no-untyped-call]
        self._add_line()

    def _add_line(self) -> None:
        for marker in self._markers:
            marker.axes.draw_artist(marker)

    def _draw_line(self) -> None:
        self.restore_region(self._background)  # type: ignore[no-untyped-call]
        self._add_line()
        self.blit(self._figure.bbox)  # type: ignore[no-untyped-call]

    def _pointed(self, event: Any) -> None:
        pressed = event.name == "button_press_event" or bool(event.buttons)
        if pressed and event.xdata is not None and event.inaxes is not None:
            self.picked.emit(int(np.clip(round(event.xdata), 0, self._last)))


def _has_lone(values: Sequence[float]) -> bool:
    """Whether a value has none on either side, so that no line shows it."""
    known = np.isfinite(np.pad(np.asarray(values, float), 1, constant_values=np.nan))
    return bool((known[1:-1] & ~known[:-2] & ~known[2:]).any())
