"""``attnseg``: segment images without a window, see the demo, list models."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_attnseg.errors import DeviceError, InputError
from napari_attnseg.exit_codes import SOME_FAILED, WRONG_USE, main_for

if TYPE_CHECKING:
    from napari_attnseg.medsam import Medsam

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Segment medical images and see which encoder each gate used where. "
    "Research use; not a diagnostic device.",
)

Weights = Annotated[
    str, typer.Option(help="Bundled name or .safetensors file from attnseg-train.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda:0, mps …")]


def _version(wanted: bool) -> None:
    if wanted:
        from napari_attnseg import __version__

        print(f"napari-attnseg {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show it."),
    ] = False,
) -> None:
    """Options of every command."""


@app.command()
def demo(
    out: Annotated[
        Path | None,
        typer.Option(help="Write one PNG there instead of opening napari."),
    ] = None,
    sample: Annotated[
        str, typer.Option(help="polyp, two-polyps or polyp-by-fold.")
    ] = "polyp",
    weights: Weights = "compact",
    device: Device = "auto",
) -> None:
    """Segment a bundled polyp image and look at its mask and gate maps."""
    from napari_attnseg._widgets.demo import show, why_no_window
    from napari_attnseg.inference import Segmenter
    from napari_attnseg.sample_data import ATTRIBUTION, sample_image, sample_mask

    image = sample_image(sample)
    segmenter = Segmenter.from_checkpoint(weights, device)
    result = segmenter(image)
    reason = "" if out is not None else why_no_window()
    if out is None and not reason:
        show(image, result, sample)
        return
    if reason:
        print(f"{reason}; writing a picture instead.", file=sys.stderr)
    from napari_attnseg.figures import summary_png
    from napari_attnseg.io.atomic import write_bytes

    folder = out if out is not None else Path.cwd()
    path = folder / f"attnseg-demo-{sample}.png"
    name = segmenter.card.spec.name
    title = f"Sample image '{sample}', model '{name}'\n{ATTRIBUTION}"
    write_bytes(path, summary_png(image, result, title, sample_mask(sample)))
    print(path)


@app.command()
def segment(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="IMAGE_OR_FOLDER…", help="Images, or folders of them."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    weights: Weights = "compact",
    device: Device = "auto",
    objects: Annotated[
        bool,
        typer.Option("--objects", help="Also a table of each image's objects, as CSV."),
    ] = False,
    flip: Annotated[
        bool,
        typer.Option("--flip", help="Average over mirror images: four times as long."),
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
        float | None, typer.Option(help="Instead of the model card's, in [0, 1].")
    ] = None,
    smooth: Annotated[
        float,
        typer.Option(help="Smooth the probability first: a Gaussian's SD, px."),
    ] = 0.0,
    min_size: Annotated[
        int, typer.Option(help="Drop objects of fewer pixels from the mask.")
    ] = 0,
    fill_holes: Annotated[
        bool, typer.Option("--fill-holes", help="Fill the holes of objects.")
    ] = False,
    keep_largest: Annotated[
        bool, typer.Option("--keep-largest", help="Keep the largest object only.")
    ] = False,
    medsam: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Prompt MedSAM with a box around each object of that mask, and write "
            "its mask and probability instead.",
        ),
    ] = None,
    medsam_margin: Annotated[
        float | None,
        typer.Option(
            help="How much wider the box is on each side, in pixels of 1024; default "
            "20, the most that it was trained with."
        ),
    ] = None,
) -> None:
    """Write mask, probability, gate maps and provenance of each image.

    Per image: NAME_mask.png (0 and 255; 1, 2 … for several classes),
    NAME_probability.tif, NAME_gate_1-4.tif to 1-32.tif (float32; NAME.json says whose
    features 0 and 1 are; a model without gates writes none) and NAME.json, which napari
    opens as layers; with --objects also NAME_objects.csv, a row per connected object,
    in pixels. An image that cannot be read is named and skipped; the exit code is 1
    then. Earlier results of the same image are replaced; another's mask, table or
    JSON of that name is not.
    """
    from rich.console import Console
    from rich.progress import track

    from napari_attnseg.forced_gates import parse_gates
    from napari_attnseg.inference import Segmenter
    from napari_attnseg.io.atomic import remove, write_text
    from napari_attnseg.io.images import find_images, read_image, turned
    from napari_attnseg.io.results import Results, save_results
    from napari_attnseg.masks import MaskRules, remake
    from napari_attnseg.results import NO_GATES

    gates = parse_gates(gate or [])
    stems = _stems(find_images(inputs))
    _expect_free(out, inputs, stems)
    segmenter = Segmenter.from_checkpoint(weights, device)
    _, limit = segmenter.check(gates, threshold)
    rules = MaskRules(limit, smooth, min_size, fill_holes, keep_largest)
    sam = _medsam(medsam, device, medsam_margin)
    if segmenter.device == "cpu" and device == "auto":
        _say("No GPU found; running on the CPU.")
    if not segmenter.network.gates:
        _say(NO_GATES)
    done = 0
    for path, stem in track(
        stems.items(),
        "segmenting",
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    ):
        try:
            image = read_image(path)
            if turned(path):
                _say(
                    f"{path.name} asks to be shown turned (EXIF); it was segmented as "
                    "it is stored, and its mask lies so."
                )
            encoded = segmenter.encode(image, flip=flip)
            result = segmenter.decode(encoded, gates, threshold)
            if rules != MaskRules(limit):
                result = remake(result, rules)
            if sam is not None:
                result = sam.refine(result, sam.encode(image))
                if not result.provenance["medsam"]["boxes"]:
                    _say(
                        f"{path.name}: the mask is empty; MedSAM had no box to look in."
                    )
            table = ""
            if objects:
                from napari_attnseg.objects.descriptors import csv_text
                from napari_attnseg.objects.measure import measure_segmentation

                table = csv_text(measure_segmentation(result, image))
            results = Results(path.stem, str(path), [result], image=path)
        except (DeviceError, InputError) as error:
            _say_of(path, str(error))
            continue
        except MemoryError:
            _say_of(path, "there is not enough memory for an image of this size.")
            continue
        try:
            save_results(results, out, stem)
            if objects:
                write_text(out / f"{stem}_objects.csv", table)
            else:  # one of an earlier run is of another mask
                remove(out / f"{stem}_objects.csv")
        except InputError as error:
            _say_of(path, str(error))
            if getattr(error.__cause__, "errno", None) == errno.ENAMETOOLONG:
                continue
            break  # the folder or the disk, not the image
        done += 1
    _say(f"{done} of {len(stems)} images segmented; results in {out}.")
    if done < len(stems):
        raise typer.Exit(SOME_FAILED if done else WRONG_USE)


@app.command()
def models(
    as_json: Annotated[
        bool, typer.Option("--json", help="Machine-readable list on stdout.")
    ] = False,
) -> None:
    """List what can be built and which weights are bundled."""
    from rich.console import Console
    from rich.table import Table

    # Takes seconds: each is built, without its weights, and run once.
    with Console(stderr=True).status("Counting parameters and GMAC of every model…"):
        from napari_attnseg.models.summary import model_rows

        rows = model_rows()
    if as_json:
        print(json.dumps(rows, indent=2))
        return

    table = Table(box=None, pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("what it is", overflow="fold")  # gives way on 80 columns
    for column in ("params", "GMAC", "input"):
        table.add_column(column, no_wrap=True, justify="right")
    for row in rows:
        known = row["parameters"] is not None
        table.add_row(
            row["name"] + ("\n(weights bundled)" if row["bundled"] else ""),
            row["about"],
            f"{row['parameters'] / 1e6:.1f} M" if known else "–",
            f"{row['gmac']:.1f}" if known else "–",
            f"{row['input_size']}",
        )
    Console().print(table)
    if any(row["parameters"] is None for row in rows):
        _say("–: needs a library; pip install 'napari-attnseg[baselines]'.")


def _stems(paths: list[Path]) -> dict[Path, str]:
    """Result names: the file's stem, with its suffix where two would be the same."""
    stems = [path.stem for path in paths]
    named: dict[Path, str] = {}
    for path, stem in zip(paths, stems, strict=True):
        name = stem if stems.count(stem) == 1 else path.name.replace(".", "_")
        if name in named.values():
            raise InputError(
                f"Results of two inputs would be called {name}, the second is {path}: "
                "give them in two runs with two --out folders."
            )
        named[path] = name
    return named


