"""``attnseg-train``: train and evaluate models from the command line."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from attnseg_training.config import TrainConfig
from napari_attnseg.command import main_for

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Train and evaluate the segmentation models of napari-attnseg.",
)

Data = Annotated[
    Path,
    typer.Option(
        "--data", help="Folder with images/, masks/ and, optionally, splits/*.txt."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda:0, mps …")]


def _setting(name: str, text: str, *flags: str) -> Any:
    """Option of `fit` that shows the default of `TrainConfig`.

    Its own default is None, so that a recipe's value is told from a given one.
    """
    default = _DEFAULTS[name]
    shown = str(default) if default not in ("", ()) else "none"
    return typer.Option(*flags, help=text, show_default=shown)


_DEFAULTS = {field.name: field.default for field in fields(TrainConfig)}


@app.command("fit")
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
        str | None, _setting("model", "Catalog name; `attnseg models` lists them.")
    ] = None,
    epochs: Annotated[int | None, _setting("epochs", "Passes over the images.")] = None,
    batch: Annotated[int | None, _setting("batch", "Images per step.")] = None,
    seed: Annotated[
        int | None, _setting("seed", "Of weights, order and augmentation.")
    ] = None,
    device: Annotated[
        str | None, _setting("device", "auto, cpu, cuda:0, mps …")
    ] = None,
    encoder_weights: Annotated[
        str | None,
        _setting(
            "encoder_weights",
            "scratch; pretrained (downloads timm's weights); or "
            "cnn=FILE,transformer=FILE (timm state dicts as safetensors).",
        ),
    ] = None,
    freeze: Annotated[
        list[str] | None,
        _setting("freeze", "cnn or transformer: do not train it. May be repeated."),
    ] = None,
    freeze_norm: Annotated[
        bool | None,
        _setting(
            "freeze_norm",
            "Keep the CNN's BatchNorm statistics.",
            "--freeze-norm/--live-norm",
        ),
    ] = None,
    lr: Annotated[float | None, _setting("lr", "Peak learning rate.")] = None,
    encoder_lr: Annotated[
        float | None, _setting("encoder_lr", "Peak learning rate of the encoders.")
    ] = None,
    threads: Annotated[
        int | None, _setting("threads", "CPU threads; 0 is torch's choice.")
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
        _setting("save_every", "Minutes between states within an epoch."),
    ] = None,
    init: Annotated[
        str | None, _setting("init", "Weights of the same model to start from.")
    ] = None,
    one_sided: Annotated[
        float | None,
        _setting("one_sided", "Share of images with one encoder's input damaged."),
    ] = None,
    encoder_dropout: Annotated[
        float | None,
        _setting("encoder_dropout", "Share of steps with one encoder alone."),
    ] = None,
    trust_weight: Annotated[
        float | None,
        _setting(
            "trust_weight",
            "Weight of the loss that trains psi to the better encoder.",
        ),
    ] = None,
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

    from attnseg_training.config import read_toml, recipe_path
    from attnseg_training.fit import fit
    from attnseg_training.watching import FitBars, console

    given = {
        "data": str(data.expanduser()),
        "model": model,
        "epochs": epochs,
        "batch": batch,
        "seed": seed,
        "device": device,
        "encoder_weights": encoder_weights,
        "freeze": tuple(freeze) if freeze else None,
        "freeze_norm": freeze_norm,
        "lr": lr,
        "encoder_lr": encoder_lr,
        "threads": threads,
        "bf16": bf16,
        "save_every": save_every,
        "init": init,
        "one_sided": one_sided,
        "encoder_dropout": encoder_dropout,
        "trust_weight": trust_weight,
    }
    # A resumed run goes on with its own settings; only what is given here differs.
    settings: dict[str, Any] = {}
    if config is not None:
        settings = read_toml(recipe_path(config))
    elif resume and (out / "config.toml").is_file():
        settings = read_toml(out / "config.toml")
    settings |= {name: value for name, value in given.items() if value is not None}
    run = TrainConfig(**settings)
    console.print(f"Training settings: {_words(dataclasses.asdict(run))}")
    if run.encoder_weights == "pretrained":
        from attnseg_training.encoder_weights import announce_download

        console.print(announce_download(run.model))
    if dry_run:
        from attnseg_training.rehearsal import rehearse
        from attnseg_training.watching import rehearsal_words

        console.print(rehearsal_words(rehearse(run), run))
        return
    with FitBars() as bars:
        result = fit(run, out, resume, bars)
    console.print(
        f"Best validation Dice {result.best_dice:.4f} (n = {result.val}, network "
        f"resolution, averaged weights) in epoch {result.best_epoch}."
    )
    print(out / "best.safetensors")


@app.command("evaluate")
def evaluate_command(
    weights: Annotated[str, typer.Argument(help="Weights file or bundled name.")],
    data: Data,
    split: Annotated[
        str | None, typer.Option(help="Default: test, or all without splits/.")
    ] = None,
    device: Device = "auto",
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the summary there.")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write one line per image there.")
    ] = None,
) -> None:
    """Measure weights on a data folder: Dice, IoU, precision, recall, accuracy."""
    from attnseg_training.datasets import load_dataset
    from attnseg_training.evaluation import evaluate
    from attnseg_training.watching import console, counted, report_table
    from napari_attnseg.saving import write_text

    dataset = load_dataset(data)
    chosen = split or ("all" if "all" in dataset.splits else "test")
    with counted("evaluating") as watch:
        report = evaluate(weights, dataset, chosen, device, watch)
    summary = report.summary()
    if json_file is not None:
        write_text(json_file, json.dumps(summary, indent=2) + "\n")
    if csv_file is not None:
        write_text(csv_file, report.to_csv())
    console.print(report_table(summary))
    if summary["hd95"]["undefined"] == summary["n"]:
        console.print(
            "Outlines were not measured: no image has two masks to compare, or monai "
            'is missing (pip install "napari-attnseg[surface]").',
            markup=False,
        )
    console.print(f"Protocol: {summary['protocol']}.")


@app.command("compare")
def compare_command(
    first: Annotated[Path, typer.Argument(help="CSV of `evaluate --csv`.")],
    second: Annotated[Path, typer.Argument(help="The same of the other weights.")],
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the summary there.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Write a PNG of the differences there.")
    ] = None,
) -> None:
    """Compare two models image by image: paired bootstrap and Wilcoxon test."""
    from attnseg_training.paired import Paired, differences_png
    from attnseg_training.watching import console, paired_table
    from napari_attnseg.saving import write_bytes, write_text

    paired = Paired.read(first, second)
    summary = paired.summary()
    if json_file is not None:
        write_text(json_file, json.dumps(summary, indent=2) + "\n")
    if figure is not None:
        write_bytes(figure, differences_png(paired, first.stem, second.stem))
    console.print(paired_table(summary, first.stem, second.stem))
    console.print(
        "Difference: second minus first, mean over images with its 95 % bootstrap "
        "interval; p of the two-sided Wilcoxon signed-rank test."
    )


@app.command("faithfulness")
def faithfulness_command(
    weights: Annotated[str, typer.Argument(help="Weights file or bundled name.")],
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for JSON, CSV and gate card.")],
    split: Annotated[
        str | None, typer.Option(help="Default: test, or all without splits/.")
    ] = None,
    suite: Annotated[
        str, typer.Option(help="quick, or full (every image also damaged).")
    ] = "quick",
    device: Device = "auto",
) -> None:
    """Measure what the gates mean: JSON, CSV per image, gate card and examples."""
    from attnseg_training.datasets import load_dataset
    from attnseg_training.faithfulness import faithfulness, rows_csv
    from attnseg_training.gate_card import gate_card_png
    from attnseg_training.gate_examples import examples_png
    from attnseg_training.watching import console, counted
    from napari_attnseg.saving import write_bytes, write_text

    dataset = load_dataset(data)
    chosen = split or ("all" if "all" in dataset.splits else "test")
    with counted("measuring gates") as watch:
        summary, rows = faithfulness(
            weights,
            dataset,
            chosen,
            suite,
            device,
            watch,
            lambda rows: write_text(out / "per_image.csv", rows_csv(rows)),
        )
    write_text(out / "faithfulness.json", json.dumps(summary, indent=1) + "\n")
    write_bytes(out / "gate_card.png", gate_card_png(summary))
    title = f"'{summary['model']}' on {summary['dataset']}, split {chosen}"
    picture = examples_png(dataset.split(chosen), rows, title)
    write_bytes(out / "examples.png", picture)
    for gate in summary["gates"].values():
        console.print(gate["verdict"])
    console.print(summary["combination"]["verdict"])
    console.print(f"Protocol: {summary['protocol']}.")
    print(out / "gate_card.png")


@app.command("table")
def table_command(
    name: Annotated[str, typer.Argument(help="Which table: gates.")],
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for the runs and the table.")],
    config: Annotated[
        str, typer.Option(help="Recipe or TOML file: the common settings.")
    ] = "compact-frozen",
    encoder_weights: Annotated[
        str | None, typer.Option(help="As for fit; else the recipe's.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes of each run; else the recipe's.")
    ] = None,
    device: Annotated[
        str | None, _setting("device", "auto, cpu, cuda:0, mps …")
    ] = None,
    threads: Annotated[int | None, _setting("threads", "CPU threads.")] = None,
    seeds: Annotated[int, typer.Option(help="Seeds of each row.", min=1)] = 3,
    rows: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this row; repeat for several. The first is compared to."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="What is measured on.")] = "val",
    suite: Annotated[str, typer.Option(help="quick or full.")] = "quick",
    list_rows: Annotated[
        bool, typer.Option("--list", help="Show the rows and stop.")
    ] = False,
) -> None:
    """Train and measure what differs in one setting, at equal budget and over seeds."""
    from attnseg_training.config import read_toml, recipe_path
    from attnseg_training.tables import fill, rows_of
    from attnseg_training.watching import FitBars, console

    if list_rows:
        for row, changed in rows_of(name).items():
            print(f"{row}: {_words(changed) or 'nothing added'}")
        return
    given = {
        "data": str(data),
        "encoder_weights": encoder_weights,
        "epochs": epochs,
        "device": device,
        "threads": threads,
        "cache": str(out / "cache"),
    }
    settings: dict[str, Any] = read_toml(recipe_path(config))
    settings |= {name: value for name, value in given.items() if value is not None}
    base = TrainConfig(**settings)
    with FitBars() as bars:
        fill(name, base, rows or [], seeds, out, split, suite, console.print, bars)
    print(out / "table.md")


@app.command("average")
def average_command(
    weights: Annotated[
        list[Path], typer.Argument(help="Weights of runs with a common start.")
    ],
    out: Annotated[Path, typer.Option(help="Weights file to write.")],
) -> None:
    """Write the mean of several runs' weights; judge it on validation images."""
    from attnseg_training.publishing import average

    print(average(weights, out))


@app.command("calibrate")
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
    from attnseg_training.datasets import load_dataset
    from attnseg_training.temperature import calibrate
    from attnseg_training.watching import console

    found = calibrate(weights, out, load_dataset(data), split, device, half)
    console.print(f"Temperature {found:g}, fitted on split {split}.")
    print(out)


@app.command("export")
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


def _words(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


main = main_for(app)

if __name__ == "__main__":
    main()
