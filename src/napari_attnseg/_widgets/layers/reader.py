"""napari's reader of results folders: the layers that the Segment widget makes. No Qt.

It gives whole layers, not tuples: a tuple can carry neither a mask's outline nor a
colour bar.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from napari.utils.notifications import show_warning

from napari_attnseg._widgets.layers.display import make_layer
from napari_attnseg._widgets.layers.metadata import METADATA, RESULTS_FILE, WHAT_IF
from napari_attnseg._widgets.layers.new_layers import NewLayer, kept_layers, new_layers
from napari_attnseg._widgets.layers.source import IMAGE_FILE, Source
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.images import read_image
from napari_attnseg.io.results import Results, find_results, load_results

#: More images than this from one folder would fill the layer list with hundreds.
MANY = 20


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[Any]] | None:
    """Napari's question whether a file or folder is ours."""
    first = path if isinstance(path, str) else path[0]
    return read if find_results(Path(first)) else None


def read(path: str | list[str]) -> list[Any]:
    """Layers of a results folder, or of single JSON files from it.

    Raises
    ------
    InputError
        If a file is missing or damaged, or a folder holds too many images.
    """
    paths = [path] if isinstance(path, str) else path
    files = [file for p in paths for file in find_results(Path(p))]
    if len(files) > MANY:
        raise InputError(
            f"Expected results of up to {MANY} images, but these are of {len(files)}; "
            "open the NAME.json files of those that you want to see."
        )
    found = [(file, load_results(file)) for file in files]
    layers = []
    for file, results in found:
        made = [make_layer(new) for new in layers_of(results)]
        made[-1].metadata[RESULTS_FILE] = str(file.resolve())
        layers += made
    return layers


def layers_of(results: Results) -> list[NewLayer]:
    """The layers that the Segment widget makes; the image first, if it is there."""
    ndim = 2 if results.frames is None else 3
    placement = {
        "scale": np.ones(ndim),
        "translate": np.zeros(ndim),
        "rotate": np.eye(ndim),
        "shear": np.zeros(ndim * (ndim - 1) // 2),
        "affine": np.eye(ndim + 1),
        **results.placement,
    }
    file = None if results.image is None else str(results.image.resolve())
    source = Source(results.name, None, False, results.frames, placement, file)
    first = results.segmentations[0].provenance
    make = kept_layers if first.get("made_from") == WHAT_IF else new_layers
    made = make(source, results.segmentations)
    for new in made:
        # Where the image lay at the time of the run stays what provenance says.
        new.options["metadata"][METADATA]["source"] = results.source
        if file is not None:  # two results may be of images of one name
            new.options["metadata"][IMAGE_FILE] = file
    return [*_image_layer(source, results), *made]


def _image_layer(source: Source, results: Results) -> list[NewLayer]:
    if source.file is None:
        return []
    try:
        pixels = read_image(Path(source.file))
    except AttnSegError as error:
        show_warning(f"The image is left out: {error}")
        return []
    stack = pixels[None] if results.frames is None else pixels
    frame = results.segmentations[0].provenance.get("frame")
    if frame is not None:  # a what-if is of one frame
        stack = pixels = stack[frame : frame + 1]
    wanted = [s.provenance.get("image_sha256") for s in results.segmentations]
    if [array_sha256(frame) for frame in stack] != wanted:
        show_warning(
            f"{source.file} does not hold the pixels that were segmented, so it is "
            "left out; open the image that belongs to these results yourself."
        )
        return []
    options = {
        "name": source.name,
        "rgb": stack.ndim == 4,
        "metadata": {IMAGE_FILE: source.file if frame is None else None},
        **source.placement,
    }
    return [NewLayer("Image", pixels, options)]
