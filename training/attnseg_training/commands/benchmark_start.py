"""``benchmark start`` and ``benchmark threads``."""

from __future__ import annotations

from typing import Annotated

import typer

from attnseg_training.commands.benchmark_results import (
    JsonFile,
    MarkdownFile,
    tell,
)
from napari_attnseg.weights import DEFAULT_WEIGHTS

Weights = Annotated[
    str, typer.Option(help="Name of bundled weights, or a weights file.")
]


def start_command(
    weights: Weights = DEFAULT_WEIGHTS,
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
    tell(summary, markdown_of_start(summary), json_file, markdown_file)


def threads_command(
    weights: Weights = DEFAULT_WEIGHTS,
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
    tell(summary, markdown_of_threads(summary), json_file, markdown_file)
