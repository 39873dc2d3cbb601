"""Presets that show a result as an overlay or side by side. No Qt.

Each preset sets the same attributes of the layers, so that one is undone by another.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
from napari.utils import Colormap
from napari.utils.colormaps import ensure_colormap

from napari_attnseg._widgets.layers.metadata import has_record, record_of
from napari_attnseg._widgets.layers.new_layers import gate_colormap, map_opacity
from napari_attnseg._widgets.layers.outline import fill, outline
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg.results import gate_label
from napari_attnseg.spec import STRIDES


class Preset(StrEnum):
    """Arrangements to choose from."""

    OVERLAY = "overlay"
    COARSE_GATES = "coarse_gates"
    ALL_SCALES = "all_scales"
    PUBLISHED = "published"


#: What a list of presets shows.
TITLES = {
    Preset.OVERLAY: "overlay",
    Preset.COARSE_GATES: "at a glance",
    Preset.ALL_SCALES: "all scales",
    Preset.PUBLISHED: "published style",
}
#: What each preset shows of a result.
DESCRIPTIONS = {
    Preset.OVERLAY: "The image with the outline of the mask.",
    Preset.COARSE_GATES: "Side by side: image, mask, and the two coarse gates.",
    Preset.ALL_SCALES: "Side by side: image, mask, every gate, probability.",
    Preset.PUBLISHED: "Every gate as the paper draws it: 1 − psi in jet, each map "
    "stretched to its own range. Such colours are relative: they cannot be compared "
    "between maps.",
}
_SMALL = {"size": (8.0, 60.0), "font_size": 7.0, "tick_length": 3.0}
_LARGE = {"size": (25.0, 150.0), "font_size": 10.0, "tick_length": 5.0}


def describe_preset(result: ResultLayers | None, preset: Preset) -> str:
    """What a preset shows of a result, and why gate maps in it are dim, if they are."""
    text = DESCRIPTIONS[preset]
    gates = {} if result is None or preset is Preset.OVERLAY else result.gates
    decorative = [gate_label(key) for key, gate in gates.items() if _decorative(gate)]
    if decorative and preset is Preset.PUBLISHED:
        text += f" Measured to be decoration in this model: {', '.join(decorative)}."
    elif decorative:
        text += " Dim maps were measured to be decoration in this model."
    elif preset is not Preset.PUBLISHED and any(map(_unmeasured, gates.values())):
        text += " Dim maps have not been measured in this model."
    return text


def _decorative(gate: Any) -> bool:
    record = record_of(gate)
    return record is not None and record.decorative


def _unmeasured(gate: Any) -> bool:
    record = record_of(gate)
    return record is not None and record.measured is False


class Arrangement:
    """Shows results in a viewer by preset, and restores the viewer at the end.

    Parameters
    ----------
    viewer : napari.Viewer or ViewerModel
        Its canvas, and our own layers in it.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        # Scale bar, centre and zoom as they were before side by side.
        self._before: tuple[bool, tuple[float, ...], float] | None = None
        self._linked: list[Any] = []
        self._beside: ResultLayers | None = None
        # Other layers of this plugin that were visible before side by side.
        self._over: list[Any] = []

    def show(self, result: ResultLayers, preset: Preset) -> None:
        """Arrange one result. Hide other results; layers that are no results stay.

        Parameters
        ----------
        result : ResultLayers
            What to show.
        preset : Preset
        """
        self._unlink()
        if self._beside is not None and not result.equals(self._beside):
            _dress(self._beside, Preset.OVERLAY, self._zoom)
        alone = preset is Preset.OVERLAY
        if not alone and self._beside is None:
            self._over = [
                layer
                for layer in self._viewer.layers
                if has_record(layer) and layer.visible
            ]
        again = [x for x in self._over if alone and _over_image(x, result)]
        self._beside = None if alone else result
        for layer in self._viewer.layers:
            if has_record(layer):
                layer.visible = False
        if result.image is not None:
            result.image.visible = True
        shown = [layer for layer in (result.mask, *again) if layer is not None]
        if preset is Preset.ALL_SCALES:
            shown += result.probability
        if not alone:
            shown += _gates(
                result, 2 if preset is Preset.COARSE_GATES else len(STRIDES)
            )
        _dress(result, preset, self._zoom)
        for layer in shown:
            layer.visible = True
        self._grid(not alone)
        if preset in (Preset.COARSE_GATES, Preset.ALL_SCALES) and len(result.gates) > 1:
            self._linked = list(result.gates.values())
            self._viewer.layers.link_layers(self._linked, ("contrast_limits",))

    def end(self) -> None:
        """Return to the overlay, with the layers that were visible before."""
        result, layers, canvas = self._beside, self._viewer.layers, self._viewer.canvas
        if result is None:
            return
        theirs = self._before is None and canvas.grid.enabled  # it was on before
        if any(layer in layers for layer in result.layers):
            self.show(result, Preset.OVERLAY)
            for layer in self._over:
                layer.visible = True
        else:
            self._grid(False)
        if theirs:
            canvas.grid.enabled = True
        self._beside = None

    @property
    def _zoom(self) -> float:
        """Zoom of the overlay, also while results are side by side."""
        if self._before is not None:
            return self._before[2]
        return float(self._viewer.scene.camera.zoom)

    def _unlink(self) -> None:
        there = [layer for layer in self._linked if layer in self._viewer.layers]
        if len(there) > 1:
            self._viewer.layers.unlink_layers(there, ("contrast_limits",))
        self._linked = []

    def _grid(self, on: bool) -> None:
        canvas, camera = self._viewer.canvas, self._viewer.scene.camera
        if on and not canvas.grid.enabled:
            self._before = (
                bool(canvas.overlays.scale_bar.visible),
                tuple(camera.center),
                float(camera.zoom),
            )
            canvas.grid.stride = 1
            canvas.grid.shape = (-1, -1)
            canvas.grid.spacing = 0.02
            canvas.overlays.scale_bar.visible = True
        canvas.grid.enabled = on
        if on:
            self._viewer.reset_view()  # into cells, whose number may have changed
        elif self._before is not None:
            bar, camera.center, camera.zoom = self._before
            canvas.overlays.scale_bar.visible = bar
            self._before = None


