"""Layers of the what-if: the change, the paint, and kept results. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.inspect.tips import OF_A_BOX
from napari_attnseg._widgets.layers.derived_layers import kept_layers
from napari_attnseg._widgets.layers.display import add_layers, redraw, remove_layers
from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.new_layers import NewLayer, layer_name
from napari_attnseg._widgets.layers.pixels import changes_of
from napari_attnseg._widgets.layers.placement import coarse_placement
from napari_attnseg._widgets.layers.record import Derivation, LayerRecord
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg._widgets.layers.source import READING_NOTES, Source, source_of
from napari_attnseg._widgets.preferences import gate_colours
from napari_attnseg.colormaps import (
    GAINED_COLOUR,
    GATE_MAPS,
    LOST_COLOUR,
)
from napari_attnseg.results import GateKey, Segmentation
from napari_attnseg.whatif import Change

GAINED, LOST = 1, 2
#: Labels of the paint, and the psi they stand for.
PAINT = {1: 1.0, 2: 0.0}


class Temporary:
    """Layers of a what-if that are removed with their result or with the widget.

    It is not a QObject, because it outlives the panel.

    Parameters
    ----------
    viewer : napari.Viewer
        Layers are added to it and removed.

    Attributes
    ----------
    change, paint : Labels or None
        Pixels gained and lost, and the paint; the user may delete them.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.change: Any = None
        self.paint: Any = None

    def has(self, layer: Any) -> bool:
        """Whether a layer is still in the viewer."""
        return layer is not None and layer in self._viewer.layers

    def show_change(
        self, result: ResultLayers, change: Change, own: Segmentation, frame: int
    ) -> None:
        """Show the pixels that the mask of a frame gains and loses."""
        new = change_layer(result, change, own, frame)
        layer = self.change
        if not self.has(layer):
            active = self._viewer.layers.selection.active
            (self.change,) = add_layers(self._viewer, [new])
            self._viewer.layers.selection.active = active
            return
        layer.visible = True  # side by side and back hid it
        redraw(layer, new.data)
        if not np.array_equal(layer.translate, new.options["translate"]):
            layer.translate = new.options["translate"]  # another frame

    def start_painting(self, result: ResultLayers, painted: Callable[..., Any]) -> str:
        """Select the layer to paint in; returns a text on what its labels do.

        The layer is added if it does not exist. `painted` is called after every stroke,
        and sometimes without a stroke.
        """
        if not self.has(self.paint):
            (self.paint,) = add_layers(self._viewer, [paint_layer(result)])
            for event in changes_of(self.paint):
                event.connect(painted)
        self._viewer.layers.selection.active = self.paint
        self.paint.visible = True  # side by side hides it, and no brush paints then
        self.paint.selected_label = 1
        self.paint.mode = "paint"
        records = [record_of(gate) for gate in result.gates.values()]
        ends = {(gate.high, gate.low) for gate in records if gate is not None}
        labels = "psi 1, 2 psi 0"
        if len(ends) == 1:  # the same two for every gate
            labels = "the {}, 2 the {}".format(*ends.pop())
        return f"Paint with label 1 to force {labels}."

    def dab(self, point: Sequence[float]) -> None:
        """Paint once at a world point, as the brush would."""
        at = self.paint.world_to_data(point[-self.paint.ndim :])
        self.paint.paint(tuple(round(i) for i in at), self.paint.selected_label)

    def painted(self, frame: int | None) -> NDArray[np.float64] | None:
        """Painted psi, as from `painted_psi`; None if there is no layer of paint."""
        return painted_psi(self.paint.data, frame) if self.has(self.paint) else None

    def unpaint(self) -> None:
        """Clear the paint."""
        if self.paint is not None:
            self.paint.data = np.zeros_like(self.paint.data)

    def remove(self) -> None:
        """Remove both layers."""
        self.take_away(self.let_go())

    def let_go(self) -> tuple[Any, Any]:
        """Stop following both layers, which stay in the viewer, and return them."""
        layers = self.change, self.paint
        self.change = self.paint = None
        return layers

    def take_away(self, layers: Iterable[Any]) -> None:
        """Remove the layers that still exist."""
        remove_layers(self._viewer, layers)


def placed(result: ResultLayers, frame: int) -> dict[str, Any]:
    """Placement of a layer of one frame over the image of a result."""
    source = source_of(result.image)
    at = frame if result.stacked else 0
    return {**source.placement, **coarse_placement(source.placement, (1.0, 1.0), at)}


def one_frame(result: ResultLayers, values: NDArray[Any]) -> NDArray[Any]:
    """Shape the values (H, W) of one frame as a layer of the result needs them."""
    return values[None] if result.stacked else values


