"""``benchmark start`` and ``benchmark threads``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_attnseg.usage import output_file

Weights = Annotated[
    str, typer.Option(help="Name of bundled weights, or a weights file.")
]
JsonFile = Annotated[
    Path | None,
    typer.Option(
        "--json", help="JSON file to write the result to.", callback=output_file
    ),
]
MarkdownFile = Annotated[
    Path | None,
    typer.Option(
        "--markdown", help="Markdown file to write the table to.", callback=output_file
    ),
]


def start_command(
    weights: Weights = "compact",
    rounds: Annotated[
        int, typer.Option(help="Rounds; their median counts.", min=1)
    ] = 7,
    json_file: JsonFile = None,
    markdown_file: MarkdownFile = None,
) -> None:
    """Measure CPU seconds of a new process to its first mask, and of listing commands.

    They are compared, in turns, with the minimum for a network in torch: import torch
    and run the network. All run on one thread. This works on Linux and macOS.
    """
    from attnseg_training.benchmark.start import benchmark_start, markdown_of_start
    from attnseg_training.commands.console import counted
    from napari_attnseg.sample_data import sample_path

    with counted("rounds") as watch:
        summary = benchmark_start(sample_path("polyp"), weights, rounds, watch)
    _tell(summary, markdown_of_start(summary), json_file, markdown_file)


def threads_command(
    weights: Weights = "compact",
    rounds: Annotated[
        int,
        typer.Option(
            help="Number of rounds, both on the idle machine and "
            "beside another program.",
            min=1,
        ),
    ] = 5,
    json_file: JsonFile = None,
    markdown_file: MarkdownFile = None,
) -> None:
    """Measure seconds per image by threads, also beside a program that uses one core.

    One thread, the number that attnseg chooses, and torch's default, whose threads spin
    while they wait, are measured in turns.
    """
    from attnseg_training.benchmark.thread_count import (
        benchmark_threads,
        markdown_of_threads,
    )
    from attnseg_training.commands.console import counted

    with counted("rounds") as watch:
        summary = benchmark_threads(weights, rounds, watch)
    _tell(summary, markdown_of_threads(summary), json_file, markdown_file)


def _tell(
    summary: dict[str, Any],
    table: str,
    json_file: Path | None,
    markdown_file: Path | None,
) -> None:
    from napari_attnseg.io.atomic import write_text

    if json_file is not None:
        write_text(json_file, json.dumps(summary, indent=2) + "\n")
    if markdown_file is not None:
        write_text(markdown_file, table)
    print(table, end="")
