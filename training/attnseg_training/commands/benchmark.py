"""``benchmark``: how fast things are on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from attnseg_training.commands.options import Data, Device, TrainingApp
from napari_attnseg.usage import output_file

app = TrainingApp(help="Measure speed on this machine.")


BenchmarkModel = Annotated[
    str,
    typer.Option(
        help="Bundled weights, or a catalog name, which then has random ones."
    ),
]
Rounds = Annotated[int, typer.Option(help="Rounds; their median counts.", min=1)]
Threads = Annotated[int, typer.Option(help="CPU threads; 0 is torch's choice.", min=0)]
JsonFile = Annotated[
    Path | None,
    typer.Option("--json", help="Write the result there.", callback=output_file),
]
MarkdownFile = Annotated[
    Path | None,
    typer.Option("--markdown", help="Write the table there.", callback=output_file),
]


@app.command("inference")
def inference_command(
    model: BenchmarkModel = "compact",
    device: Device = "auto",
    rounds: Rounds = 7,
    batch: Annotated[int, typer.Option(help="Images at once.", min=1)] = 1,
    threads: Threads = 1,
    json_file: JsonFile = None,
    markdown_file: MarkdownFile = None,
) -> None:
    """Seconds per image of the network, against plain PyTorch and other libraries.

    In turns, on a random image: as PyTorch and timm compute it by themselves, as
    attnseg does, by OpenVINO if it is installed, and U-Net and UPerNet of
    segmentation_models.pytorch on the same encoders. On a CPU the seconds are those of
    all threads together.
    """
    import torch

    from attnseg_training.benchmark.inference_speed import benchmark_inference
    from attnseg_training.commands.console import counted

    if threads:
        torch.set_num_threads(threads)
    with counted("rounds") as watch:
        summary = benchmark_inference(model, device, rounds, batch, watch)
    _tell(summary, json_file, markdown_file)


@app.command("whatif")
def whatif_command(
    model: BenchmarkModel = "compact",
    device: Device = "auto",
    rounds: Rounds = 15,
    threads: Threads = 1,
    json_file: JsonFile = None,
    markdown_file: MarkdownFile = None,
) -> None:
    """Seconds per step of the what-if on the gates, against the whole network again.

    A step forces all gates, fuses and decodes, and makes and compares the mask; nothing
    is drawn.
    """
    import torch

    from attnseg_training.benchmark.whatif_speed import benchmark_whatif
    from attnseg_training.commands.console import counted

    if threads:
        torch.set_num_threads(threads)
    with counted("rounds") as watch:
        summary = benchmark_whatif(model, device, rounds, watch)
    _tell(summary, json_file, markdown_file)


def _tell(
    summary: dict[str, Any], json_file: Path | None, markdown_file: Path | None
) -> None:
    from attnseg_training.benchmark.markdown import markdown
    from napari_attnseg.io.atomic import write_text

    if json_file is not None:
        write_text(json_file, json.dumps(summary, indent=2) + "\n")
    text = markdown(summary)
    if markdown_file is not None:
        write_text(markdown_file, text)
    print(text, end="")


@app.command("training")
def training_command(
    data: Data,
    model: Annotated[
        str,
        typer.Option(
            help="Catalog name; trained as the recipe of that name says, if any."
        ),
    ] = "compact",
    encoder_weights: Annotated[
        str | None,
        typer.Option(help="As for fit: pretrained, or cnn=FILE,transformer=FILE."),
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps per round.", min=1)] = 5,
    rounds: Annotated[
        int, typer.Option(help="Rounds; their median counts.", min=1)
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
            help="Processes that load for the textbook loop.",
            min=0,
            show_default="0 on the CPU, else up to 8",
        ),
    ] = None,
    device: Device = "auto",
    threads: Annotated[int, typer.Option(help="CPU threads; 0 is torch's choice.")] = 0,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Write the result there.", callback=output_file),
    ] = None,
) -> None:
    """Images/s of `fit` against a plain textbook loop of the same network, in turns.

    The textbook loop decodes, resizes and augments each image in every epoch, computes
    in float32 and caches nothing.
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
