"""Presets that show a result as an overlay or side by side. No Qt.

All presets set the same attributes of the layers, so that choosing one undoes another.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from napari.utils import Colormap
from napari.utils.colormaps import ensure_colormap

from napari_attnseg._widgets.inspect.cells import Cells, cell_name
from napari_attnseg._widgets.inspect.others import Others
from napari_attnseg._widgets.inspect.presets import Preset, is_decorative
from napari_attnseg._widgets.layers.metadata import has_record, is_image, record_of
from napari_attnseg._widgets.layers.new_layers import gate_colormap, map_opacity
from napari_attnseg._widgets.layers.outline import outline
from napari_attnseg._widgets.layers.own_image import HIDDEN
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg._widgets.layers.without_image import hide_without_image
from napari_attnseg.spec import STRIDES

#: Stands in the cell of a map that was measured to be decoration.
DECORATIVE = "decorative"
#: Of a map that lies over the image.
PROBABILITY_OPACITY = 0.7
_SMALL = {"size": (8.0, 60.0), "font_size": 7.0, "tick_length": 3.0}
#: Of the published style, whose bars have up to seven numbers.
_TALL = {**_SMALL, "size": (8.0, 110.0)}
_LARGE = {"size": (25.0, 150.0), "font_size": 10.0, "tick_length": 5.0}


class Arrangement:
    """Shows results in a viewer by preset, and restores the viewer at the end.

    Side by side, the image with the outline of the mask is in the first cell, the gate
    maps follow from coarse to fine, and the probability is last.

    Parameters
    ----------
    viewer : napari.Viewer or ViewerModel
        Viewer whose canvas and layers of this plugin are arranged.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._cells = Cells(viewer)
        self._linked: list[Any] = []
        self._beside: ResultLayers | None = None
        self._others = Others(viewer)
        #: What may have a cell: all but other images, and what comes later.
        self._known: weakref.WeakSet[Any] = weakref.WeakSet()
        # Layer → its own name, and the one that it has in its cell.
        self._renamed: dict[Any, tuple[str, str]] = {}
        #: Whether the grid is off only until the layers are arranged.
        self.moving = False

    def show(self, result: ResultLayers, preset: Preset) -> None:
        """Arrange one result; side by side, what is not of its image is hidden.

        Parameters
        ----------
        result : ResultLayers
            Result to show.
        preset : Preset
        """
        self._unlink()
        self._name_back()
        self._cells.let_go()
        if self._beside is not None and not result.equals(self._beside):
            _dress(self._beside, Preset.OVERLAY, self._cells.zoom)
        alone = preset is Preset.OVERLAY
        # First: with cells, napari builds all of them anew for every layer.
        if alone:
            self._cells.leave()
        else:
            self.moving = True
            try:
                self._cells.put_aside()
            finally:
                self.moving = False
        if not alone:
            self._others.leave(self._beside, result)
        self._beside = None if alone else result
        plain = [x for x in (result.image, result.mask) if x is not None]
        shown = list(plain)
        if preset in (Preset.ALL_SCALES, Preset.PUBLISHED):
            shown += result.probability
        if not alone:
            shown += _gates(
                result, 2 if preset is Preset.COARSE_GATES else len(STRIDES)
            )
        try:
            _dress(result, preset, self._cells.zoom)
            if alone:
                self._others.come_back(shown)
            else:
                self._name_cells(result)
                self._others.see_only(shown, result.image)
                self._known = weakref.WeakSet(
                    x for x in self._viewer.layers if x.visible or not is_image(x)
                )
                self._cells.enter(result)
        except Exception:
            # Maps that were meant for cells would cover the image.
            self._beside = None
            self._name_back()
            self._cells.leave()
            self._others.come_back(plain)
            raise
        if preset in (Preset.COARSE_GATES, Preset.ALL_SCALES) and len(result.gates) > 1:
            self._linked = list(result.gates.values())
            self._viewer.layers.link_layers(self._linked, ("contrast_limits",))

    def end(self) -> None:
        """Return to the overlay, with the layers that were visible before."""
        result, layers, canvas = self._beside, self._viewer.layers, self._viewer.canvas
        if result is None:
            return
        theirs = not self._cells.ours and canvas.grid.enabled  # it was on before
        self.moving = True
        try:
            if any(layer in layers for layer in (result.image, *result.layers)):
                visible = self._others.visible
                self.show(result, Preset.OVERLAY)
                for layer in visible:
                    layer.metadata.pop(HIDDEN, None)
                    layer.visible = True
                # At once: else the next picture is that of another image below it.
                hide_without_image(self._viewer)
            else:
                self._name_back()
                self._cells.leave()
                self._others.come_back([])
            if theirs:
                canvas.grid.enabled = True
        finally:
            self._beside, self.moving = None, False

    def follow(self, result: ResultLayers | None) -> bool:
        """Fit the cells to the layers that are there and visible now.

        Parameters
        ----------
        result : ResultLayers or None
            Result that is chosen now.

        Returns
        -------
        bool
            False if they show another result, or other parts of it.
        """
        if self._beside is None or result is None or not result.equals(self._beside):
            return False
        self._cells.fit(self._beside)
        return True

    def over(self, result: ResultLayers | None) -> bool:
        """Whether side by side has to end, because its cells would mislead.

        The image that it shows was deleted, or its result was, and no new one of the
        image came; or an image, or a layer that somebody added, came into view: it
        would have a cell among those of a result that it does not belong to.

        Parameters
        ----------
        result : ResultLayers or None
            Result that is chosen now.
        """
        beside, layers = self._beside, self._viewer.layers
        if beside is None:
            return False
        if beside.image is not None and beside.image not in layers:
            return True
        if not any(layer in layers for layer in beside.layers) and (
            result is None or result.image is not beside.image
        ):
            return True
        return any(
            layer.visible and not has_record(layer) and layer not in self._known
            for layer in layers
        )

    def _unlink(self) -> None:
        there = [layer for layer in self._linked if layer in self._viewer.layers]
        if len(there) > 1:
            self._viewer.layers.unlink_layers(there, ("contrast_limits",))
        self._linked = []

    def _name_cells(self, result: ResultLayers) -> None:
        """Fit names into cells, where napari shows them; say which maps are decorative.

        What tells the cells apart comes first, and only the name of the image is cut.
        """
        decorative = [layer for layer in result.gates.values() if is_decorative(layer)]
        for layer in [*result.gates.values(), *result.probability]:
            own = layer.name
            name = cell_name(own, DECORATIVE if layer in decorative else "")
            if name != own:
                layer.name = name
                self._renamed[layer] = own, layer.name

    def _name_back(self) -> None:
        for layer, (own, said) in self._renamed.items():
            if layer.name == said:  # else somebody has renamed it meanwhile
                layer.name = own
        self._renamed = {}


