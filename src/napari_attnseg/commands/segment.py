"""``attnseg segment``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_attnseg.collection import without_collection
from napari_attnseg.commands.console import (
    Inputs,
    IntensityName,
    IntensityWindow,
    ResultsFolder,
    SegmentingDevice,
    Threads,
    Weights,
    Wording,
    intensity_rule,
    process,
)
from napari_attnseg.threads import use_threads
from napari_attnseg.weights import DEFAULT_WEIGHTS


def segment(
    inputs: Inputs,
    out: ResultsFolder,
    weights: Weights = DEFAULT_WEIGHTS,
    device: SegmentingDevice = "auto",
    threads: Threads = 0,
    precision: Annotated[
        str,
        typer.Option(
            help="Precision: fp32, or auto, which uses float16 on a GPU. Masks of "
            "float16 have not been compared with those of fp32 on a GPU yet."
        ),
    ] = "fp32",
    objects: Annotated[
        bool,
        typer.Option(
            "--objects", help="Also write a CSV table of each image's objects."
        ),
    ] = False,
    flip: Annotated[
        bool,
        typer.Option(
            "--flip",
            help="Test-time augmentation: average over the mirror images; takes four "
            "times as long.",
        ),
    ] = False,
    gate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LEVEL=PSI",
            help="Force a gate: 1/32=0.5, 1/4=CNN, 1/8=transformer, 1/16=mean, or by "
            "a map: 1/4=NAME_gate_1-4.tif. May be repeated.",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Probability threshold in [0, 1] instead of the model card's."
        ),
    ] = None,
    smooth: Annotated[
        float,
        typer.Option(
            help="Smooth the probability before the threshold with a Gaussian of this "
            "standard deviation, in pixels."
        ),
    ] = 0.0,
    min_size: Annotated[
        int,
        typer.Option(help="Remove objects with fewer pixels than this from the mask."),
    ] = 0,
    fill_holes: Annotated[
        bool, typer.Option("--fill-holes", help="Fill the holes of objects.")
    ] = False,
    keep_largest: Annotated[
        bool,
        typer.Option("--keep-largest", help="Keep only the largest object."),
    ] = False,
    readers: Annotated[
        bool,
        typer.Option(
            "--readers",
            help="Also write the masks by the CNN alone and by the transformer alone, "
            "and where they disagree.",
        ),
    ] = False,
    intensity: IntensityName = None,
    window: IntensityWindow = None,
    box: Annotated[
        str | None,
        typer.Option(
            metavar="ROW0,COLUMN0,ROW1,COLUMN1",
            help="Segment only this box of each image, in pixels from the top left; "
            "the result says nothing about what lies outside it.",
        ),
    ] = None,
    tile: Annotated[
        bool,
        typer.Option(
            "--tile",
            help="Segment each image at its own resolution, in overlapping tiles of "
            "the network's size, instead of as a whole; for weights that "
            "were trained on small structures.",
        ),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Skip images that have results already, made from the same pixels, "
            "weights and settings.",
        ),
    ] = False,
    replace_edited: Annotated[
        bool,
        typer.Option(
            "--replace-edited",
            help="Replace also masks of earlier results that were changed by hand "
            "since. Without it, their images are named and skipped.",
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Segment in N processes on this machine, each with its own GPU if "
            "there are several. Needs the extra 'cluster'; resumes an earlier "
            "run.",
            min=1,
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Segment on the workers of a Dask scheduler, such as "
            "tcp://host:8786, which must have access to the same folders. "
            "Needs the extra 'cluster'; resumes an earlier run.",
        ),
    ] = None,
    medsam: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of MedSAM. It is prompted with a box around each object "
            "of the mask, and its mask and probability are written instead.",
        ),
    ] = None,
    medsam_margin: Annotated[
        float | None,
        typer.Option(
            help="Margin of MedSAM's box on each side, in pixels of its 1024×1024 "
            "input. Default: 20, the largest margin in its training."
        ),
    ] = None,
    every: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="For a film or a volume: segment every Nth frame, from the first on.",
        ),
    ] = 1,
    smooth_time: Annotated[
        int,
        typer.Option(
            metavar="K",
            help="For a film or a volume: take the running median of the "
            "probability over K frames (an odd number) before the threshold; "
            "1: no smoothing.",
        ),
    ] = 1,
    overlay: Annotated[
        bool,
        typer.Option(
            "--overlay/--no-overlay",
            help="For a film or a volume: write a video with the outline of each mask.",
        ),
    ] = True,
    keep_identifiers: Annotated[
        bool,
        typer.Option(
            "--keep-identifiers",
            help="Keep what DICOM files say about the patient in the results. It "
            "is left out by default.",
        ),
    ] = False,
) -> None:
    """Write mask, probability, gate maps and provenance of each image.

    For an image, it writes NAME_mask.png (0 and 255; 1, 2 … for several classes),
    NAME_probability.tif, NAME_gate_1-4.tif to NAME_gate_1-32.tif (float32; NAME.json
    says which encoder 0 and 1 stand for; a model without gates writes none), and
    NAME.json, which napari opens as layers. --objects adds NAME_objects.csv, a row per
    connected object, in pixels. --readers adds NAME_mask_cnn.png,
    NAME_mask_transformer.png, their probabilities and NAME_mask_disagree.png, with
    areas and agreement (Dice) in NAME.json.

    For a film, a volume, or a DICOM file or series with several images, it writes
    NAME/frame_000000_mask.png for each frame, NAME_frames.csv with a row for each,
    NAME_overlay.mp4 and NAME.json. Ctrl-C keeps the frames that are done.

    An image with an EXIF, XMP or TIFF orientation is turned upright first, and its
    results belong to the upright image. An image that cannot be read is named and
    skipped; the exit code is then 1. Other files of a folder are counted by kind at
    the end. Earlier results of the same image are replaced, but not masks that were
    changed by hand (unless --replace-edited is given), nor files with these names that
    belong to another image.
    """
    from napari_attnseg.batch import (
        Batch,
        FilesBatch,
        SegmentOptions,
        segment_files,
    )
    from napari_attnseg.boxes import parse_box
    from napari_attnseg.forced_gates import parse_gates

    options = SegmentOptions(
        gates=parse_gates(gate or []),
        threshold=threshold,
        smoothing=smooth,
        min_size=min_size,
        fill_holes=fill_holes,
        largest=keep_largest,
        flip=flip,
        objects=objects,
        medsam=medsam,
        medsam_margin=medsam_margin,
        intensity=intensity_rule(intensity, window),
        readers=readers,
        box=None if box is None else parse_box(box),
        tile=tile,
        resume=resume,
        replace_edited=replace_edited,
        precision=precision,
    )
    batch: Batch | FilesBatch
    with without_collection(for_good=True):
        use_threads(threads)
        if workers is None and scheduler is None:
            given = every, overlay, keep_identifiers, smooth_time
            batch = segment_files(inputs, out, weights, device, options, *given)
        else:
            from napari_attnseg.batch.cluster import segment_on_cluster

            where = workers, scheduler, threads
            batch = segment_on_cluster(inputs, out, weights, device, options, *where)
    try:
        process(batch, Wording("segmenting", "segmented", "mask"), out)
    finally:
        if isinstance(batch, FilesBatch):
            batch.close()  # Ctrl-C keeps what is done of a film
