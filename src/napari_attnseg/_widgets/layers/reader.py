"""napari's reader of results and of explanations that the commands wrote. No Qt.

It makes the layers that the Segment and Explain widgets make. It returns layers, not
layer data tuples: a tuple can carry neither the outline of a mask nor a colour bar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from napari.utils.notifications import show_warning

from napari_attnseg._widgets.layers.derived_layers import (
    kept_layers,
    smoothed_layers,
)
from napari_attnseg._widgets.layers.display import make_layer
from napari_attnseg._widgets.layers.file_reader import file_layer
from napari_attnseg._widgets.layers.film_reader import film_layers
from napari_attnseg._widgets.layers.metadata import (
    IMAGE_FILE,
    IMAGE_ORIENTATION,
    derivation_of,
    record_of,
    set_record,
    set_results_file,
)
from napari_attnseg._widgets.layers.new_layers import (
    NewLayer,
    explanation_layer,
    new_layers,
)
from napari_attnseg._widgets.layers.record import Derivation
from napari_attnseg._widgets.layers.source import ORIENTATION, Source
from napari_attnseg.axes import read_array
from napari_attnseg.batch.done import SETTINGS
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.explanations import is_explanation, load_explanation
from napari_attnseg.io.frame_results import find_frame_results
from napari_attnseg.io.images import read_image
from napari_attnseg.io.readers import find_sets, open_frames
from napari_attnseg.io.readers.facts import FILE_FACTS
from napari_attnseg.io.results import Results, load_results
from napari_attnseg.io.saved_results import find_results
from napari_attnseg.results import Segmentation

#: What layers are made of results that are no run's own output.
_MAKERS: dict[Derivation | None, Callable[..., list[NewLayer]]] = {
    Derivation.WHAT_IF: kept_layers,
    Derivation.SMOOTHED: smoothed_layers,
}
#: More images than this from one folder would fill the layer list with hundreds.
MANY = 20


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[Any]] | None:
    """Return the reader for a results folder or a JSON file in it, else None."""
    first = Path(path if isinstance(path, str) else path[0])
    found = find_results(first) or find_frame_results(first)
    return read if found or find_explanations(first) else None


def find_explanations(path: Path) -> list[Path]:
    """JSON files of explanations at a path: the file itself, or those in the folder."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    return [file for file in files if is_explanation(file)]


def read(path: str | list[str]) -> list[Any]:
    """Layers of a results folder, or of single JSON files from it.

    Raises
    ------
    InputError
        If a file is missing or damaged, or a folder holds too many images.
    """
    paths = [Path(p) for p in ([path] if isinstance(path, str) else path)]
    files = [file for p in paths for file in find_results(p)]
    films = [file for p in paths for file in find_frame_results(p)]
    # Of a folder with results, its explanations are opened one by one, if asked for.
    plain = [p for p in paths if not (find_results(p) or find_frame_results(p))]
    maps = [file for p in plain for file in find_explanations(p)]
    count = len(files) + len(films) + len(maps)
    if count > MANY:
        raise InputError(
            f"Expected results of up to {MANY} images, but these are of "
            f"{count}; open the NAME.json files of those that you "
            "want to see."
        )
    found = [(file, load_results(file)) for file in files]
    layers = []
    for file, results in found:
        if results.assumed:
            show_warning(results.assumed)
        made = [make_layer(new) for new in layers_of(results)]
        _refer_to_image(made)
        set_results_file(made[-1], file)
        layers += made
    for file in films:
        layers += film_layers(file)
    for file in maps:
        made = [make_layer(new) for new in layers_of_explanation(file)]
        _refer_to_image(made)
        layers += made
    return layers


def _refer_to_image(layers: list[Any]) -> None:
    """Refer from the layers of a result to the image layer that is read with them."""
    first, *rest = layers
    if record_of(first) is not None:
        return  # the image was left out
    for layer in rest:
        record = record_of(layer)
        if record is not None:
            image = replace(record.image, layer_id=str(first.unique_id))
            set_record(layer, replace(record, image=image))


def layers_of(results: Results) -> list[NewLayer]:
    """Make the layers of the Segment widget, above the image if it is found."""
    placement = {**unplaced(2 if results.frames is None else 3), **results.placement}
    file = None if results.image is None else str(results.image.resolve())
    source = Source(
        results.name,
        None,
        False,
        results.frames,
        placement,
        file,
        # Where the image lay at the time of the run stays what provenance says.
        recorded=results.source,
    )
    # By that key a command knows what it need not do again; what is saved from layers
    # may have been edited.
    found = [_without(one, SETTINGS) for one in results.segmentations]
    first = found[0].provenance
    derivation = derivation_of(first)
    make = _MAKERS.get(derivation, new_layers)
    made = make(source, found)
    hashes = [one.provenance.get("image_sha256") for one in found]
    return [*_image_layer(source, hashes, first), *made]


