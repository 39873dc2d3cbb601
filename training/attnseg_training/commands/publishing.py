"""``average``, ``calibrate`` and ``export``: weights for others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attnseg_training.commands.options import Data, Device, data_for


def average_command(
    weights: Annotated[
        list[Path], typer.Argument(help="Weights of runs with a common start.")
    ],
    out: Annotated[Path, typer.Option(help="Weights file to write.")],
) -> None:
    """Write the mean of several runs' weights; judge it on validation images."""
    from attnseg_training.publishing import average

    print(average(weights, out))


def calibrate_command(
    weights: Annotated[Path, typer.Argument(help="Weights file to read.")],
    out: Annotated[Path, typer.Argument(help="Weights file to write.")],
    data: Data,
    split: Annotated[str, typer.Option(help="Images to fit on.")] = "val",
    device: Device = "auto",
    half: Annotated[
        bool, typer.Option("--half", help="Store float16, half the size.")
    ] = False,
) -> None:
    """Fit the temperature that makes probabilities fit best, on validation images."""
    from attnseg_training.temperature import calibrate
    from attnseg_training.watching import console

    found = calibrate(weights, out, data_for(data, weights), split, device, half)
    console.print(f"Temperature {found:g}, fitted on split {split}.")
    print(out)


def export_command(
    weights: Annotated[Path, typer.Argument(help="Weights file to read.")],
    out: Annotated[Path, typer.Argument(help="Weights file to write.")],
    half: Annotated[
        bool, typer.Option("--half", help="Store float16, half the size.")
    ] = False,
    texts: Annotated[
        Path | None,
        typer.Option(help="TOML with classes, data, licence, use, limits."),
    ] = None,
    metrics: Annotated[
        Path | None, typer.Option(help="JSON of `evaluate` on these weights.")
    ] = None,
    gates: Annotated[
        Path | None, typer.Option(help="JSON of `faithfulness` on these weights.")
    ] = None,
    combination: Annotated[
        Path | None,
        typer.Option(
            help="JSON of `faithfulness --split val`: chooses the at-a-glance map."
        ),
    ] = None,
) -> None:
    """Prepare weights for others: size, words and measured numbers in their card."""
    from attnseg_training.publishing import export

    print(export(weights, out, half, texts, metrics, gates, combination))
