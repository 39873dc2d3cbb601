"""``attnseg export``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from napari_attnseg.commands.console import say
from napari_attnseg.commands.report import ResultsInputs, tell_of_folders
from napari_attnseg.errors import InputError
from napari_attnseg.exit_codes import SOME_FAILED, WRONG_USE
from napari_attnseg.how_many import how_many
from napari_attnseg.usage import output_folder


class MaskFormat(StrEnum):
    """Formats for exported masks."""

    DICOM = "dicom"
    NIFTI = "nifti"
    COCO = "coco"
    LABELS_PNG = "labels-png"


def export(
    results: ResultsInputs,
    out: Annotated[
        Path, typer.Option(help="Folder for the files.", callback=output_folder)
    ],
    kind: Annotated[MaskFormat, typer.Option("--format", help="Format of the masks.")],
    source: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DICOM",
            help="For dicom: the file or folder that was segmented, if the results "
            "do not name it. May be repeated.",
        ),
    ] = None,
    code: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLASS=SCHEME,VALUE,MEANING[,anatomy]",
            help="For dicom: what a class is, such as "
            "liver=SCT,10200004,Liver,anatomy. May be repeated.",
        ),
    ] = None,
    keep_identifiers: Annotated[
        bool,
        typer.Option(
            "--keep-identifiers",
            help="For dicom: copy patient and study from the source, which an "
            "archive needs. They are left empty by default.",
        ),
    ] = False,
) -> None:
    """Write masks of results as DICOM, NIfTI, COCO or plain PNG.

    dicom writes NAME_seg.dcm, a DICOM SEG with a segment per class that refers to the
    source, and NAME_sr.dcm, a structured report (TID 1500) with the area of each, in
    mm² if the source says the size of a pixel, otherwise in pixels. nifti writes
    NAME_labels.nii.gz. coco writes one annotations.json for all results, with a
    run-length code per object. labels-png writes NAME_labels.png, with the number of
    the class in each pixel. Files of these names are replaced, unless they were changed
    since attnseg export wrote them. A result that cannot be exported is named and
    skipped; the exit code is then 1.
    """
    from napari_attnseg.exports import load_masks
    from napari_attnseg.exports.dicom_codes import parse_codes
    from napari_attnseg.exports.masks import expect_masks
    from napari_attnseg.io.atomic import write_together
    from napari_attnseg.io.segmented_pixels import expect_same_image

    if kind is not MaskFormat.DICOM and (source or code or keep_identifiers):
        raise InputError(
            f"Expected no --source, --code or --keep-identifiers for {kind}, as they "
            "are for --format dicom; leave them out."
        )
    codes = parse_codes(code or [])
    found = [file for path in results for file in expect_masks(path)]
    series, written, failed = [], 0, 0
    tell_of_folders(results, found)
    from napari_attnseg.exports.record import Exported

    with Exported(out) as record:
        for file in dict.fromkeys(found):
            try:
                one = load_masks(file)
                expect_same_image(file, one.image)
                if one.assumed:
                    say(one.assumed)
                if kind is MaskFormat.COCO:
                    series.append(one)
                    continue
                if kind is MaskFormat.DICOM:
                    from napari_attnseg.exports.dicom import dicom_files

                    parts = dicom_files(one, source or (), codes, keep_identifiers)
                elif kind is MaskFormat.NIFTI:
                    from napari_attnseg.exports.volumes import nifti_bytes

                    parts = {f"{one.stem}_labels.nii.gz": nifti_bytes(one)}
                else:
                    from napari_attnseg.exports.volumes import png_files

                    parts = png_files(one)
                record.expect_unchanged(parts)
            except InputError as error:
                say(f"{file.name}: {error}")
                failed += 1
                continue
            write_together({out / name: data for name, data in parts.items()})
            record.note(parts)
            written += len(parts)
        if series:
            from napari_attnseg.exports.coco import coco_json, repeated_words

            if repeated := repeated_words(series):
                say(repeated)
            parts = {"annotations.json": coco_json(series)}
            record.expect_unchanged(parts)
            write_together({out / name: data for name, data in parts.items()})
            record.note(parts)
            written += 1
    done = len(dict.fromkeys(found)) - failed
    files = how_many(written, "file")
    say(f"{done} of {done + failed} results exported: {files} in {out}.")
    if kind is MaskFormat.DICOM and done and not keep_identifiers:
        say(
            "Patient and study were left empty; --keep-identifiers writes them, as an "
            "archive needs it."
        )
    if failed:
        raise typer.Exit(SOME_FAILED if done else WRONG_USE)
