"""Layers of the what-if: what changed, where to paint, what is kept. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.metadata import METADATA, WHAT_IF
from napari_attnseg._widgets.layers.new_layers import NewLayer, kept_layers
from napari_attnseg._widgets.layers.runs import Case
from napari_attnseg._widgets.layers.source import Source, coarse_placement, source_of
from napari_attnseg._widgets.preferences import gate_colours
from napari_attnseg.colormaps import (
    GAINED_COLOUR,
    GATE_MAPS,
    LOST_COLOUR,
)
from napari_attnseg.results import Segmentation
from napari_attnseg.whatif import Change

GAINED, LOST = 1, 2
#: Labels of the paint, and the psi they stand for.
PAINT = {1: 1.0, 2: 0.0}


class Temporary:
    """Layers of a what-if that go with their case and with the widget.

    No QObject: it outlives the panel.

    Parameters
    ----------
    viewer : napari.Viewer
        Layers are added to it and removed.

    Attributes
    ----------
    change, paint : Labels or None
        What is shown of the change, and where somebody paints; they may be deleted.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.change: Any = None
        self.paint: Any = None

    def has(self, layer: Any) -> bool:
        """Whether a layer is still there."""
        return layer is not None and layer in self._viewer.layers

    def start_painting(self, case: Case, painted: Callable[..., Any]) -> str:
        """Select the paint and its brush, made anew if need be; in words, what it does.

        `painted` is called after every stroke, and now and then without one.
        """
        if not self.has(self.paint):
            (self.paint,) = add_layers(self._viewer, [paint_layer(case)])
            self.paint.events.paint.connect(painted)
            self.paint.events.data.connect(painted)
            # Undo and redo tell no more than this, and so does another frame.
            self.paint.events.set_data.connect(painted)
        self._viewer.layers.selection.active = self.paint
        self.paint.visible = True  # side by side hides it, and no brush paints then
        self.paint.selected_label = 1
        self.paint.mode = "paint"
        ends = {
            tuple(str(gate.metadata[METADATA][end]) for end in ("1", "0"))
            for gate in case.gates.values()
        }
        said = "psi 1, 2 psi 0"
        if len(ends) == 1:  # the same two for every gate
            said = "the {}, 2 the {}".format(*ends.pop())
        return f"Paint with label 1 to force {said}."

    def dab(self, point: Sequence[float]) -> None:
        """Paint once at a world point, as the brush would."""
        at = self.paint.world_to_data(point[-self.paint.ndim :])
        self.paint.paint(tuple(round(i) for i in at), self.paint.selected_label)

    def painted(self, frame: int | None) -> NDArray[np.float64] | None:
        """Psi where somebody painted, as `painted_psi`; None without paint."""
        return painted_psi(self.paint.data, frame) if self.has(self.paint) else None

    def unpaint(self) -> None:
        """Nothing is painted any longer."""
        if self.paint is not None:
            self.paint.data = np.zeros_like(self.paint.data)

    def remove(self) -> None:
        """Take both away."""
        self.take_away(self.let_go())

    def let_go(self) -> tuple[Any, Any]:
        """Both, which are no longer ours but still there."""
        layers = self.change, self.paint
        self.change = self.paint = None
        return layers

    def take_away(self, layers: Iterable[Any]) -> None:
        """Remove those that are still there."""
        for layer in filter(self.has, layers):
            self._viewer.layers.remove(layer)


def _placed(case: Case, frame: int) -> dict[str, Any]:
    source = source_of(case.image)
    at = frame if case.stacked else 0
    return {**source.placement, **coarse_placement(source.placement, (1.0, 1.0), at)}


def _one_frame(case: Case, values: NDArray[Any]) -> NDArray[Any]:
    return values[None] if case.stacked else values


def change_layer(case: Case, change: Change, own: Segmentation, frame: int) -> NewLayer:
    """Pixels that came into the mask and that left it, as two colours."""
    before, after = own.mask, change.result.mask
    differs = np.zeros(before.shape, np.uint8)
    differs[(after != before) & (after > 0)] = GAINED
    differs[(after != before) & (after == 0)] = LOST
    name = case.name
    options = {
        "name": f"{name} · what if (green gained, pink lost)",
        **_placed(case, frame),
        "colormap": {
            None: "transparent",
            0: "transparent",
            GAINED: GAINED_COLOUR,
            LOST: LOST_COLOUR,
        },
        "opacity": 0.7,
        "metadata": {
            METADATA: {
                **change.result.provenance,
                "source": case.facts["source"],
                "made_from": "gates",
            }
        },
    }
    return NewLayer("Labels", _one_frame(case, differs), options)


def paint_layer(case: Case) -> NewLayer:
    """An empty Labels layer over the image in the gates' own two colours."""
    source = source_of(case.image)
    stops = GATE_MAPS[gate_colours()].stops
    size = source.data.shape[:-1] if source.rgb else source.data.shape
    options = {
        "name": f"{source.name} · gate paint",
        **source.placement,
        "colormap": {
            None: "transparent",
            0: "transparent",
            1: stops[-1][1],
            2: stops[0][1],
        },
        "opacity": 0.5,
        "metadata": {METADATA: {"source": source.origin, "made_from": "paint"}},
    }
    return NewLayer("Labels", np.zeros(size, np.uint8), options)


def painted_psi(
    labels: NDArray[np.integer[Any]], frame: int | None
) -> NDArray[np.float64]:
    """Psi (H, W) where somebody painted, NaN elsewhere."""
    part = np.asarray(labels if frame is None else labels[frame])
    psi = np.full(part.shape, np.nan)
    for label, value in PAINT.items():
        psi[part == label] = value
    return psi


def keep(case: Case, result: Segmentation, frame: int) -> list[NewLayer]:
    """`kept_layers` of a what-if on one frame of a case."""
    facts = {**result.provenance, "made_from": WHAT_IF}
    if case.stacked:
        facts["frame"] = frame
    source = Source(
        case.name,
        None,
        False,
        1 if case.stacked else None,
        _placed(case, frame),
        str(case.facts["source"]),
    )
    return kept_layers(source, [replace(result, provenance=facts)])