def _without(result: Segmentation, key: str) -> Segmentation:
    facts = {k: value for k, value in result.provenance.items() if k != key}
    return replace(result, provenance=facts)


def layers_of_explanation(file: Path) -> list[NewLayer]:
    """Make the layers of the Explain widget, above the image if it is found.

    If there are maps of several gates, only the coarsest is visible.
    """
    saved = load_explanation(file)
    image = None if saved.image is None else str(saved.image.resolve())
    source = Source(
        saved.name, None, False, None, unplaced(2), image, recorded=saved.source
    )
    first = saved.maps[0].provenance
    coarse_last = sorted(saved.maps, key=lambda found: found.level or 0)
    made = [explanation_layer(source, found, 0) for found in coarse_last]
    for hidden in made[:-1]:
        hidden.options["visible"] = False
    return [
        *_image_layer(source, [first.get("image_sha256")], {**first, "frame": None}),
        *made,
    ]


def unplaced(ndim: int) -> dict[str, Any]:
    """Placement of a layer of `ndim` axes that was not moved, turned or scaled."""
    return {
        "scale": np.ones(ndim),
        "translate": np.zeros(ndim),
        "rotate": np.eye(ndim),
        "shear": np.zeros(ndim * (ndim - 1) // 2),
        "affine": np.eye(ndim + 1),
    }


def _image_layer(
    source: Source, hashes: list[str | None], run: Mapping[str, Any]
) -> list[NewLayer]:
    """The image of a result, if its file still holds the pixels of these hashes."""
    if source.file is None:
        return []
    frame = run.get("frame")
    if FILE_FACTS in run:
        return _opened_again(source, hashes, int(frame or 0))
    for upright in (True, False):
        # The commands read a file upright; napari's own reader shows it as it is
        # stored, so results of such a layer lie on that.
        try:
            pixels = read_array(read_image(Path(source.file), upright), run)
        except AttnSegError as error:
            show_warning(f"The image is left out: {error}")
            return []
        stack = pixels[None] if source.frames is None else pixels
        if frame is not None:  # a what-if is of one frame
            stack = pixels = stack[frame : frame + 1]
        if len(stack) == len(hashes) and all(
            sha256 in (None, array_sha256(one))
            for one, sha256 in zip(stack, hashes, strict=True)
        ):
            break
    else:
        show_warning(_other_pixels(source))
        return []
    options = {
        "name": source.name,
        "rgb": stack.ndim == 4,
        **source.placement,
    }
    known: dict[str, Any] = {IMAGE_FILE: source.file if frame is None else None}
    if upright and ORIENTATION in run:
        known[IMAGE_ORIENTATION] = run[ORIENTATION]
    return [NewLayer("Image", pixels, options, metadata=known)]


def _opened_again(
    source: Source, hashes: list[str | None], first: int
) -> list[NewLayer]:
    """A DICOM file, a film or a volume as our reader opens it, if it is the same."""
    assert source.file is not None
    try:
        (files,) = find_sets([Path(source.file)])
        with open_frames(files) as frames:
            same = first + len(hashes) <= len(frames) and all(
                array_sha256(frames[first + i]) == hashes[i] for i in _some(hashes)
            )
        layer = file_layer(files)
    except (AttnSegError, ValueError) as error:
        show_warning(f"The image is left out: {error}")
        return []
    if not same:
        show_warning(_other_pixels(source))
        return []
    options = {
        "name": source.name,
        "rgb": layer.rgb,
        "contrast_limits": layer.contrast_limits,
        **source.placement,
    }
    data = layer.data if source.frames is not None or layer.ndim == 2 else None
    if data is None:  # a what-if is of one frame
        data = layer.data[first : first + 1]
    return [NewLayer("Image", data, options, metadata=dict(layer.metadata))]


def _some(hashes: list[str | None]) -> list[int]:
    """Three frames that were segmented: a film is not to be decoded as a whole."""
    done = [index for index, found in enumerate(hashes) if found]
    return sorted({done[i] for i in (0, len(done) // 2, -1)}) if done else []


def _other_pixels(source: Source) -> str:
    return (
        f"{source.file} does not hold the pixels that were segmented, so it is left "
        "out; open the image that belongs to these results yourself."
    )
