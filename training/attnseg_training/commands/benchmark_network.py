"""``benchmark inference``, ``whatif`` and ``precision``."""

from __future__ import annotations

from typing import Annotated

import typer

from attnseg_training.commands.benchmark_results import (
    JsonFile,
    MarkdownFile,
    tell,
)
from attnseg_training.commands.options import Data, Device, data_for
from napari_attnseg.weights import DEFAULT_WEIGHTS

BenchmarkModel = Annotated[
    str,
    typer.Option(
        help="Name of bundled weights, or a catalog name, for random weights."
    ),
]
Rounds = Annotated[int, typer.Option(help="Rounds; their median counts.", min=1)]
Threads = Annotated[int, typer.Option(help="CPU threads; 0 is torch's choice.", min=0)]


def inference_command(
    model: BenchmarkModel = DEFAULT_WEIGHTS,
    device: Device = "auto",
    rounds: Rounds = 7,
    batch: Annotated[int, typer.Option(help="Images per batch.", min=1)] = 1,
    threads: Threads = 1,
    json_file: JsonFile = None,
    markdown_file: MarkdownFile = None,
) -> None:
    """Measure seconds per image of the network, plain PyTorch and other libraries.

    On a random image, these are timed in turns: the network as PyTorch and timm compute
    it by themselves, as attnseg computes it, with OpenVINO if it is installed, and
    U-Net and UPerNet of segmentation_models.pytorch with the same encoders. On a CPU,
    the seconds are those of all threads together.
    """
    import torch

    from attnseg_training.benchmark.inference_speed import benchmark_inference
    from attnseg_training.benchmark.markdown import markdown
    from attnseg_training.commands.console import counted

    if threads:
        torch.set_num_threads(threads)
    with counted("rounds") as watch:
        summary = benchmark_inference(model, device, rounds, batch, watch)
    tell(summary, markdown(summary), json_file, markdown_file)


def whatif_command(
    model: BenchmarkModel = DEFAULT_WEIGHTS,
    device: Device = "auto",
    rounds: Rounds = 15,
    threads: Threads = 1,
    json_file: JsonFile = None,
    markdown_file: MarkdownFile = None,
) -> None:
    """Measure seconds per step of the what-if, and per run of the whole network.

    A step forces all gates, fuses and decodes, and makes and compares the mask; nothing
    is drawn.
    """
    import torch

    from attnseg_training.benchmark.markdown import markdown
    from attnseg_training.benchmark.whatif_speed import benchmark_whatif
    from attnseg_training.commands.console import counted

    if threads:
        torch.set_num_threads(threads)
    with counted("rounds") as watch:
        summary = benchmark_whatif(model, device, rounds, watch)
    tell(summary, markdown(summary), json_file, markdown_file)


def precision_command(
    data: Data,
    weights: Annotated[
        str, typer.Option(help="Name of bundled weights, or a .safetensors file.")
    ] = DEFAULT_WEIGHTS,
    device: Device = "auto",
    images: Annotated[
        int, typer.Option(help="Number of images, from the first on; 0: all.", min=0)
    ] = 0,
    threads: Threads = 1,
    json_file: JsonFile = None,
    markdown_file: MarkdownFile = None,
) -> None:
    """Compare numbers and masks of other arithmetic with float32 on validation images.

    The others are float16 (``--precision auto`` on a GPU), bfloat16, and on a CPU also
    OpenVINO if it is installed. Only the images of the validation split are read, not
    their masks.
    """
    import torch

    from attnseg_training.benchmark.precision import (
        benchmark_precision,
        markdown_of_precision,
    )
    from attnseg_training.commands.console import counted

    if threads:
        torch.set_num_threads(threads)
    dataset = data_for(data, weights)
    with counted("images") as watch:
        summary = benchmark_precision(dataset, weights, device, images, watch)
    tell(summary, markdown_of_precision(summary), json_file, markdown_file)
