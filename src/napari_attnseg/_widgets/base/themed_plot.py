"""A plot in the colours of napari's theme, which it follows."""

from __future__ import annotations

from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from napari.utils.theme import get_theme

from napari_attnseg._widgets.base.lifetime import Lifetime

#: Legible on dark and light, and told apart by the colour-blind.
FIRST, SECOND = "#4c9be8", "#e8743b"


class ThemedPlot(FigureCanvasQTAgg):
    """Canvas of a figure; a subclass draws it by `_draw`, in the colours of `theme`.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    """

    def __init__(self, figure: Figure) -> None:
        self._figure = figure
        super().__init__(figure)  # type: ignore[no-untyped-call]
        self._theme = "dark"

    def follow_theme(self, viewer: Any, life: Lifetime) -> None:
        """Draw in the colours of a viewer's theme, now and when it changes."""

        def use(event: Any = None) -> None:
            self._theme = viewer.theme
            self._draw()

        viewer.events.theme.connect(use)
        life.at_end.append(partial(viewer.events.theme.disconnect, use))
        use()

    @property
    def theme(self) -> Any:
        """The theme that is followed; the dark one without a viewer."""
        return get_theme(self._theme)

    def _draw(self) -> None:
        """Draw the figure anew."""
        raise NotImplementedError

    def _colour_axes(
        self, axes: Axes, size: int, legend: dict[str, Any] | None
    ) -> None:
        """Draw axes in the colours of the theme, with letters of a size in points.

        `legend` are options of its legend; None: it has none.
        """
        theme = self.theme
        text, lines = theme.text.as_hex(), theme.secondary.as_hex()
        axes.set_facecolor(theme.canvas.as_hex())
        axes.tick_params(colors=text, labelsize=size)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        # Numbers as they are, not what is to be added to one that stands elsewhere.
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.xaxis.label.set_color(text)
        axes.grid(color=lines, alpha=0.5)
        for spine in axes.spines.values():
            spine.set_color(lines)
        if legend is not None:
            background = theme.background.as_hex()
            colours = {"labelcolor": text, "facecolor": background, "framealpha": 0.7}
            axes.legend(fontsize=size, **colours, **legend)