def change_layer(
    result: ResultLayers, change: Change, own: Segmentation, frame: int
) -> NewLayer:
    """Labels layer of the pixels that the mask gains and loses."""
    before, after = own.mask, change.result.mask
    differs = np.zeros(before.shape, np.uint8)
    differs[(after != before) & (after > 0)] = GAINED
    differs[(after != before) & (after == 0)] = LOST
    options = {
        "name": layer_name("gained and lost", result.name),
        **placed(result, frame),
        "colormap": {
            None: "transparent",
            0: "transparent",
            GAINED: GAINED_COLOUR,
            LOST: LOST_COLOUR,
        },
        "opacity": 0.7,
    }
    record = LayerRecord(
        {**change.result.provenance, "source": result.record.source},
        result.reference,
        derivation=Derivation.CHANGE,
    )
    return NewLayer("Labels", one_frame(result, differs), options, record)


def paint_layer(result: ResultLayers) -> NewLayer:
    """An empty Labels layer over the image, in the two colours of the gate maps."""
    source = source_of(result.image)
    stops = GATE_MAPS[gate_colours()].stops
    size = source.data.shape[:-1] if source.rgb else source.data.shape
    options = {
        "name": layer_name("gate paint", source.name),
        **source.placement,
        "colormap": {
            None: "transparent",
            0: "transparent",
            1: stops[-1][1],
            2: stops[0][1],
        },
        "opacity": 0.5,
    }
    record = LayerRecord(
        {"source": source.origin}, result.reference, derivation=Derivation.PAINT
    )
    return NewLayer("Labels", np.zeros(size, np.uint8), options, record)


def painted_psi(
    labels: NDArray[np.integer[Any]], frame: int | None
) -> NDArray[np.float64]:
    """Psi (H, W) that the paint means; NaN where nothing is painted."""
    part = np.asarray(labels if frame is None else labels[frame])
    psi = np.full(part.shape, np.nan)
    for label, value in PAINT.items():
        psi[part == label] = value
    return psi


def keep(result: ResultLayers, changed: Segmentation, frame: int) -> list[NewLayer]:
    """Make the `kept_layers` of a what-if on one frame of a result."""
    run = result.record.provenance
    provenance = {
        **changed.provenance,
        **{key: run[key] for key in READING_NOTES if key in run},
        "made_from": str(Derivation.WHAT_IF),
    }
    if result.stacked:
        provenance["frame"] = frame
    image = result.reference
    source = Source(
        image.name,
        None,
        False,
        1 if result.stacked else None,
        placed(result, frame),
        image.file,
        image.layer_id,
        recorded=result.record.source,
    )
    return kept_layers(source, [replace(changed, provenance=provenance)])


def same_paint(
    one: NDArray[np.float64] | None, other: NDArray[np.float64] | None
) -> bool:
    """Whether two paints force the same psi at the same pixels; None means no paint."""
    blank = [paint is None or not np.isfinite(paint).any() for paint in (one, other)]
    if any(blank):
        return all(blank)
    return np.array_equal(one, other, equal_nan=True)  # type: ignore[arg-type]


def describe_change(
    result: ResultLayers, change: Change, own: Segmentation, frame: int
) -> str:
    """Sentence on how many pixels the model's own mask of a frame gained and lost."""
    where = f"Slice {frame}: " if result.stacked else ""
    shown = None if result.mask is None else result.mask.data
    if shown is not None and result.stacked:
        shown = shown[frame]
    other, case = "", result.reviewed
    if case is not None and case.visible and not np.array_equal(case.data, own.mask):
        other = " The mask in Review differs from it, and is not what is compared."
    if shown is not None and not np.array_equal(np.asarray(shown), own.mask):
        other = (
            " The mask over the image was changed since, by hand or under Mask, and is "
            "not what is compared."
        )
    if not change.result.provenance["gates_forced"]:
        return (
            f"{where}No gate is forced: nothing is gained or lost against the model's "
            f"own mask.{other}"
        )
    return (
        f"{where}Gained (green) {change.gained:,} px, lost (pink) {change.lost:,} px; "
        f"overlap with the model's own mask (Dice) {change.overlap:.3f}.{other}"
    )


def mean_of(result: ResultLayers, key: GateKey, frame: int) -> float:
    """Mean psi of a gate over a frame, by the model itself."""
    data = result.gates[key].data
    shown = data[frame] if result.stacked else data
    return float(np.mean(np.asarray(shown, dtype=float)))


def why_disabled(result: ResultLayers) -> str:
    """Reason why no gate of a result can be forced; empty if it can."""
    if result.record.box is not None:
        return OF_A_BOX
    if result.image is not None and result.gates:
        return ""
    if not result.gates:
        return (
            "This result has no gate maps in the viewer: its model has no gates, or "
            "their layers were removed."
        )
    return (
        f"The image {result.name!r} of this result is not open; open the file with its "
        "pixels again."
    )
