"""``fit``: what trains."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attnseg_training.commands.options import (
    Data,
    Protocol,
    configured,
    setting,
    words,
)
from napari_attnseg.errors import AttnSegError
from napari_attnseg.exit_codes import INTERRUPTED


def fit_command(
    data: Data,
    out: Annotated[
        Path, typer.Option(help="Run folder: weights, log, curves, settings.")
    ],
    config: Annotated[
        str | None,
        typer.Option(
            help="Recipe (compact, compact-352 …) or TOML file; options override it."
        ),
    ] = None,
    model: Annotated[
        str | None, setting("model", "Catalog name; `attnseg models` lists them.")
    ] = None,
    cnn: Annotated[
        str | None, setting("cnn", "Any CNN of timm in the place of the model's.")
    ] = None,
    transformer: Annotated[
        str | None,
        setting("transformer", "Any transformer of timm in the place of the model's."),
    ] = None,
    epochs: Annotated[int | None, setting("epochs", "Passes over the images.")] = None,
    protocol: Protocol = None,
    augment: Annotated[
        bool | None,
        setting("augment", "Warp and recolour images.", "--augment/--no-augment"),
    ] = None,
    batch: Annotated[int | None, setting("batch", "Images per step.")] = None,
    seed: Annotated[
        int | None, setting("seed", "Of weights, order and augmentation.")
    ] = None,
    device: Annotated[str | None, setting("device", "auto, cpu, cuda:0, mps …")] = None,
    encoder_weights: Annotated[
        str | None,
        setting(
            "encoder_weights",
            "scratch; pretrained (downloads timm's weights); or "
            "cnn=FILE,transformer=FILE (timm state dicts as safetensors).",
        ),
    ] = None,
    freeze: Annotated[
        list[str] | None,
        setting("freeze", "cnn or transformer: do not train it. May be repeated."),
    ] = None,
    freeze_norm: Annotated[
        bool | None,
        setting(
            "freeze_norm",
            "Keep the CNN's BatchNorm statistics.",
            "--freeze-norm/--live-norm",
        ),
    ] = None,
    loss: Annotated[
        str | None,
        setting(
            "loss",
            "bce_dice, bce_dice_published, structure, bce_lovasz or bce_dice_boundary.",
        ),
    ] = None,
    accumulate: Annotated[
        int | None,
        setting("accumulate", "Pieces of a batch, one after another: less memory."),
    ] = None,
    lr: Annotated[float | None, setting("lr", "Peak learning rate.")] = None,
    encoder_lr: Annotated[
        float | None, setting("encoder_lr", "Peak learning rate of the encoders.")
    ] = None,
    threads: Annotated[
        int | None, setting("threads", "CPU threads; 0 is torch's choice.")
    ] = None,
    bf16: Annotated[
        bool | None,
        typer.Option(
            "--bf16/--no-bf16",
            help="Train in bfloat16 (GPUs, CPUs with AVX512-BF16 or AMX).",
        ),
    ] = None,
    save_every: Annotated[
        float | None,
        setting("save_every", "Minutes between states within an epoch."),
    ] = None,
    init: Annotated[
        str | None, setting("init", "Weights of the same model to start from.")
    ] = None,
    one_sided: Annotated[
        float | None,
        setting("one_sided", "Share of images with one encoder's input damaged."),
    ] = None,
    encoder_dropout: Annotated[
        float | None,
        setting("encoder_dropout", "Share of steps with one encoder alone."),
    ] = None,
    trust_weight: Annotated[
        float | None,
        setting(
            "trust_weight",
            "Weight of the loss that trains psi to the better encoder.",
        ),
    ] = None,
    trust_gates: Annotated[
        str | None,
        setting(
            "trust_gates",
            "Which encoder is better: tried at all gates together, or at one.",
        ),
    ] = None,
    tracker: Annotated[
        str | None,
        setting("tracker", "tensorboard, wandb, mlflow … (its package is needed)."),
    ] = None,
    num_processes: Annotated[
        int,
        typer.Option(
            min=1,
            help="Processes that share each batch, a GPU for each; for several "
            "machines use accelerate launch.",
        ),
    ] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last training state.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Do a few steps, say what the run would cost, and stop."
        ),
    ] = False,
) -> None:
    """Train one model; its best and last weights open in the napari widget."""
    import dataclasses
    import os
    import sys
    import time

    from attnseg_training.commands.console import ON_ALL, FitBars, console, result_words
    from attnseg_training.fit.distributed import launch, started
    from attnseg_training.fit.fit import fit
    from attnseg_training.runs.progress import ProgressFile

    given = {
        "data": str(data.expanduser()),
        "model": model,
        "cnn": cnn,
        "transformer": transformer,
        "epochs": epochs,
        "protocol": protocol,
        "augment": augment,
        "batch": batch,
        "seed": seed,
        "device": device,
        "encoder_weights": encoder_weights,
        "freeze": tuple(freeze) if freeze else None,
        "freeze_norm": freeze_norm,
        "loss": loss,
        "accumulate": accumulate,
        "lr": lr,
        "encoder_lr": encoder_lr,
        "threads": threads,
        "bf16": bf16,
        "save_every": save_every,
        "init": init,
        "one_sided": one_sided,
        "encoder_dropout": encoder_dropout,
        "trust_weight": trust_weight,
        "trust_gates": trust_gates,
        "tracker": tracker,
    }
    # A resumed run goes on with its own settings; only what is given here differs.
    own = out / "config.toml"
    run = configured(config or (own if resume and own.is_file() else None), given)
    rank, count = started()
    if rank:  # the main process is who speaks
        try:
            fit(run, out, resume)
        except KeyboardInterrupt:
            os._exit(INTERRUPTED)
        except AttnSegError:
            # What all fail of is said by the main one, and meanwhile this is stopped.
            time.sleep(2)
            raise
        return
    if num_processes > 1 and count == 1 and not dry_run:
        os._exit(launch(num_processes, sys.argv[1:], run))  # they have said it all
    console.print(f"Training settings: {words(dataclasses.asdict(run))}")
    if run.encoder_weights == "pretrained":
        from attnseg_training.fit.initial_weights import announce_download, run_spec

        console.print(announce_download(run_spec(run)))
    if dry_run:
        from attnseg_training.commands.console import rehearsal_words
        from attnseg_training.fit.dry_run import rehearse

        console.print(rehearsal_words(rehearse(run), run))
        return
    if run.on_all:
        console.print(ON_ALL)
    with FitBars() as bars:
        result = fit(run, out, resume, ProgressFile(out, bars))
    console.print(result_words(result, run))
    print(out / "best.safetensors")
