"""Where measured numbers come from: the run and the image. No Qt."""

from __future__ import annotations

from typing import Any

from napari_attnseg._widgets.layers.earlier import is_edited
from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg._widgets.layers.source import Source
from napari_attnseg.objects.descriptors import origin_of_numbers
from napari_attnseg.reliability.estimate import ESTIMATE


def origin_of(
    labels: Any, result: ResultLayers | None, source: Source | None
) -> dict[str, str]:
    """Columns on the origin of measured numbers: run and image of a Labels layer."""
    own = record_of(labels) or (None if result is None else result.record)
    name, origin = ("", "") if source is None else (source.name, str(source.origin))
    if own is None:
        return origin_of_numbers(name, origin)
    run = dict(own.provenance)
    if ESTIMATE in run and not _is_own_mask(labels):
        del run[ESTIMATE]
    return origin_of_numbers(name, origin, run)


def _is_own_mask(labels: Any) -> bool:
    """Whether a layer is the mask of a run, in which nobody painted."""
    record = record_of(labels)
    return record is not None and record.is_run_output and not is_edited(labels)