def _over_image(layer: Any, result: ResultLayers) -> bool:
    record = record_of(layer)
    return record is not None and result.same_image(record)


def _dress(result: ResultLayers, preset: Preset, zoom: float) -> None:
    """Set how the layers of a result look in a preset, visible or not."""
    alone = preset is Preset.OVERLAY
    if result.mask is not None:
        # An outline needs the image beneath it; alone in a cell it says little.
        if alone:
            outline(result.mask, zoom)
        else:
            fill(result.mask)
    for layer in result.gates.values():
        _paint(layer, published=preset is Preset.PUBLISHED)
    # Every cell says what it is; bars are small enough for a cell.
    named = [result.image] if result.image is not None else []
    for layer in [*named, *result.layers]:
        layer.name_overlay.visible = not alone
        layer.name_overlay.font_size = 6
    for layer in [*result.probability, *result.gates.values()]:
        for name, value in (_LARGE if alone else _SMALL).items():
            setattr(layer.colorbar, name, value)
        # Beneath the name.
        layer.colorbar.position = "top_right" if alone else "bottom_right"


def _gates(result: ResultLayers, most: int) -> list[Any]:
    """Gate maps of the coarsest `most` levels."""
    levels = sorted(STRIDES, reverse=True)[:most]
    return [
        result.gates[key]
        for key in result.coarse_first
        if (key if isinstance(key, int) else key[0]) in levels
    ]


def _paint(layer: Any, published: bool) -> None:
    """Fixed scale and the preferred colours, or those of the paper.

    1 − psi in jet is psi in jet turned around, so the numbers of the bar stay psi.
    """
    if not published:
        layer.colormap = Colormap(**gate_colormap())
        layer.contrast_limits = (0, 1)
        record = record_of(layer)
        if record is not None:
            layer.opacity = map_opacity(record.decorative, record.measured)
        return
    layer.opacity = 1.0  # jet over black, and dimmed, would be other colours
    jet = ensure_colormap("jet")
    layer.colormap = Colormap(jet.colors[::-1], name="jet of 1 − psi")
    low, high = float(np.min(layer.data)), float(np.max(layer.data))
    # A map without contrast stays what it is.
    layer.contrast_limits = (low, high) if high > low else (0, 1)
