"""How a result is shown: overlay or side by side, and presets. No Qt.

What a preset changes of a layer is written down in one place, so that going back is
going to another preset.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.utils import Colormap
from napari.utils.colormaps import ensure_colormap

from napari_attnseg._widgets.layers.metadata import METADATA, image_name
from napari_attnseg._widgets.layers.new_layers import gate_colormap, gate_opacity
from napari_attnseg._widgets.layers.runs import Case
from napari_attnseg.results import gate_label
from napari_attnseg.spec import STRIDES

OVERLAY, PUBLISHED = "overlay", "published style"
#: Preset → what it shows, for people.
PRESETS = {
    OVERLAY: "The image with the outline of the mask.",
    "at a glance": "Side by side: image, mask, and the two coarse gates.",
    "all scales": "Side by side: image, mask, every gate, probability.",
    PUBLISHED: "Every gate as the paper draws it: 1 − psi in jet, each map "
    "stretched to its own range. Such colours are relative: they cannot be compared "
    "between maps.",
}
_SMALL = {"size": (8.0, 60.0), "font_size": 7.0, "tick_length": 3.0}
_LARGE = {"size": (25.0, 150.0), "font_size": 10.0, "tick_length": 5.0}


def preset_words(case: Case | None, preset: str) -> str:
    """What a preset shows of a case, and why gate maps in it are dim, if they are."""
    said = PRESETS[preset]
    gates = {} if case is None or preset == OVERLAY else case.gates
    idle = [
        gate_label(key)
        for key, gate in gates.items()
        if gate.metadata[METADATA].get("decorative")
    ]
    if idle and preset == PUBLISHED:
        said += f" Measured to be decoration in this model: {', '.join(idle)}."
    elif idle:
        said += " Dim maps were measured to be decoration in this model."
    return said


class Arrangement:
    """Shows results in a viewer by preset, and gives the viewer back as it was.

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
        self._beside: Case | None = None
        # What else of ours was shown over the image, to be shown there again.
        self._over: list[Any] = []

    def show(self, case: Case, preset: str) -> None:
        """Arrange one case; layers of other cases are hidden, others' stay.

        Parameters
        ----------
        case : Case
            What to show.
        preset : str
            Name in `PRESETS`.
        """
        self._unlink()
        if self._beside is not None and not case.equals(self._beside):
            _dress(self._beside, OVERLAY)
        alone = preset == OVERLAY
        if not alone and self._beside is None:
            self._over = [
                layer
                for layer in self._viewer.layers
                if METADATA in layer.metadata and layer.visible
            ]
        again = [x for x in self._over if alone and image_name(x) == case.name]
        self._beside = None if alone else case
        for layer in self._viewer.layers:
            if METADATA in layer.metadata:
                layer.visible = False
        if case.image is not None:
            case.image.visible = True
        shown = [layer for layer in (case.mask, *again) if layer is not None]
        if preset == "all scales":
            shown += case.probability
        if not alone:
            shown += _gates(case, 2 if preset == "at a glance" else len(STRIDES))
        _dress(case, preset)
        for layer in shown:
            layer.visible = True
        self._grid(not alone)
        if preset in ("at a glance", "all scales") and len(case.gates) > 1:
            self._linked = list(case.gates.values())
            self._viewer.layers.link_layers(self._linked, ("contrast_limits",))

    def end(self) -> None:
        """Back to the overlay, with all that was shown before side by side."""
        case, layers, canvas = self._beside, self._viewer.layers, self._viewer.canvas
        if case is None:
            return
        theirs = self._before is None and canvas.grid.enabled  # it was on before
        if any(layer in layers for layer in case.layers):
            self.show(case, OVERLAY)
            for layer in self._over:
                layer.visible = True
        else:
            self._grid(False)
        if theirs:
            canvas.grid.enabled = True
        self._beside = None

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


def _dress(case: Case, preset: str) -> None:
    """How a case's layers look in a preset, whether they are visible or not."""
    alone = preset == OVERLAY
    if case.mask is not None:
        # An outline needs the image beneath it; alone in a cell it says little.
        case.mask.contour = 2 if alone else 0
    for layer in case.gates.values():
        _paint(layer, published=preset == PUBLISHED)
    # Every cell says what it is; bars are small enough for a cell.
    named = [case.image] if case.image is not None else []
    for layer in [*named, *case.layers]:
        layer.name_overlay.visible = not alone
        layer.name_overlay.font_size = 6
    for layer in [*case.probability, *case.gates.values()]:
        for name, value in (_LARGE if alone else _SMALL).items():
            setattr(layer.colorbar, name, value)
        # Beneath the name.
        layer.colorbar.position = "top_right" if alone else "bottom_right"


def _gates(case: Case, most: int) -> list[Any]:
    """The gates of the coarsest levels."""
    levels = sorted(STRIDES, reverse=True)[:most]
    return [
        case.gates[key]
        for key in case.coarse_first
        if (key if isinstance(key, int) else key[0]) in levels
    ]


def _paint(layer: Any, published: bool) -> None:
    """Fixed scale and our colours, or the paper's.

    1 − psi in jet is psi in jet turned around, so the numbers of the bar stay psi.
    """
    if not published:
        layer.colormap = Colormap(**gate_colormap())
        layer.contrast_limits = (0, 1)
        layer.opacity = gate_opacity(layer.metadata[METADATA])
        return
    layer.opacity = 1.0  # jet over black, and dimmed, would be other colours
    jet = ensure_colormap("jet")
    layer.colormap = Colormap(jet.colors[::-1], name="jet of 1 − psi")
    low, high = float(np.min(layer.data)), float(np.max(layer.data))
    # A map without contrast stays what it is.
    layer.contrast_limits = (low, high) if high > low else (0, 1)
