"""Layers of the case on screen; the user's own layers stay as they are. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.display import (
    add_layers,
    make_layer,
    remove_layers,
)
from napari_attnseg._widgets.layers.file_reader import placement_by
from napari_attnseg._widgets.layers.metadata import (
    FILE_FACTS,
    IMAGE_FILE,
    IMAGE_ORIENTATION,
    REVIEWED,
    record_of,
)
from napari_attnseg._widgets.layers.new_layers import NewLayer
from napari_attnseg._widgets.layers.outline import outline
from napari_attnseg._widgets.layers.own_image import hide, images_of
from napari_attnseg._widgets.layers.pixels import changes_of
from napari_attnseg._widgets.layers.placement import carried
from napari_attnseg._widgets.layers.reader import layers_of, unplaced
from napari_attnseg._widgets.layers.record import Part
from napari_attnseg._widgets.layers.source import placement_of
from napari_attnseg._widgets.preferences import mask_colour
from napari_attnseg.io.results import load_results
from napari_attnseg.review.ahead import LoadedImage
from napari_attnseg.review.case import Case


class CaseLayers:
    """Adds image, mask and maps of one case to a viewer, and removes them again.

    Parameters
    ----------
    viewer : napari.Viewer
    painted : callable
        Called after each change of the mask.
    seen : callable
        Called when the mask is shown or hidden.
    """

    def __init__(
        self, viewer: Any, painted: Callable[[Any], None], seen: Callable[[Any], None]
    ) -> None:
        self._viewer, self._painted, self._seen = viewer, painted, seen
        self._layers: list[Any] = []
        self.image: Any = None
        self.mask: Any = None
        self._maps: list[Any] = []
        self._shape: tuple[float, ...] | None = None
        #: Hash of the pixels of the image.
        self.sha256: str | None = None
        #: Scale, units and axis labels, by what the file says of its pixels.
        self._placement: dict[str, Any] = placement_by({}, False)
        #: Values that are shown black and white, where the file says so.
        self._window: tuple[float, float] | None = None

    def show(
        self,
        case: Case,
        title: str,
        loaded: LoadedImage,
        labels: NDArray[np.integer[Any]] | None,
        hidden: bool,
    ) -> None:
        """Show a case instead of the one before.

        Parameters
        ----------
        case : Case
        title : str
            Name of the case in the layer list.
        loaded : LoadedImage
            Image of the case.
        labels : ndarray or None
            Labels of its mask; None: nothing is marked yet.
        hidden : bool
            Whether the mask is hidden at first.
        """
        pixels = loaded.pixels
        # Of a frame no file is named: results of it would not be those of its film.
        file = None if case.frame is not None else str(case.image.resolve())
        facts = None if loaded.facts is None else loaded.facts.to_provenance()
        self._placement = placement_by(facts or {}, False)
        known: dict[str, Any] = {IMAGE_FILE: file, FILE_FACTS: facts}
        known[IMAGE_ORIENTATION] = loaded.orientation
        self._window = None if loaded.facts is None else loaded.facts.window
        if pixels is None or not self._reuse(title, pixels, labels, hidden, known):
            before = self._layers
            self._layers, self._maps = [], []
            self.image = self.mask = None
            if pixels is not None:
                self._add(title, pixels, labels, hidden, known)
            # Afterwards: napari does not like a moment without any layer.
            self._remove(before)
        self.sha256 = loaded.sha256
        if self.mask is None:
            return
        self._viewer.layers.selection.active = self.mask
        shape = None if pixels is None else (*pixels.shape[:2], *self.image.scale)
        if shape is not None and shape != self._shape:
            self._shape = shape
            self._viewer.reset_view()
        outline(self.mask, float(self._viewer.scene.camera.zoom))

    def _reuse(
        self,
        title: str,
        pixels: NDArray[np.generic],
        labels: NDArray[np.integer[Any]] | None,
        hidden: bool,
        known: dict[str, Any],
    ) -> bool:
        """Put a case into the layers of the one before, if they can hold it.

        napari takes a second to add and remove two layers, and a moment for this.
        """
        image, mask, layers = self.image, self.mask, self._viewer.layers
        data = _drawn(pixels, labels)
        if (
            image not in layers
            or mask not in layers
            or image.rgb != (pixels.ndim == 3)
            or _plain(data) != _plain(mask.data)
            or self._others(image)
        ):
            return False
        maps, self._maps = self._maps, []
        self._layers = [image, mask]
        self._remove(maps)
        # Puts the brush away, and forgets strokes: Ctrl+Z would take one of the case
        # before out of this mask.
        mask.editable = False
        if hidden:
            mask.visible = False
        image.data = pixels
        if not image.rgb:
            image.reset_contrast_limits()
            if self._window is not None:
                image.contrast_limits = self._window
        for layer in (image, mask):
            for key, value in self._placement.items():
                setattr(layer, key, value)
        image.name, mask.name = title, mask_name(title)
        image.metadata.update(known)
        image.visible = True
        mask.data = data
        mask.editable = True
        mask.selected_label = 1
        mask.visible = not hidden
        return True

    def _others(self, image: Any) -> list[Any]:
        """Layers that the user made from an image of this review."""
        own = images_of(self._viewer.layers).items()
        return [made for made, of in own if of is image and made not in self._layers]

    def _add(
        self,
        title: str,
        pixels: NDArray[np.generic],
        labels: NDArray[np.integer[Any]] | None,
        hidden: bool,
        known: dict[str, Any],
    ) -> None:
        options: dict[str, Any] = {"name": title, "rgb": pixels.ndim == 3}
        options |= self._placement
        if pixels.ndim == 2 and self._window is not None:
            options["contrast_limits"] = self._window
        image = NewLayer("Image", pixels, options, metadata=known)
        data = _drawn(pixels, labels)
        colours: dict[str, Any] = {"name": mask_name(title), "opacity": 1.0}
        colours |= self._placement
        if _plain(data):
            # Other labels than 1 may be painted too, and are to be seen.
            colours["colormap"] = {None: mask_colour(), 0: "transparent"}
        self.image = make_layer(image)
        of_image = {REVIEWED: str(self.image.unique_id)}
        self.mask = make_layer(NewLayer("Labels", data, colours, metadata=of_image))
        outline(self.mask)
        self.mask.visible = not hidden
        self._layers = [self.image, self.mask]
        for layer in self._layers:
            self._viewer.layers.append(layer)
        for event in changes_of(self.mask):
            event.connect(self._painted)
        self.mask.events.mode.connect(self._painted)
        self.mask.events.visible.connect(self._seen)

    def of_another_case(self, layer: Any) -> bool:
        """Hide a new result if it belongs to an earlier case; return if it does."""
        record = record_of(layer)
        if record is None or self.image is None or layer in self._layers:
            return False
        made_of = record.provenance.get("image_sha256")
        same = record.image.layer_id == str(self.image.unique_id)
        if not same or made_of in (None, self.sha256):
            return False
        hide(layer)
        return True

    @property
    def labels(self) -> NDArray[np.integer[Any]] | None:
        """The mask as it is painted now; None if its layer was removed."""
        if self.mask is None or self.mask not in self._viewer.layers:
            return None
        return np.asarray(self.mask.data)

    def set_labels(self, labels: NDArray[np.integer[Any]]) -> None:
        """Show, in its layer, a mask that was hidden until now."""
        self.mask.data = np.array(labels)

    def paint(self) -> bool:
        """Select the brush in the mask; returns False if its layer was removed."""
        layer = self.mask
        if layer is None or layer not in self._viewer.layers:
            return False
        layer.visible = True
        self._viewer.layers.selection.active = layer
        if layer.selected_label == 0:
            layer.selected_label = 1
        layer.mode = "paint"
        return True

    def toggle_maps(self, case: Case) -> bool:
        """Show or hide the maps of a case; return whether they are visible now.

        They are read on first use. Then the probability is visible, and the gate maps
        are added as hidden layers.

        Raises
        ------
        InputError
            If they cannot be read.
        """
        there = [layer for layer in self._maps if layer in self._viewer.layers]
        if there:
            wanted = not any(layer.visible for layer in there)
            for layer in there:
                layer.visible = wanted and layer is there[0]
            return wanted
        if case.results is None or self.image not in self._viewer.layers:
            return False
        made, results = [], load_results(case.results)
        before = {**unplaced(2), **results.placement}
        now = placement_of(self.image)
        for new in layers_of(results):
            record = new.record
            if record is None or record.part not in (Part.PROBABILITY, Part.GATE):
                continue
            image = replace(record.image, layer_id=str(self.image.unique_id))
            # As the image lies here, not where it lay when it was segmented.
            placed = {**now, **carried(new.options, before, now)}
            made.append(
                replace(
                    new,
                    options={**new.options, **placed},
                    record=replace(record, image=image),
                )
            )
        active = self._viewer.layers.selection.active
        self._maps = add_layers(self._viewer, made, above=self.image)
        self._layers += self._maps
        if self._maps:
            self._maps[0].visible = True
        self._viewer.layers.selection.active = active
        return bool(self._maps)

    def clear(self) -> None:
        """Remove the layers of the case from the viewer."""
        before, self._layers, self._maps = self._layers, [], []
        self.image = self.mask = None
        self._remove(before)

    def _remove(self, layers: list[Any]) -> None:
        present = self._viewer.layers
        for made, image in images_of(present).items():
            # What somebody made of the image is theirs, but must not lie over another.
            if image in layers and made not in layers:
                hide(made)
        for layer in reversed(layers):
            for name in ("paint", "set_data", "data", "mode", "visible"):
                emitter = getattr(layer.events, name, None)
                for callback in (self._painted, self._seen):
                    if emitter is not None:
                        emitter.disconnect(callback)
            if layer in present and getattr(layer, "mode", "pan_zoom") != "pan_zoom":
                layer.mode = "pan_zoom"
        remove_layers(self._viewer, reversed(layers))


def mask_name(title: str) -> str:
    """Name of the mask that is decided on; those of runs have another."""
    return f"reviewed mask · {title}"


def _drawn(
    pixels: NDArray[np.generic], labels: NDArray[np.integer[Any]] | None
) -> NDArray[np.integer[Any]]:
    """The mask as it is drawn in: a copy, or an empty one."""
    return np.zeros(pixels.shape[:2], np.uint8) if labels is None else np.array(labels)


def _plain(labels: NDArray[np.integer[Any]]) -> bool:
    """Whether a mask has one region, in one colour."""
    return bool(labels.max(initial=0) < 2)
