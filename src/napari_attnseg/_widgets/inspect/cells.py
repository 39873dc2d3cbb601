"""Cells of the canvas that show the layers of one result side by side. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from napari_attnseg._widgets.layers.outline import fill, outline
from napari_attnseg._widgets.layers.runs import ResultLayers

#: Rows and columns as napari chooses them.
AUTOMATIC = (-1, -1)
#: Size of the scale bar's letters: it lies over the map of a cell.
BAR_FONT = 5.0
#: How many times longer than wide a cell may be, or wider than long.
NARROWEST = 2.5
#: Characters of a name that fit into a cell of a small window.
CELL_NAME = 24


@dataclass(frozen=True, slots=True)
class _Before:
    """State of the canvas before side by side changed it."""

    bar: bool
    bar_position: Any
    bar_font: float
    center: tuple[float, ...]
    zoom: float
    stride: int
    shape: tuple[int, int]
    spacing: float


class Cells:
    """Shows layers in napari's grid, from the top layer down, without an empty cell.

    Parameters
    ----------
    viewer : napari.Viewer or ViewerModel
        Its grid, and the visibility of its layers, are changed.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._before: _Before | None = None
        self._result: ResultLayers | None = None
        self._watched: list[Any] = []

    @property
    def ours(self) -> bool:
        """Whether the grid is on because this class switched it on."""
        return self._before is not None

    @property
    def zoom(self) -> float:
        """Zoom of the overlay, even while results are shown side by side."""
        if self._before is not None:
            return self._before.zoom
        return float(self._viewer.scene.camera.zoom)

    def enter(self, result: ResultLayers) -> None:
        """Show the visible layers side by side."""
        canvas, camera = self._viewer.canvas, self._viewer.scene.camera
        grid, bar = canvas.grid, canvas.overlays.scale_bar
        if not grid.enabled and not self.ours:
            self._before = _Before(
                bool(bar.visible),
                bar.position,
                float(bar.font_size),
                tuple(camera.center),
                float(camera.zoom),
                int(grid.stride),
                tuple(grid.shape),
                float(grid.spacing),
            )
            # The colour bar of the last cell is on the right.
            bar.visible, bar.position = True, "bottom_left"
            bar.font_size = BAR_FONT
        if not grid.enabled:
            self._set_grid(-1, self._shape(result)[0], 0.02)
            grid.enabled = True
        self.fit(result)
        self._viewer.reset_view()  # into cells, whose number may have changed
        self._draw_mask(result)  # at the zoom in a cell

    def _set_grid(self, stride: int, shape: tuple[int, int], spacing: float) -> None:
        """Set the grid while it is off: without a word, and seen when it is on.

        napari builds its scene anew for each of these, also while they change nothing.
        """
        grid = self._viewer.canvas.grid
        with grid.events.blocker_all():
            grid.stride, grid.shape, grid.spacing = stride, shape, spacing

    def put_aside(self) -> None:
        """Turn the grid off until `enter`; the view of before is still known.

        With cells, napari builds all of them anew for every layer that is shown.
        """
        if self.ours:
            self._viewer.canvas.grid.enabled = False

    def leave(self) -> None:
        """Show all layers over each other again, in the earlier view."""
        canvas, camera = self._viewer.canvas, self._viewer.scene.camera
        self.let_go()
        canvas.grid.enabled = False
        if self._before is not None:
            before, self._before = self._before, None
            camera.center, camera.zoom = before.center, before.zoom
            bar = canvas.overlays.scale_bar
            bar.visible, bar.position = before.bar, before.bar_position
            bar.font_size = before.bar_font
            self._set_grid(before.stride, before.shape, before.spacing)

    def fit(self, result: ResultLayers) -> None:
        """Fit the cells to the visible layers, now and after every change of them."""
        grid = self._viewer.canvas.grid
        if not grid.enabled or not self.ours:
            return
        self.let_go()
        self._result = result
        shape, _ = self._shape(result)
        if tuple(grid.shape) != shape:
            grid.shape = shape
        self._draw_mask(result)
        for layer in self._viewer.layers:
            layer.events.visible.connect(self._fit_again)
            self._watched.append(layer)

    def let_go(self) -> None:
        """Stop following the layers."""
        for layer in self._watched:
            layer.events.visible.disconnect(self._fit_again)
        self._watched, self._result = [], None

    def _fit_again(self, event: Any = None) -> None:
        if self._result is not None:
            self.fit(self._result)

    def _shape(self, result: ResultLayers) -> tuple[tuple[int, int], bool]:
        """Rows and columns, and whether image and mask share the first cell.

        With one cell less than layers, napari puts the last layer, the image, into the
        first cell too, below the mask.
        """
        visible = [layer for layer in self._viewer.layers if layer.visible]
        size = self._viewer.canvas.size
        if (
            len(visible) > 2
            and visible[0] is result.image
            and visible[-1] is result.mask
        ):
            # However narrow its cells are.
            return _full_grid(len(visible) - 1, size)[0], True
        # Everything may be hidden for a moment, as when the image was deleted.
        return without_empty_cells(max(len(visible), 1), size), False

    def _draw_mask(self, result: ResultLayers) -> None:
        """An outline needs the image beneath it; alone in a cell it says little."""
        mask = result.mask
        if mask is None:
            return
        over = self.ours and self._shape(result)[1]
        if over:
            outline(mask, float(self._viewer.scene.camera.zoom))
        else:
            fill(mask)
        mask.name_overlay.visible = not over  # that of the image is there


def cell_name(name: str, said: str) -> str:
    """Name of a layer in its cell, with a remark, such as ``gate 1/4 decorative``."""
    what, _, of = name.partition(" · ")
    head = f"{what} {said}".strip()
    room = CELL_NAME - len(head) - len(" · ")
    if len(of) > room:
        of = f"{of[: room - 1]}…" if room > 3 else ""
    return f"{head} · {of}" if of else head


def without_empty_cells(cells: int, canvas: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of a grid for this number of cells without an empty cell.

    Parameters
    ----------
    cells : int
    canvas : (int, int)
        Height and width in pixels.

    Returns
    -------
    (int, int)
        Grid whose cells are closest to squares. If all cells would be too long and
        narrow, it is `AUTOMATIC`, which may leave empty cells.
    """
    shape, narrowness = _full_grid(cells, canvas)
    return shape if narrowness <= NARROWEST else AUTOMATIC


def _full_grid(cells: int, canvas: tuple[int, int]) -> tuple[tuple[int, int], float]:
    """Full grid whose cells are closest to squares, and the ratio of their sides."""
    height, width = (max(float(side), 1.0) for side in canvas)

    def narrowness(rows: int) -> float:
        return math.exp(abs(math.log(height / rows / (width * rows / cells))))

    rows = min((n for n in range(1, cells + 1) if cells % n == 0), key=narrowness)
    return (rows, cells // rows), narrowness(rows)
