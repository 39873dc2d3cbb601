"""Commands of the paper's experiments: ``table``, ``two-stage``, ``figure``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attnseg_training.commands.options import (
    Data,
    Device,
    Given,
    Weights,
    configured,
    data_for,
    with_settings,
)
from napari_attnseg.errors import InputError
from napari_attnseg.run_files import BEST_WEIGHTS
from napari_attnseg.usage import output_file, output_folder

#: Settings of two-stage that have an option.
STAGE_SETTINGS = (
    "model",
    "encoder_weights",
    "epochs",
    "batch",
    "seed",
    "protocol",
    "device",
    "threads",
)
#: Settings of the runs of a table that have an option; the rows fix the others.
TABLE_SETTINGS = ("encoder_weights", "epochs", "protocol", "device", "threads")


@with_settings(*TABLE_SETTINGS, fixed=("cache",))
def table_command(
    name: Annotated[
        str,
        typer.Argument(
            help="1, 2, 3 or 4: a table of the paper; gates: gate training."
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(help="Data folder; needed unless --list is given."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the runs and the table; runs in it are resumed.",
            callback=output_folder,
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            help="Recipe or TOML file: the common settings. Default: compact-frozen "
            "for gates, paper-tables for the paper's.",
        ),
    ] = None,
    family: Annotated[
        str,
        typer.Option(
            help="Encoders of the paper's models: dual (the paper's own), "
            "compact-256, tiny."
        ),
    ] = "dual",
    *,
    given: Given,
    seeds: Annotated[
        int, typer.Option(help="Number of seeds for each row.", min=1)
    ] = 3,
    rows: Annotated[
        list[str] | None,
        typer.Option(help="Row to run; repeat for several. Default: all rows."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Split to evaluate on. Default: val for the table gates, "
            "otherwise test."
        ),
    ] = None,
    suite: Annotated[
        str, typer.Option(help="Gate suite for the table gates: quick or full.")
    ] = "quick",
    list_rows: Annotated[
        bool, typer.Option("--list", help="List the rows of the table and exit.")
    ] = False,
) -> None:
    """Train and evaluate the rows of a table, at equal budget and over seeds.

    Results for rows of the paper are listed beside the published numbers, with
    intervals and the paired difference to the row above, in table.md, .csv, .json and
    .png.
    """
    from attnseg_training.commands.console import FitBars, console
    from attnseg_training.datasets import load_dataset
    from attnseg_training.experiments.gate_ablation import GatesTable
    from attnseg_training.experiments.paper_table import PaperTable
    from attnseg_training.experiments.table import Table, fill
    from attnseg_training.fit.initial_weights import announce_download

    gates = name == "gates"
    cache = str((out or Path()) / "cache")
    given = {**given, "data": str(data or ""), "cache": cache}
    recipe = config or ("compact-frozen" if gates else "paper-tables")
    base = configured(recipe, given, encoder_weights="pretrained")
    table: Table
    if gates:
        table = GatesTable(base, split or "val", suite)
    else:
        table = PaperTable(name, base, family, split or "test")
    if list_rows:
        for row, about in table.rows.items():
            print(f"{row}: {about}")
        return
    if data is None or out is None:
        raise InputError("A table needs --data and --out; --list shows its rows.")
    load_dataset(data.expanduser(), base.split_seed)  # or an error now
    if base.encoder_weights == "pretrained":
        console.print(announce_download())
    with FitBars() as bars:
        fill(table, rows or [], seeds, out, console.print, bars)
    print(out / "table.md")


@with_settings(*STAGE_SETTINGS)
def two_stage_command(
    data: Data,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for the runs; runs in it are resumed.", callback=output_folder
        ),
    ],
    config: Annotated[
        str | None,
        typer.Option(help="Recipe or TOML file with the settings of both stages."),
    ] = None,
    *,
    given: Given,
) -> None:
    """Fine-tune each encoder alone, then the dual model from both, as in the paper."""
    from attnseg_training.commands.console import ON_ALL, FitBars, console, result_words
    from attnseg_training.experiments.two_stage import two_stage
    from attnseg_training.fit.initial_weights import announce_download

    run = configured(config, {"data": str(data.expanduser()), **given})
    if run.encoder_weights == "pretrained":
        console.print(announce_download())
    if run.on_all:
        console.print(ON_ALL)
    with FitBars() as bars:
        result = two_stage(run, out, bars)
    console.print(f"Second stage: {result_words(result, run)}")
    print(result.folder / BEST_WEIGHTS)


def figure_command(
    number: Annotated[
        str, typer.Argument(help="Number of the figure in the paper: 3.")
    ],
    weights: Weights,
    data: Data,
    out: Annotated[Path, typer.Option(help="PNG file to write.", callback=output_file)],
    images: Annotated[
        list[str] | None,
        typer.Option(
            "--image",
            help="Name of an image; repeat for several. Default: the first four.",
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the default images.")] = "test",
    device: Device = "auto",
    as_published: Annotated[
        bool,
        typer.Option(
            "--as-published",
            help="Draw as in the paper: 1 - psi in the colours of jet, each map "
            "scaled to its own range.",
        ),
    ] = False,
) -> None:
    """Draw a figure of the paper: image, masks and the gate map of every level."""
    from attnseg_training.experiments.paper_figure import paper_figure_png
    from napari_attnseg.errors import UnknownNameError
    from napari_attnseg.io.atomic import write_bytes

    if number != "3":
        raise UnknownNameError.for_name("figure", number, ["3"])
    png = paper_figure_png(
        weights, data_for(data, weights), images or [], split, device, as_published
    )
    write_bytes(out, png)
    print(out)


def trust_labels_command(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Run folders of fit, one for each fold."),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="File of labels to write, for the setting trust_labels.",
            callback=output_file,
        ),
    ],
    device: Device = "auto",
) -> None:
    """Measure where each encoder errs, on images that each run left out."""
    from attnseg_training.commands.console import counted
    from attnseg_training.fit.trust_labels import write_trust_labels

    with counted("measuring encoders") as watch:
        n = write_trust_labels(runs, out, device, watch)
    print(f"{out}: trust labels of {n} images")
