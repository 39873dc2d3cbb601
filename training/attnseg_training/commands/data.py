"""Commands on data: ``datasets``, ``check`` and ``frames``."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_attnseg.exit_codes import SOME_FAILED
from napari_attnseg.how_many import how_many
from napari_attnseg.usage import output_file, output_folder

DOWNLOAD = "fetch it: attnseg-train datasets --download {} --out FOLDER"
#: Findings of one kind that are shown; the JSON has all.
SHOWN = 10


def datasets_command(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a machine-readable list.")
    ] = False,
    download: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Data set to download, if its licence allows that; needs --out.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="New folder for the downloaded data.", callback=output_folder
        ),
    ] = None,
) -> None:
    """List the data sets whose folders are recognised, or download one."""
    from attnseg_training.datasets import DATASETS

    if download is not None or out is not None:
        _download(download, out)
        return
    if as_json:
        rows = [{"name": name, **_facts(spec)} for name, spec in DATASETS.items()]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.padding import Padding

    console = Console(highlight=False)
    for name, spec in DATASETS.items():
        console.print(f"[bold]{name}[/]: {spec.title}")
        lines = [
            *(f"{layout.title}: {layout.expected}" for layout in spec.layouts),
            f"classes: {', '.join(spec.classes)}; {spec.masks}",
            f"splits: {spec.splits}",
            f"licence: {spec.licence}",
            f"cite: {spec.citation}",
            *([spec.url] if spec.url else []),
            *(
                [f"{DOWNLOAD.format(name)} ({one.mb} MB)"]
                if (one := spec.archive)
                else []
            ),
        ]
        for line in lines:
            console.print(Padding(line, (0, 0, 0, 4)), markup=False)
        console.print()


def _download(name: str | None, out: Path | None) -> None:
    """Show size, source and licence, download, and print the folder."""
    from attnseg_training import datasets
    from attnseg_training.commands.console import console
    from napari_attnseg.errors import InputError

    if name is None or out is None:
        raise InputError("A download needs both --download NAME and --out FOLDER.")
    archive, spec = datasets.archive_of(name), datasets.DATASETS[name]
    console.print(
        f"Downloading {spec.title}: {archive.mb} MB from {archive.url}\n"
        f"Licence: {spec.licence}\nCite: {spec.citation}",
        markup=False,
    )
    print(datasets.download(name, out.expanduser()))


def check_command(
    folder: Annotated[
        Path, typer.Argument(help="Data folder, or NAME:FOLDER; see `datasets`.")
    ],
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", help="JSON file to write all findings to.", callback=output_file
        ),
    ] = None,
) -> None:
    """Check every image and mask of a folder; exit code 1 if anything is wrong."""
    from attnseg_training.commands.console import counted
    from attnseg_training.datasets.check import check
    from napari_attnseg.io.atomic import write_text

    with counted("checking") as watch:
        report = check(folder, watch=watch)
    found = report.to_json()
    if json_file is not None:
        write_text(json_file, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    print("\n".join(_words(found)))
    if found["findings"]:
        raise typer.Exit(SOME_FAILED)


def frames_command(
    images: Annotated[
        Path,
        typer.Argument(help="Film, volume, or DICOM file or folder of one series."),
    ],
    masks: Annotated[
        Path,
        typer.Argument(
            help="Volume or DICOM file with a mask per frame, DICOM SEG, or folder of "
            "pictures named by the number of the frame, such as frame_000120_mask.png, "
            "or as the files of a series."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Training set to add to, or a new folder.", callback=output_folder
        ),
    ],
    every: Annotated[
        int, typer.Option(metavar="N", help="Take every Nth frame that has a mask.")
    ] = 1,
    first_number: Annotated[
        int | None,
        typer.Option(
            "--first-number",
            metavar="N",
            min=0,
            help="For a folder of masks: number of the film's first frame in their "
            "names, such as 1 for FFmpeg. Default: 0.",
        ),
    ] = None,
    own_frames: Annotated[
        bool,
        typer.Option(
            "--own-frames",
            help="Masks count the film's own frames, not those of an export at a "
            "constant or a lower rate, or the slices of a series by position, not by "
            "the names of its files.",
        ),
    ] = False,
    skip_empty: Annotated[
        bool | None,
        typer.Option(
            "--skip-empty/--keep-empty",
            help="Frames whose mask is empty were not marked, and are left out, or "
            "have no lesion. Default: they have none, but the command asks if they "
            "take turns with lesions.",
        ),
    ] = None,
) -> None:
    """Extract frames and their masks from a film, a series or a volume, for --data.

    Writes images/ and masks/ of all frames that have a mask. Masks are read as those of
    a data set; masks of NIfTI and DICOM files are brought on the grid of the images. If
    the file gives a window, values become 8-bit by this window.
    """
    from attnseg_training.commands.console import console
    from attnseg_training.datasets.frames import frames_to_training_set

    told: list[str] = []
    how = every, told.append, first_number, own_frames, skip_empty
    done = frames_to_training_set(images, masks, out, *how)
    count = sum(1 for _ in done)
    for one in told:
        console.print(one, style="yellow", markup=False, soft_wrap=True)
    print(f"{how_many(count, 'frame')} with masks in {out}.")
    print(
        "Frames of one film look alike: list each film as a whole in splits/train.txt, "
        "val.txt or test.txt, and name all three."
    )


def _facts(spec: Any) -> dict[str, Any]:
    """Return the fields of a spec without its file name patterns."""
    facts = asdict(spec)
    facts["layouts"] = [
        {"title": one.title, "expected": one.expected} for one in spec.layouts
    ]
    return facts


def _grouped(findings: list[dict[str, str]]) -> list[str]:
    """Sentences, of those that differ in a name only the first one.

    Or in a list of names that begin with it, as those of several masks.
    """
    groups: dict[str, list[dict[str, str]]] = {}
    for one in findings:
        own = re.escape(one["name"])
        name = re.compile(rf"(?<!\w){own}(\.\w+)*(?!\w)")
        mask = rf"(?<!\w){own}[_\-.(#~+/][^\s,']*"
        further = re.compile(rf"{mask}(, {mask})*( …)?")
        shown = one["text"]
        if one["kind"] == "several masks":
            shown = further.sub("\0", shown)
        groups.setdefault(name.sub("\0", shown), []).append(one)
    said = []
    for first, *others in groups.values():
        named = ", ".join(one["name"] for one in others[:SHOWN])
        if others[SHOWN:]:
            named += f" and {len(others) - SHOWN} more; --json FILE names all"
        also = f" (The same is said of {named}.)" if others else ""
        said.append(first["text"] + also)
    return said


def _words(found: dict[str, Any]) -> list[str]:
    """Format a report as lines for a reader."""
    from attnseg_training.datasets.finding_kinds import FINDINGS
    from attnseg_training.datasets.lesion_kinds import counted_kinds
    from napari_attnseg.io.folders import left_out_words

    def counts(part: str) -> str:
        rows = list(found[part].items())
        more = f", {len(rows) - 5} more" if len(rows) > 5 else ""
        return ", ".join(f"{name} ({n})" for name, n in rows[:5]) + more

    lines = [
        f"{found['dataset']} (layout: {found['layout']}), "
        f"{how_many(found['images'], 'image')}",
        f"splits: {counts('splits')}; {found['protocol']}",
        f"sizes: {counts('sizes')}",
        f"images: {counts('image_values')}",
        f"mask values: {counts('mask_values')}",
    ]
    if len(lesions := found["lesion_values"]) > 1:
        held = counted_kinds([(one["value"], one["masks"]) for one in lesions])
        colours = len(lesions[0]["value"]) > 1
        rule = "each colour but the background's" if colours else "each number but 0"
        lines.append(f"lesion is {rule}: {held}")
    read = found["masks_read"]
    read = "" if read == found["images"] else f" of {read} readable"
    for name, one in found["classes"].items():
        share = f"{100 * one['pixels']:.1f} % of all pixels"
        images = (
            f"{one['images']}{read} images"
            if read
            else how_many(one["images"], "image")
        )
        lines.append(f"class {name}: in {images}, {share}")
    if found["empty_masks"]:
        lines.append(f"images with nothing in their masks: {found['empty_masks']}")
    if further := found["further_masks"]:
        done = "united" if further["rule"] == "unite" else "left out"
        images, masks = further["images"], further["masks"]
        lines.append(f"further masks: {masks} of {images} images, {done}")
    for kind, count in found["counts"].items():
        stops = "; fit stops" if kind in found["stops_training"] else ""
        lines.append(f"\n{kind} ({count}): {FINDINGS[kind]}{stops}")
        texts = _grouped([one for one in found["findings"] if one["kind"] == kind])
        lines += [f"  {text}" for text in texts[:SHOWN]]
        if texts[SHOWN:]:
            lines.append(f"  … and {len(texts) - SHOWN} more; --json FILE has all")
    if not found["findings"] and not found["warnings"]:
        lines.append("\nNothing is wrong.")
    lines += [f"\n{one['text']}" for one in found["warnings"]]
    if found["left_out"]:
        lines.append(f"\n{left_out_words(found['left_out'])}.")
    return lines
