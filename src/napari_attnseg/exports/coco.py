"""Masks as COCO: one JSON file with a run-length code per object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import regionprops

from napari_attnseg import __version__
from napari_attnseg.exports.masks import MaskSeries
from napari_attnseg.how_many import how_many
from napari_attnseg.io.run_facts import IMAGE
from napari_attnseg.objects.measure import separate


def coco_json(series: Sequence[MaskSeries]) -> bytes:
    """All masks of several results as one file; an annotation per connected object.

    Categories are the names of classes; results of several models may share them.
    Run-length codes are uncompressed, as pycocotools reads them.
    """
    names = list(dict.fromkeys(name for one in series for name in one.classes))
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for one in series:
        for i, mask in enumerate(one.masks):
            number = len(images) + 1
            height, width = mask.shape
            images.append(
                {
                    "id": number,
                    "file_name": _file_name(one, i),
                    "height": height,
                    "width": width,
                }
            )
            for region in regionprops(separate(mask)):
                top, left, bottom, right = region.bbox
                inside = np.zeros(mask.shape, bool)
                inside[region.slice] = region.image
                row, column = region.coords[0]
                name = one.classes[int(mask[row, column]) - 1]
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": names.index(name) + 1,
                        "segmentation": run_lengths(inside),
                        "area": int(region.area),
                        "bbox": [left, top, right - left, bottom - top],
                        "iscrowd": 0,
                    }
                )
    found = {
        "info": {
            "description": f"Masks by napari-attnseg {__version__}; research use",
        },
        "images": images,
        "annotations": annotations,
        "categories": [{"id": i, "name": name} for i, name in enumerate(names, 1)],
    }
    return (json.dumps(found) + "\n").encode()


def repeated_words(series: Sequence[MaskSeries]) -> str:
    """Sentence on results of one image under several names; empty without any."""
    named: dict[str, list[str]] = {}
    for one in series:
        known = one.provenance.get(IMAGE)
        if one.frames is None and isinstance(known, str):
            named.setdefault(known, []).append(one.stem)
        elif one.image is not None:  # a film or a stack
            named.setdefault(str(one.image.resolve()), []).append(one.stem)
    several = [stems for stems in named.values() if len(stems) > 1]
    if not several:
        return ""
    others = how_many(len(several) - 1, "other image")
    more = f", and the same is so of {others}" if several[1:] else ""
    return (
        f"{' and '.join(several[0])} are results of one image, which is in "
        f"annotations.json once for each of them{more}: give only the results that are "
        "meant."
    )


def run_lengths(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Uncompressed run-length code of a mask (H, W): ``size`` and ``counts``.

    Counts alternate between background and object, column by column, and begin with
    background.
    """
    flat = mask.ravel(order="F")
    ends = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *ends, flat.size]).tolist()
    if flat.size and flat[0]:
        counts.insert(0, 0)
    return {"size": list(mask.shape), "counts": counts}


def _file_name(one: MaskSeries, index: int) -> str:
    name = one.stem if one.image is None else one.image.name
    return name if one.frames is None else f"{name}#{one.frames[index]}"
