"""``benchmark``: measure speed and memory on this machine."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from attnseg_training.commands.benchmark_network import (
    inference_command,
    precision_command,
    whatif_command,
)
from attnseg_training.commands.benchmark_results import (
    JsonFile,
    MarkdownFile,
    tell,
)
from attnseg_training.commands.benchmark_start import start_command, threads_command
from attnseg_training.commands.options import Data, Device, TrainingApp
from napari_attnseg.weights import DEFAULT_WEIGHTS

app = TrainingApp(help="Measure speed on this machine.")


app.command("start")(start_command)
app.command("threads")(threads_command)
app.command("inference")(inference_command)
app.command("whatif")(whatif_command)
app.command("precision")(precision_command)


@app.command("training")
def training_command(
    data: Data,
    model: Annotated[
        str,
        typer.Option(
            help="Catalog name of the model. The settings are those of the recipe "
            "of that name, if there is one."
        ),
    ] = DEFAULT_WEIGHTS,
    encoder_weights: Annotated[
        str | None,
        typer.Option(help="As for fit: pretrained, or cnn=FILE,transformer=FILE."),
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps per round.", min=1)] = 5,
    rounds: Annotated[
        int, typer.Option(help="Number of rounds; the result is their median.", min=1)
    ] = 5,
    bf16: Annotated[
        bool | None,
        typer.Option(
            "--bf16/--no-bf16",
            help="Whether attnseg-train computes in bfloat16.",
            show_default="whichever is faster",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Number of processes that load images for the textbook loop.",
            min=0,
            show_default="0 on the CPU, else up to 8",
        ),
    ] = None,
    device: Device = "auto",
    threads: Annotated[
        int, typer.Option(help="Number of CPU threads; 0: torch's choice.")
    ] = 0,
    json_file: JsonFile = None,
) -> None:
    """Measure images/s of `fit` and of a textbook training loop for the same network.

    Both are timed in turns. The textbook loop decodes, resizes and augments each image
    in every epoch, computes in float32 and caches nothing.
    """
    from attnseg_training.benchmark.training_speed import (
        benchmark_training,
        default_workers,
    )
    from attnseg_training.commands.console import (
        console,
        counted,
        speed_table,
        speed_words,
    )
    from attnseg_training.config import RECIPES, TrainConfig, read_toml
    from napari_attnseg.io.atomic import write_text

    recipe = RECIPES / f"{model}.toml"
    settings: dict[str, Any] = read_toml(recipe) if recipe.is_file() else {}
    settings |= {
        "data": str(data.expanduser()),
        "model": model,
        "device": device,
        "threads": threads,
    }
    if encoder_weights is not None:
        settings["encoder_weights"] = encoder_weights
    config = TrainConfig(**settings)
    workers = default_workers(device) if workers is None else workers
    with counted("rounds") as watch:
        speed = benchmark_training(config, steps, rounds, workers, bf16, watch)
    summary = speed.summary()
    if json_file is not None:
        write_text(json_file, json.dumps(summary, indent=2) + "\n")
    console.print(speed_table(summary))
    console.print(speed_words(summary))


Frames = Annotated[
    list[int] | None,
    typer.Option(help="Number of frames; may be repeated.", min=1),
]
Megapixels = Annotated[
    list[float] | None,
    typer.Option(help="Size of an image in megapixels; may be repeated.", min=0.01),
]
WeightsName = Annotated[
    str,
    typer.Option(
        help="Name of bundled weights, or a .safetensors file; or a catalog name, "
        "for random weights."
    ),
]
OnDevice = Annotated[str, typer.Option(help="Compute device: cpu, cuda:0, mps, …")]
Threads = Annotated[
    int, typer.Option(help="Number of CPU threads; 0: torch's choice.", min=0)
]
Limit = Annotated[
    float | None,
    typer.Option(help="Seconds after which a case counts as not finished."),
]


@app.command("stack")
def stack_command(
    frames: Frames = None,
    weights: WeightsName = DEFAULT_WEIGHTS,
    device: OnDevice = "cpu",
    threads: Threads = 1,
    limit: Limit = None,
    json_file: JsonFile = None,
    markdown_file: MarkdownFile = None,
) -> None:
    """Measure time and memory of a stack, as the Segment widget segments it.

    Each case runs in a process of its own; 64, 256 and 1024 frames by default.
    """
    from attnseg_training.benchmark.size_curve import FRAMES

    sizes = [float(size) for size in frames or FRAMES]
    how = weights, device, threads, limit
    _curve("stack", sizes, *how, False, json_file, markdown_file)


@app.command("film")
def film_command(
    frames: Frames = None,
    weights: WeightsName = DEFAULT_WEIGHTS,
    device: OnDevice = "cpu",
    threads: Threads = 1,
    limit: Limit = None,
    json_file: JsonFile = None,
    markdown_file: MarkdownFile = None,
) -> None:
    """Measure time and memory of a film, as `attnseg segment` segments it.

    Each case runs in a process of its own; 500 and 2000 frames by default. The JSON has
    the seconds until the first mask, and the memory after each quarter of the frames.
    """
    from attnseg_training.benchmark.size_curve import FILM_FRAMES

    sizes = [float(size) for size in frames or FILM_FRAMES]
    how = weights, device, threads, limit
    _curve("film", sizes, *how, False, json_file, markdown_file)


@app.command("large")
def large_command(
    megapixels: Megapixels = None,
    weights: WeightsName = DEFAULT_WEIGHTS,
    device: OnDevice = "cpu",
    threads: Threads = 1,
    limit: Limit = None,
    monai: Annotated[
        bool,
        typer.Option(
            "--monai",
            help="Also time MONAI's sliding window over the same network, up to 4 "
            "megapixels.",
        ),
    ] = False,
    json_file: JsonFile = None,
    markdown_file: MarkdownFile = None,
) -> None:
    """Measure time and memory of large images, in one pass and in tiles.

    Each case runs in a process of its own; 1, 4, 16 and 24 megapixels by default.
    """
    from attnseg_training.benchmark.size_curve import MEGAPIXELS

    sizes = [float(size) for size in megapixels or MEGAPIXELS]
    how = weights, device, threads, limit
    _curve("large", sizes, *how, monai, json_file, markdown_file)


def _curve(
    benchmark: str,
    sizes: list[float],
    weights: str,
    device: str,
    threads: int,
    limit: float | None,
    peer: bool,
    json_file: Path | None,
    markdown_file: Path | None,
) -> None:
    from attnseg_training.benchmark.size_curve import measure_curve
    from attnseg_training.commands.console import counted

    longest = math.inf if limit is None else limit
    with counted("cases") as watch:
        how = weights, device, threads, longest, peer, watch
        curve = measure_curve(benchmark, sizes, *how)
    tell(curve.summary(), curve.markdown(), json_file, markdown_file)
