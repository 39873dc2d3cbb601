"""Where measured numbers come from: the run and the image. No Qt."""

from __future__ import annotations

from typing import Any

from napari_attnseg._widgets.layers.earlier import edited_frames
from napari_attnseg._widgets.layers.metadata import record_of, set_record
from napari_attnseg._widgets.layers.record import Derivation
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg._widgets.layers.slices import slices_words
from napari_attnseg._widgets.layers.source import Source
from napari_attnseg.corrections.clicks import CLICKS
from napari_attnseg.corrections.session import clicks_words
from napari_attnseg.hashing import array_sha256
from napari_attnseg.objects.descriptors import EDITED, origin_of_numbers
from napari_attnseg.reliability.estimate import ESTIMATE

#: Key, in the provenance of a layer of objects, of its numbers as they were made.
_OBJECTS_SHA256 = "objects_sha256"


def origin_of(
    labels: Any, result: ResultLayers | None, source: Source | None
) -> dict[str, str]:
    """Columns on the origin of measured numbers: run and image of a Labels layer."""
    own = record_of(labels) or (None if result is None else result.record)
    name, origin = ("", "") if source is None else (source.name, str(source.origin))
    if own is None:
        return origin_of_numbers(name, origin)
    run, edited = dict(own.provenance), edited_words(labels)
    record = record_of(labels)
    whole = record is not None and record.is_run_output and record.mask_sha256
    if edited or not whole:  # the estimate is of the model's own mask
        run.pop(ESTIMATE, None)
    return origin_of_numbers(name, origin, run, edited)


def edited_words(labels: Any) -> str:
    """What a person changed in a mask since it was made; empty if nothing."""
    record = record_of(labels)
    if record is None:
        return ""
    facts = record.provenance
    if record.derivation is Derivation.OBJECTS:
        of_mask = str(facts.get(EDITED, ""))
        if not is_painted(labels):
            return of_mask
        return (
            f"{of_mask}; its objects were edited by hand"
            if of_mask
            else "edited by hand"
        )
    if not record.mask_sha256:
        return ""  # an older file does not say
    frames = edited_frames(labels)
    if not frames:
        return ""
    now: dict[int | None, str] = {None: array_sha256(labels.data)}
    if labels.ndim == 3:
        now = {frame: array_sha256(labels.data[frame]) for frame in frames}
    clicks = clicks_words(facts.get(CLICKS), now)
    words = f"corrected by {clicks}" if clicks else "edited by hand"
    return words + (f" (in {slices_words(frames)})" if labels.ndim == 3 else "")


def is_painted(objects: Any) -> bool:
    """Whether somebody painted in a layer of objects since it was made."""
    record = record_of(objects)
    made = None if record is None else record.provenance.get(_OBJECTS_SHA256)
    return made is not None and made != array_sha256(objects.data)


def keep_edited(objects: Any, edited: str) -> None:
    """Record, in a new layer of objects, what was changed in the mask it is made of."""
    record = record_of(objects)
    if record is not None:
        facts = {EDITED: edited or None, _OBJECTS_SHA256: array_sha256(objects.data)}
        set_record(objects, record.with_provenance(**facts))
