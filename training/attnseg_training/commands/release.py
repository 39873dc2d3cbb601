"""Commands on weights: ``average``, ``calibrate``, ``expected-dice`` and others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attnseg_training.commands.options import (
    Allow,
    Data,
    Device,
    Given,
    allowed_rules,
    configured,
    data_for,
    with_settings,
)
from napari_attnseg.errors import InputError
from napari_attnseg.usage import output_file, output_folder

#: Settings of the runs of a release that have an option.
RELEASE_SETTINGS = (
    "encoder_weights",
    "init",
    "epochs",
    "batch",
    "device",
    "threads",
    "bf16",
)
Texts = Annotated[
    Path | None,
    typer.Option(
        help="TOML with classes, data, licence, use, limits, summary, warning."
    ),
]


def average_command(
    weights: Annotated[
        list[Path],
        typer.Argument(help="Weights of runs that started from the same weights."),
    ],
    out: Annotated[
        Path, typer.Option(help="Weights file to write.", callback=output_file)
    ],
) -> None:
    """Average the weights of several runs; evaluate the mean on validation images."""
    from attnseg_training.release.export import average

    print(average(weights, out))


def calibrate_command(
    weights: Annotated[Path, typer.Argument(help="Weights file to read.")],
    out: Annotated[
        Path, typer.Argument(help="Weights file to write.", callback=output_file)
    ],
    data: Annotated[
        Path | None, typer.Option(help="Data folder, as for evaluate, to fit on.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Split to fit on.", show_default="val")
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            help="Weights whose temperature is used, instead of fitting one on "
            "--data. This is for weights that were also trained on the "
            "validation images."
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu, cuda:0, mps …", show_default="auto")
    ] = None,
    half: Annotated[
        bool,
        typer.Option("--half", help="Store the weights as float16, half the size."),
    ] = False,
    allow: Allow = None,
) -> None:
    """Calibrate probabilities by temperature scaling on validation images."""
    from attnseg_training.commands.console import console
    from attnseg_training.release.calibration import borrow, bound_sentence, calibrate
    from napari_attnseg.checkpoints import expect_weights_name

    expect_weights_name(out)
    if like is not None:
        fits = {
            "--data": data,
            "--split": split,
            "--device": device,
            "--allow": allow or None,
        }
        given = " and ".join(name for name, value in fits.items() if value is not None)
        if given:
            raise InputError(
                "--like uses the temperature of other weights and fits none; leave "
                f"out {given}, or --like."
            )
        console.print(f"Temperature {borrow(weights, out, like, half):g}, as {like}.")
        print(out)
        return
    if data is None:
        raise InputError("calibrate needs --data to fit on, or --like WEIGHTS.")
    split, dataset = split or "val", data_for(data, weights)
    rules = allowed_rules(allow)

    def warn(sentence: str) -> None:
        console.print(sentence, markup=False)

    where = device or "auto"
    found = calibrate(weights, out, dataset, split, where, half, rules, warn)
    console.print(f"Temperature {found:g}, fitted on split {split}.")
    if said := bound_sentence(found, len(dataset.split(split))):
        console.print(said)
    print(out)


def expected_dice_command(
    weights: Annotated[Path, typer.Argument(help="Weights file or bundled name.")],
    out: Annotated[
        Path, typer.Argument(help="Weights file to write.", callback=output_file)
    ],
    data: Data,
    split: Annotated[str, typer.Option(help="Split to fit on.")] = "val",
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json",
            help="JSON file to write the measurement to.",
            callback=output_file,
        ),
    ] = None,
    device: Device = "auto",
    allow: Allow = None,
) -> None:
    """Measure on validation images how good a mask probably is; put it into the card.

    Each image and seven damaged copies of it are segmented. With the written weights,
    every mask then has an expected Dice with an interval, unless its image is unlike
    those on which the expected Dice was measured.
    """
    import json

    from attnseg_training.commands.console import console, counted
    from attnseg_training.release.expected_dice import add_expected_dice
    from attnseg_training.release.expected_dice_report import report_lines
    from napari_attnseg.checkpoints import expect_weights_name
    from napari_attnseg.io.atomic import write_text

    expect_weights_name(out)
    dataset, rules = data_for(data, weights), allowed_rules(allow)

    def warn(sentence: str) -> None:
        console.print(sentence, markup=False)

    with counted("measuring") as watch:
        found = add_expected_dice(
            weights, out, dataset, split, device, rules, warn, watch
        )
    for line in report_lines(found):
        console.print(line, markup=False)
    if json_file is not None:
        write_text(json_file, json.dumps(found, indent=2) + "\n")
        print(json_file)
    print(out)


def export_command(
    weights: Annotated[Path, typer.Argument(help="Weights file to read.")],
    out: Annotated[
        Path, typer.Argument(help="Weights file to write.", callback=output_file)
    ],
    half: Annotated[
        bool,
        typer.Option("--half", help="Store the weights as float16, half the size."),
    ] = False,
    texts: Texts = None,
    metrics: Annotated[
        Path | None, typer.Option(help="JSON of `evaluate` on these weights.")
    ] = None,
    gates: Annotated[
        Path | None, typer.Option(help="JSON of `faithfulness` on these weights.")
    ] = None,
    combination: Annotated[
        Path | None,
        typer.Option(
            help="JSON of `faithfulness --split val`; it chooses the map of all gates."
        ),
    ] = None,
) -> None:
    """Export weights with texts and evaluation results in their model card."""
    from attnseg_training.release.export import export

    print(export(weights, out, half, texts, metrics, gates, combination))


@with_settings(*RELEASE_SETTINGS)
def release_command(
    data: Data,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for runs and results; an earlier release in it is resumed.",
            callback=output_folder,
        ),
    ],
    config: Annotated[
        str | None,
        typer.Option(help="Recipe (compact-gpu …) or TOML file; options override it."),
    ] = None,
    *,
    given: Given,
    seeds: Annotated[
        int, typer.Option(help="Number of runs; their seeds are 0, 1 …", min=1)
    ] = 3,
    texts: Texts = None,
    suite: Annotated[str, typer.Option(help="Gate suite: quick or full.")] = "quick",
) -> None:
    """Train over seeds, choose one on validation, evaluate on test, and export.

    A release that was stopped is resumed by the same command. The test images are
    evaluated when all seeds are trained and one is chosen.
    """
    from attnseg_training.commands.console import FitBars, console, counted
    from attnseg_training.fit.initial_weights import announce_download, run_spec
    from attnseg_training.release.release import RESULT, Release

    run = configured(config, {"data": str(data.expanduser()), **given})
    if run.encoder_weights == "pretrained":
        console.print(announce_download(run_spec(run)))
    release = Release(run, seeds, texts, suite, console.print, FitBars, counted)
    found = release.run(out)
    for metric in ("dice", "iou"):
        one = found["seeds"][found["chosen"]]["test"][metric]
        mean, sd = found[metric]["mean"], found[metric]["sd"]
        over = f"; over {seeds} seeds {mean:.4f}, SD {sd:.4f}" if seeds > 1 else ""
        console.print(
            f"{metric}, n = {found['n']}: {one['mean']:.4f} [{one['low']:.4f}, "
            f"{one['high']:.4f}] (seed {found['chosen']}){over}"
        )
    console.print(f"Protocol: {found['protocol']}.")
    print(out / found["weights"])
    print(out / RESULT)


def import_command(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            help="Checkpoint (.pth) of the authors' released code, or "
            "state dict of a network that `attnseg models` lists."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Weights file (.safetensors) to write.", callback=output_file
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="MODEL",
            help="Network of the checkpoint: a name from `attnseg models`, or one "
            "of the released dual-swin-guided, dual-res34-guided, "
            "dual-no-attention, dual-double-attention and "
            "dual-double-weighted. It is needed if several fit: the two "
            "guided networks have the same tensor names and shapes, and so "
            "have the two double ones.",
        ),
    ] = None,
    trained_on: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="Data and protocol of the training, as a text for the model card.",
            show_default="unknown",
        ),
    ] = "",
    state: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Name of the state dict, if the checkpoint holds several, such as "
            "state_dict and state_dict_ema.",
            show_default="the only one",
        ),
    ] = "",
) -> None:
    """Convert a checkpoint of the paper's authors, or a state dict, to weights.

    No code in the file is run. The text of --trained-on becomes a part of the model
    card. Evaluate the result before using it.
    """
    from attnseg_training.commands.console import console
    from attnseg_training.release.import_paper import import_released, network_named

    spec = network_named(model) if model is not None else None
    told: list[str] = []
    import_released(checkpoint, out, spec, trained_on.strip(), state, told.append)
    for one in told:
        console.print(one, style="yellow", markup=False, soft_wrap=True)
    print(out)
