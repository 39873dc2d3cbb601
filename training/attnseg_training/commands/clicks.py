"""Commands on clicks: ``fit-clicks`` and ``clicks``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from attnseg_training.commands.options import (
    Allow,
    Data,
    Device,
    Split,
    SummaryFile,
    Weights,
    allowed_rules,
    data_for,
)
from napari_attnseg.errors import InputError
from napari_attnseg.usage import output_file


def fit_clicks_command(
    weights: Weights,
    out: Annotated[
        Path,
        typer.Option(
            help="Weights file to write: a copy with the click head.",
            callback=output_file,
        ),
    ],
    data: Annotated[
        Path | None, typer.Option(help="Data folder, as for fit, to train on.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Split to train on.", show_default="train")
    ] = None,
    steps: Annotated[
        int, typer.Option(help="Optimizer steps, one per click of a batch.", min=1)
    ] = 800,
    batch: Annotated[int, typer.Option(help="Images per step.", min=1)] = 16,
    views: Annotated[
        int,
        typer.Option(help="Number of augmented copies of each image.", min=1),
    ] = 1,
    seed: Annotated[int, typer.Option(help="Random seed.", min=0)] = 0,
    device: Device = "auto",
    head: Annotated[
        Path | None,
        typer.Option(
            help="File with a click head for these weights, to use instead of "
            "training one."
        ),
    ] = None,
    head_only: Annotated[
        Path | None,
        typer.Option(
            help="Also write the click head to a file of its own (a few hundred kB).",
            callback=output_file,
        ),
    ] = None,
    allow: Allow = None,
) -> None:
    """Train a click head, which corrects masks by clicks, and write it into a copy.

    The network and the hash of the weights do not change. The head is trained with
    simulated clicks on the training images. Train it last, because commands that
    rewrite the weights leave the head out.
    """
    from attnseg_training.commands.console import console, counted
    from attnseg_training.fit.click_head import make_head
    from napari_attnseg.checkpoints import expect_weights_name
    from napari_attnseg.click_heads import (
        head_record,
        join_click_head,
        load_click_head,
        save_click_head,
    )
    from napari_attnseg.weights import weights_path

    expect_weights_name(out)
    source = weights_path(weights)
    if head is not None:
        if data is not None:
            raise InputError(
                "--head uses a click head that was trained before: leave --data out."
            )
        found = load_click_head(head)
        if found is None:
            raise InputError(f"There is no click head in {head}; choose another file.")
        facts = head_record(head)
    elif data is None:
        raise InputError("fit-clicks needs --data to train on, or --head FILE.")
    else:
        with counted("clicks") as watch:
            found, facts = make_head(
                weights,
                data_for(data, weights),
                split or "train",
                steps,
                batch,
                views,
                seed,
                device,
                allowed_rules(allow),
                watch,
            )
    join_click_head(source, out, found, facts)
    if head_only is not None:
        save_click_head(head_only, found, facts)
    console.print("Measure it on validation images: attnseg-train clicks.")
    print(out)


def clicks_command(
    weights: Weights,
    data: Data,
    split: Split = None,
    device: Device = "auto",
    seed: Annotated[
        int | None,
        typer.Option(
            help="Click at random places in the largest error, drawn with this "
            "seed, instead of its middle.",
            min=0,
        ),
    ] = None,
    json_file: SummaryFile = None,
) -> None:
    """Measure how far simulated clicks correct the masks of a split.

    Measures Dice after 0, 1, 3 and 5 clicks, and the clicks needed for a Dice of 0.90
    and 0.95 (at most 20). It compares the click head (if the weights have one), the
    rule for weights without one, growing by colour, and a brush's disc.
    """
    from attnseg_training.commands.console import clicks_table, console, counted
    from attnseg_training.evaluation.click_study import click_study
    from napari_attnseg.io.atomic import write_text
    from napari_attnseg.statistics import too_few_words

    dataset = data_for(data, weights)
    chosen = split or "val"
    with counted("clicking") as watch:
        summary = click_study(weights, dataset, chosen, device, watch, seed)
    if json_file is not None:
        write_text(json_file, json.dumps(summary, indent=1) + "\n")
    console.print(clicks_table(summary))
    if few := too_few_words(summary["n"]):
        console.print(f"{few}.")
    console.print(f"Protocol: {summary['protocol']}.")