def _dress(result: ResultLayers, preset: Preset, zoom: float) -> None:
    """Set how the layers of a result look in a preset, visible or not."""
    alone = preset is Preset.OVERLAY
    if result.mask is not None and alone:  # side by side, `Cells` knows how
        outline(result.mask, zoom)
    for layer in result.gates.values():
        _paint(layer, preset)
    for layer in result.probability:
        before, layer.opacity = layer.thumbnail, 1.0
        if alone:
            _dim(layer, PROBABILITY_OPACITY, before)
    # Every cell says what it is; bars are small enough for a cell.
    named = [result.image] if result.image is not None else []
    for layer in [*named, *result.layers]:
        layer.name_overlay.visible = not alone
        layer.name_overlay.font_size = 6
    coarsest = next((result.gates[key] for key in result.coarse_first), None)
    for layer in [*result.probability, *result.gates.values()]:
        tall = preset is Preset.PUBLISHED and layer not in result.probability
        for name, value in (_LARGE if alone else _TALL if tall else _SMALL).items():
            setattr(layer.colorbar, name, value)
        # One bar for all gate maps of one scale: napari takes long to make each.
        one = alone or preset is Preset.PUBLISHED or layer in result.probability
        _show_bar(layer, one or layer is coarsest)
        # Beneath the name.
        layer.colorbar.position = "top_right" if alone else "bottom_right"


def _show_bar(layer: Any, shown: bool) -> None:
    """Show or hide a colour bar; a layer whose bar appears is hidden.

    A bar that was hidden while cells were made anew still belongs to a cell that is
    gone: on a visible layer napari then fails to measure it.
    """
    if shown and not layer.colorbar.visible:
        layer.visible = False  # `Arrangement.show` makes it visible afterwards
    layer.colorbar.visible = shown


def _gates(result: ResultLayers, most: int) -> list[Any]:
    """Gate maps of the coarsest `most` levels."""
    levels = sorted(STRIDES, reverse=True)[:most]
    return [
        result.gates[key]
        for key in result.coarse_first
        if (key if isinstance(key, int) else key[0]) in levels
    ]


def _paint(layer: Any, preset: Preset) -> None:
    """Fixed scale and the preferred colours, or those of the paper.

    Side by side there is no image beneath a map: its colours are those of the bar.

    1 − psi in jet is psi in jet turned around, so the numbers of the bar stay psi.
    """
    before, record = layer.thumbnail, record_of(layer)
    own = layer.opacity if record is None else map_opacity(record.pattern)
    layer.opacity = 1.0
    if preset is Preset.PUBLISHED:
        jet = ensure_colormap("jet")
        layer.colormap = Colormap(jet.colors[::-1], name="jet of 1 − psi")
        low, high = float(np.min(layer.data)), float(np.max(layer.data))
        # A map without contrast stays what it is.
        layer.contrast_limits = (low, high) if high > low else (0, 1)
    else:
        if layer.colormap.name != gate_colormap()["name"]:
            layer.colormap = Colormap(**gate_colormap())
        layer.contrast_limits = (0, 1)
    if preset is Preset.OVERLAY:
        _dim(layer, own, before)


def _dim(layer: Any, opacity: float, before: Any) -> None:
    """Set an opacity, but keep the thumbnail in full colours, or that of before.

    napari makes a dim thumbnail of a dimmed map, and a black one of what it has not
    shown yet.
    """
    thumbnail = layer.thumbnail if layer.thumbnail[..., :3].any() else before
    layer.opacity = opacity
    layer.thumbnail = thumbnail
