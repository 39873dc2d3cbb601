"""Layers of a run in the viewer, which are filled frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.utils.notifications import show_info

from napari_attnseg._widgets.base.image_note import shortened
from napari_attnseg._widgets.base.segmenting import FrameDone
from napari_attnseg._widgets.layers.display import (
    add_layers,
    first_gate_of,
    new_thumbnail,
    redraw,
    show_source,
)
from napari_attnseg._widgets.layers.earlier import (
    Output,
    earlier_results,
    is_edited,
    made_from_results,
    output_of,
)
from napari_attnseg._widgets.layers.metadata import record_of, set_frame
from napari_attnseg._widgets.layers.new_layers import NewLayer, new_layers
from napari_attnseg._widgets.layers.own_image import bring_forward, hide, is_wanted
from napari_attnseg._widgets.layers.record import Part
from napari_attnseg._widgets.layers.source import Source
from napari_attnseg._widgets.layers.stack_results import StackResults
from napari_attnseg.hashing import array_sha256
from napari_attnseg.masks import MaskRules, make_mask, rules_of
from napari_attnseg.results import Segmentation


class NewResult:
    """Layers of one run; those of a stack are added with its first frame.

    Parameters
    ----------
    viewer : napari.Viewer
    source : Source
    keep_both : bool
        Whether earlier results of the image stay.

    Attributes
    ----------
    layers : list of layers
        Layers from bottom to top, the mask last; empty before `add`.
    stack : StackResults or None
        Results of a stack, which the layers show; None for a single image.
    done, total : int
        Number of segmented frames, and of all frames.
    """

    def __init__(self, viewer: Any, source: Source, keep_both: bool) -> None:
        self._viewer, self._source, self._keep_both = viewer, source, keep_both
        self.layers: list[Any] = []
        self._waiting: list[NewLayer] = []
        self._visible: dict[Output, bool] = {}
        self.stack: StackResults | None = None
        self.done, self.total = 0, source.frames or 1

    @property
    def mask(self) -> Any:
        """The mask layer."""
        return self.layers[-1]

    @property
    def removed(self) -> bool:
        """Whether the mask was removed from the viewer."""
        return bool(self.layers) and self.mask not in self._viewer.layers

    def add(self, results: Sequence[Segmentation]) -> None:
        """Add the layers, in place of those of an earlier run on the image."""
        # Else napari builds its scene anew, and collects garbage, for every layer.
        with self._viewer.layers.batched_update():
            self._put(self._new(results))
        self.done = self.total

    def _new(self, results: Sequence[Segmentation]) -> list[NewLayer]:
        viewer = self._viewer
        self._source = source = show_source(viewer, self._source)
        if not self._keep_both:
            self._visible = _take_away(viewer, source)
        return new_layers(source, results)

    def _put(self, new: Sequence[NewLayer]) -> None:
        viewer = self._viewer
        added = add_layers(viewer, new)
        first = first_gate_of(added)
        for layer in added:
            shown = layer.visible or layer is first
            layer.visible = self._visible.get(output_of(layer), shown)
        self.layers = [*added, *self.layers]
        ids = {str(layer.unique_id): layer for layer in viewer.layers}
        bring_forward(viewer, ids.get(self._source.layer_id))

    def complete(self, shown: int = 0) -> None:
        """Add the maps when all frames are done; a stack's mask is added earlier.

        If the maps are there already, only the thumbnails are made again.

        Parameters
        ----------
        shown : int
            Frame on screen, which thumbnails show.
        """
        waiting, self._waiting = self._waiting, []
        if not waiting and self._source.frames is not None:
            for layer in self.layers:
                new_thumbnail(layer, shown)
        if waiting and not self.removed:
            active = self._viewer.layers.selection.active
            self._put(waiting)
            self._viewer.layers.selection.active = active

    def take(self, came: FrameDone, shown: int) -> None:
        """Show a frame that was segmented; the first one adds the mask.

        Parameters
        ----------
        came : FrameDone
        shown : int
            The frame on screen; only this frame has to be drawn again.
        """
        if not self.layers:
            self.stack = came.stack
            with self._viewer.layers.batched_update():
                *self._waiting, mask = self._new(came.stack)
                self._put([mask])
        gates = {gate.key: gate for gate in came.result.attention}
        for new in self._waiting:
            record = new.record
            if record is not None and record.gate is not None:
                means = record.effective_share.get("mean")
                if isinstance(means, list):
                    means[came.frame] = gates[record.gate].effective_share.mean
        for layer in self.layers:
            record = record_of(layer)
            share = None
            if record is not None and record.gate is not None:
                share = gates[record.gate].effective_share.mean
            set_frame(layer, came.frame, came.result.provenance, share)
        self._follow_rules(came)
        self.done = came.stack.done
        if came.frame == shown:
            for layer in self.layers:
                if layer.visible:
                    layer.refresh(thumbnail=False, highlight=False, extent=False)

    def _follow_rules(self, came: FrameDone) -> None:
        """Make the mask of a frame by the mask rules that were chosen since."""
        record = record_of(self.mask)
        assert record is not None and record.part is Part.MASK
        rules = rules_of(record.provenance)
        if rules == MaskRules(record.threshold):
            return
        made = came.result.provenance.get("mask_sha256")
        if made and array_sha256(came.result.mask) != made:
            return  # somebody painted in it before its frame was segmented
        mask = make_mask(came.result.probability, rules, record.box)
        redraw(self.mask, mask, came.frame)
        set_frame(self.mask, came.frame, {"mask_sha256": array_sha256(mask)})

    @property
    def cancelled_words(self) -> str:
        """Sentence on the frames that a cancelled run left; empty if it left none."""
        if not self.layers:
            return ""
        return (
            f"Cancelled: {self.done} of {self.total} slices are segmented and kept. "
            "The others are marked as not segmented; Segment with the same settings "
            "goes on with them."
        )

    def can_go_on(self, source: Source) -> bool:
        """Whether frames that were left can be added to these layers.

        It is the same image with the same pixels, and the mask is still there: changed
        by hand, maybe, but not replaced by another array.
        """
        if self.stack is None or self.removed:
            return False
        if source.layer_id != self._source.layer_id:
            return False
        if not np.may_share_memory(self.mask.data, self.stack.mask()):
            return False
        if source.data is not self._source.data:
            return False
        if not isinstance(source.data, np.ndarray):
            return True  # read as it is looked at: to compare it is to read it all
        known = map(self.stack.image_sha256, range(self.total))
        return all(
            wanted is None or array_sha256(source.frame(frame)) == wanted
            for frame, wanted in enumerate(known)
        )


def _take_away(viewer: Any, source: Source) -> dict[Output, bool]:
    """Remove earlier results, but only hide those that were edited by hand.

    Layers made from those are hidden too, and so are explanations that were added
    beside them, because they would look like a part of the new result. Returns which of
    the removed layers were visible.
    """
    visible: dict[Output, bool] = {}
    kept = []
    earlier = earlier_results(viewer.layers, source)
    for result in earlier:
        if result.mask is not None and is_edited(result.mask):
            for layer in result.layers:
                hide(layer)
            kept.append(
                "Your mask is kept, and hidden: the earlier result of "
                f"{shortened(result.name)!r} was edited by hand."
            )
            continue
        for layer in result.layers:
            visible[output_of(layer)] = is_wanted(layer)
            viewer.layers.remove(layer)
    made = made_from_results(viewer.layers, source, explained=bool(earlier))
    outdated = [layer for layer in made if is_wanted(layer)]
    for layer in outdated:
        hide(layer)
    if outdated:
        names = ", ".join(layer.name for layer in outdated)
        show_info(
            "Outdated layers are hidden: those of the earlier result of "
            f"{shortened(source.name)!r}, {names}."
        )
    for words in kept:  # last: napari puts the latest on top
        show_info(words)
    return visible