def _expect_free(out: Path, inputs: list[Path], stems: dict[Path, str]) -> None:
    """Refuse before any work to replace what is no earlier result of these images."""
    from napari_attnseg.io.results import foreign

    if out.resolve() in {path.resolve() for path in inputs if path.is_dir()}:
        raise InputError(
            f"{out} is the folder of the images, where masks would be taken for images "
            f"the next time; choose another --out, such as {out / 'results'}."
        )
    given = {path.resolve() for path in stems}
    for path, stem in stems.items():
        other = foreign(out, stem, path)
        mask = out / f"{stem}_mask.png"
        if other is None and mask.resolve() in given:
            other = mask
        if other is not None:
            raise InputError(
                f"{other} would be replaced, which is no earlier result of {path}; "
                "choose another --out."
            )


def _medsam(folder: Path | None, device: str, margin: float | None) -> Medsam | None:
    if folder is None:
        if margin is not None:
            raise InputError("A margin is for --medsam FOLDER; give both, or neither.")
        return None
    from napari_attnseg.medsam import MARGIN, Medsam

    return Medsam.from_folder(folder, device, MARGIN if margin is None else margin)


def _say_of(path: Path, message: str) -> None:
    _say(message if path.name in message else f"{path.name}: {message}")


def _say(message: str) -> None:
    print(message, file=sys.stderr)


main = main_for(app)

if __name__ == "__main__":
    main()
