"""Marks of clicks, and lines of scribbles, on the image. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from napari.layers import Points, Vectors

from napari_attnseg._widgets.layers.display import remove_layers
from napari_attnseg._widgets.layers.metadata import metadata_of
from napari_attnseg._widgets.layers.new_layers import layer_name
from napari_attnseg._widgets.layers.record import Derivation, LayerRecord
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg._widgets.layers.source import placement_of
from napari_attnseg.corrections.clicks import Click
from napari_attnseg.corrections.reach import disc_radius

#: Size, as a share of the longer side of the image: at most zooms more than the upper
#: limit, in screen pixels. A higher lower limit would not do: napari makes borders at
#: least half as wide as that, which is as wide as the signs.
_SHARE, _LIMITS = 1 / 8, (2, 24)
#: A plus adds, a minus takes away; with a light border, on dark and on light tissue.
_ADDS, _TAKES = ("cross", "#00b140"), ("hbar", "#e4002b")


class ClickPoints:
    """A Points layer with one sign per click, and a Vectors layer of scribbles.

    A box has no sign: nobody clicked in it, and its colour says what it does.

    Both exist while clicks can be made; the second is added at the first scribble.

    It is not a QObject, because it outlives the widget.

    Parameters
    ----------
    viewer : napari.Viewer
        The layers are added to it and removed.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layer: Any = None
        self._lines: Any = None
        #: Leading coordinates and click of each point.
        self._shown: list[tuple[tuple[int, ...], Click]] = []

    def show(
        self, result: ResultLayers, clicks: Sequence[Click], frame: int | None
    ) -> None:
        """Show these clicks on a frame; the selection stays as it was."""
        if self._layer is None or self._layer not in self._viewer.layers:
            self._layer, self._shown = self._add(_no_points(result)), []
        self.show_lines(result, clicks, frame)
        self.see(True)
        lead: tuple[int, ...] = () if frame is None else (frame,)
        wanted = [(lead, click) for click in clicks if click.box is None]
        kept = 0
        while kept < len(wanted) and wanted[: kept + 1] == self._shown[: kept + 1]:
            kept += 1
        # Assigned as data: napari's `add` selects the point, which takes longer.
        layer = self._layer
        if kept < len(self._shown):
            layer.data = layer.data[:kept]
        for lead, click in wanted[kept:]:
            symbol, colour = _ADDS if click.positive else _TAKES
            layer.current_symbol, layer.current_face_color = symbol, colour
            point = np.array([(*lead, click.row, click.column)], float)
            layer.data = np.concatenate([layer.data, point])
        self._shown = wanted

    def show_lines(
        self, result: ResultLayers, clicks: Sequence[Click], frame: int | None
    ) -> None:
        """Show the lines and boxes of these clicks on a frame."""
        steps = [
            (click.positive, one, two)
            for click in clicks
            for one, two in pairwise(_corners(click))
        ]
        if self._lines is None or self._lines not in self._viewer.layers:
            if not steps:
                return
            self._lines = self._add(_no_lines(result))
        lead = () if frame is None else (frame,)
        still = (0,) * len(lead)
        self._lines.data = np.array(
            [
                [(*lead, *one), (*still, two[0] - one[0], two[1] - one[1])]
                for _, one, two in steps
            ],
            float,
        ).reshape(len(steps), 2, self._lines.ndim)
        if steps:
            self._lines.edge_color = [
                (_ADDS if positive else _TAKES)[1] for positive, _, _ in steps
            ]

    def _add(self, layer: Any) -> Any:
        """Add a layer; the selection stays as it was."""
        selected = set(self._viewer.layers.selection)
        added = self._viewer.add_layer(layer)
        self._viewer.layers.selection = selected
        return added

    def see(self, visible: bool) -> None:
        """Hide what is there, or show it: napari takes long to remove a layer."""
        for layer in (self._layer, self._lines):
            if layer is not None and layer.visible != visible:
                layer.visible = visible

    def take_away(self) -> None:
        """Remove the points, if they are still in the viewer."""
        own, self._layer, self._lines = (self._layer, self._lines), None, None
        remove_layers(self._viewer, own)


def _corners(click: Click) -> tuple[tuple[float, float], ...]:
    """Shape that shows a scribble: its line, or its box."""
    if click.box is None:
        return click.points
    # The edges of its pixels.
    top, left, bottom, right = (edge - 0.5 for edge in click.box)
    return (top, left), (top, right), (bottom, right), (bottom, left), (top, left)


def _no_lines(result: ResultLayers) -> Vectors:
    """Width of the line, which is that of the pixels that a scribble forces."""
    read = result.probability[0]
    return Vectors(
        np.zeros((0, 2, read.ndim)),
        ndim=read.ndim,
        name=layer_name("scribbles", result.name),
        **placement_of(read),
        edge_width=2 * disc_radius(read.data.shape[-2:]),
        vector_style="line",
        metadata=metadata_of(
            LayerRecord({}, result.reference, derivation=Derivation.CLICKS)
        ),
    )


def _no_points(result: ResultLayers) -> Points:
    read = result.probability[0]
    return Points(
        np.zeros((0, read.ndim)),
        ndim=read.ndim,
        name=layer_name("clicks", result.name),
        **placement_of(read),
        size=max(read.data.shape[-2:]) * _SHARE,
        canvas_size_limits=_LIMITS,
        border_color="white",
        border_width=0.1,
        metadata=metadata_of(
            LayerRecord({}, result.reference, derivation=Derivation.CLICKS)
        ),
    )
