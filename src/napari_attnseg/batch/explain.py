"""Explain many images with one method; write files and yield one outcome per image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.batch.base import (
    Batch,
    Note,
    check_not_inputs,
    intensity_notes,
    model_notes,
    not_images,
    result_stems,
    would_replace,
)
from napari_attnseg.batch.file_notes import picture_notes
from napari_attnseg.batch.here import Steps, Write, process
from napari_attnseg.devices import resolve_device
from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.intensity import Intensity, Window, parse_intensity
from napari_attnseg.io.explanations import (
    SavedExplanation,
    explanation_files,
    foreign_explanation,
    save_explanation,
)
from napari_attnseg.io.images import UprightImage, find_images, read_image
from napari_attnseg.io.readers import FileSet, find_sets, read_picture
from napari_attnseg.io.readers.facts import FILE_FACTS, FileFacts
from napari_attnseg.io.readers.formats import FileFormat, file_format
from napari_attnseg.io.readers.window import rule_of_picture
from napari_attnseg.spec import STRIDES
from napari_attnseg.weights import DEFAULT_WEIGHTS


def explain_images(
    inputs: Sequence[Path],
    out: Path,
    method: str,
    weights: str | Path = DEFAULT_WEIGHTS,
    device: str = "auto",
    levels: Sequence[int] | None = None,
    region: Path | None = None,
    intensity: Intensity | str | None = None,
    frame: int | None = None,
) -> Batch:
    """Explain images and write the maps of each, as ``attnseg explain`` does.

    Everything that can be checked without an image is checked at once; images are read,
    explained and written one by one while the returned batch is iterated over.

    Parameters
    ----------
    inputs : sequence of Path
        Images, or folders of them.
    out : Path
        Folder for the results.
    method : str
        Name in `explanations.EXPLAINERS`, as `explanations.method_name` reads it.
    weights : str or Path
        Bundled name or ``.safetensors`` file.
    device : str
        ``auto``, ``cpu``, ``cuda:0``, ``mps`` …
    levels : sequence of int, optional
        Strides, for methods with a map per level; 32 by default.
    region : Path, optional
        Mask of the region whose mean logit is explained. It is not 0 inside the region,
        and has the size of the images. Default: the model's own mask.
    intensity : Percentiles, Window or str, optional
        How values become [0, 1], as for `Segmenter.segment`; by default, the rule of
        the model card.
    frame : int, optional
        Number of the frame, from 0, to explain in each film, series or volume. None:
        only files that hold one image are explained.

    Returns
    -------
    Batch

    Raises
    ------
    UnknownNameError, CheckpointError, DeviceError
        If the method, the weights or the device cannot be used.
    InputError
        If there is no image, the model or the region does not suit the method, or a
        file in `out` would be replaced that is no earlier explanation of the same image
        with the same method.
    """
    from napari_attnseg.explanations import EXPLAINERS, method_id, method_name
    from napari_attnseg.explanations.run import check_method, run_explainer
    from napari_attnseg.figures import explanation_png
    from napari_attnseg.inference import Segmenter

    name = method_name(method)
    explainer, in_files = EXPLAINERS[name], method_id(name)
    strides = _levels(name, explainer.per_gate, levels)
    target = _target(name, explainer.targeted, region)
    files = _labelled(inputs, frame)
    stems = result_stems(list(files))
    if frame is not None:
        stems = {path: f"{stem}_frame_{frame:06d}" for path, stem in stems.items()}
    written = strides if explainer.per_gate else [None]
    _check_results_folder(out, inputs, stems, in_files, written)
    segmenter = Segmenter.from_checkpoint(weights, resolve_device(device))
    check_method(explainer, segmenter, strides)
    rule = parse_intensity(intensity, segmenter.card.preprocessing.intensity)
    where = (
        {} if target is None else {"file": str(region), "sha256": array_sha256(target)}
    )

    facts: dict[Path, FileFacts] = {}

    def read(path: Path, stem: str, notes: list[Note]) -> UprightImage:
        found = read_picture(files[path], frame)
        notes += picture_notes(found)
        if Note.EXIF_ORIENTATION in notes and region is not None:
            notes.append(Note.REGION_UPRIGHT)
        if found.facts is not None:
            facts[path] = found.facts
        return found

    def compute(path: Path, stem: str, notes: list[Note], found: UprightImage) -> Write:
        image = found.pixels
        turn: dict[str, object] = {"orientation": found.orientation, **found.noted}
        if found.facts is not None:
            turn[FILE_FACTS] = found.facts.to_provenance()
        if frame is not None:
            turn["frame"] = frame
        asked = intensity is not None
        shown, converted = rule_of_picture(found, rule, path.name, asked)
        turn |= converted
        notes += [Note.CALIBRATED] * bool(converted)
        explained = run_explainer(
            name, explainer, segmenter, image, strides, target, intensity=shown
        )
        maps = [
            replace(one, provenance={**one.provenance, **turn}) for one in explained
        ]
        given = isinstance(intensity, Window)
        notes += intensity_notes(maps[0].provenance, given)
        if target is None:
            own = segmenter(image, intensity=shown)
            outline, outlined = own.mask, "the model's own mask"
        else:
            outline, outlined = target.astype(np.uint8), "the explained region"
        named = path.name if frame is None else f"{path.name} frame {frame}"
        title = f"{named}, model '{segmenter.card.spec.name}'"
        picture = explanation_png(image, maps, outline, outlined, title)
        here = where
        if Note.REGION_UPRIGHT in notes:
            here = {**where, "note": str(Note.REGION_UPRIGHT)}
        image_file = path if files[path] == path else None
        name_of_image = path.stem if frame is None else stem
        saved = SavedExplanation(name_of_image, str(path), maps, image_file, here)
        return lambda: save_explanation(saved, out, stem, in_files, picture)

    notes = list(model_notes(segmenter, device))
    measured = [segmenter.card.gates.get(f"1/{stride}", {}) for stride in strides]
    if explainer.of_a_gate and any(gate.get("decorative") for gate in measured):
        notes.append(Note.DECORATIVE)
    work = partial(process, stems, Steps(read, compute, facts=facts))
    used = [one for found in files.values() for one in _paths_of(found)]
    return Batch(stems, work, tuple(notes), not_images(inputs, used))


def _paths_of(files: FileSet | Path) -> tuple[Path, ...]:
    return (files,) if isinstance(files, Path) else files.paths


def _labelled(inputs: Sequence[Path], frame: int | None) -> dict[Path, FileSet | Path]:
    """Name of each file in results and messages: a code for DICOM files.

    Raises
    ------
    InputError
        If there is no image, or no such frame.
    """
    if frame is not None:
        if frame < 0:
            raise InputError(
                f"Expected the number of a frame, from 0 on, but got {frame}; choose "
                "another --frame."
            )
        return {one.label: one for one in find_sets(inputs)}
    paths = find_images(list(inputs))
    scans = [path for path in paths if file_format(path) is FileFormat.DICOM]
    names = {one.paths[0]: one.label for one in find_sets(scans)} if scans else {}
    labelled: dict[Path, FileSet | Path] = {}
    for path in paths:
        labelled[names.get(path, path)] = path
    return labelled


def _levels(name: str, per_gate: bool, levels: Sequence[int] | None) -> list[int]:
    """Strides to explain; the one of a method without a map per level is not used."""
    if levels is None:
        return [STRIDES[-1]]
    if not per_gate and set(levels) != set(STRIDES):
        raise InputError(
            f"{name!r} gives one map for all levels, but a level was named; leave "
            "--level out."
        )
    return list(levels)


def _target(name: str, targeted: bool, region: Path | None) -> NDArray[np.bool_] | None:
    if region is None:
        return None
    if not targeted:
        raise InputError(
            f"{name!r} explains no region, but {region} was given as one; leave "
            "--region out."
        )
    inside: NDArray[np.bool_] = np.not_equal(read_image(region), 0)
    if inside.ndim == 3:  # a colour picture of a mask; alpha says nothing of it
        inside = np.any(inside[..., :3], axis=-1)
    return inside


def _check_results_folder(
    out: Path,
    inputs: Sequence[Path],
    stems: dict[Path, str],
    method: str,
    levels: Sequence[int | None],
) -> None:
    """Refuse, before any work, to replace what is no earlier explanation of these."""
    check_not_inputs(out, inputs)
    given = {path.resolve() for path in stems}
    for path, stem in stems.items():
        other = foreign_explanation(out, stem, method, levels, path)
        for name in explanation_files(stem, method, levels):
            if other is None and (out / name).resolve() in given:
                other = out / name
        if other is not None:
            raise would_replace(other, path)
