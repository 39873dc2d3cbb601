"""Commands that evaluate: ``evaluate``, ``compare`` and ``faithfulness``."""

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
from napari_attnseg.usage import output_file, output_folder


def evaluate_command(
    weights: Weights,
    data: Data,
    split: Split = None,
    device: Device = "auto",
    json_file: SummaryFile = None,
    csv_file: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            help="CSV file to write one line per image to.",
            callback=output_file,
        ),
    ] = None,
    report_folder: Annotated[
        Path | None,
        typer.Option(
            "--report",
            help="Folder to write report.html and contact_sheet.png to.",
            callback=output_folder,
        ),
    ] = None,
    flip: Annotated[
        bool,
        typer.Option(
            "--flip",
            help="Test-time augmentation: average over the four mirror images.",
        ),
    ] = False,
    medsam: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Evaluate masks refined by MedSAM from this folder, prompted with "
            "bounding boxes of the model's masks.",
        ),
    ] = None,
    allow: Allow = None,
) -> None:
    """Evaluate weights on a data folder: overlap, outlines, lesions, calibration."""
    from attnseg_training.commands.console import console, counted, report_table
    from attnseg_training.evaluation.contact_sheet import contact_sheet_png
    from attnseg_training.evaluation.evaluate import evaluate
    from attnseg_training.evaluation.report import report_html
    from attnseg_training.runs.test_set_log import record_evaluation
    from napari_attnseg.io.atomic import write_bytes, write_text
    from napari_attnseg.io.folders import left_out_words
    from napari_attnseg.medsam import Medsam
    from napari_attnseg.statistics import too_few_words

    sam = None if medsam is None else Medsam.from_folder(medsam, device)
    dataset = data_for(data, weights)
    chosen = split or ("all" if "all" in dataset.splits else "test")
    with counted("evaluating") as watch:
        rules = allowed_rules(allow)
        report = evaluate(weights, dataset, chosen, device, watch, flip, sam, rules)
    summary = record_evaluation(weights, report.summary())
    if json_file is not None:
        write_text(json_file, json.dumps(summary, indent=2) + "\n")
    if csv_file is not None:
        write_text(csv_file, report.to_csv())
    if report_folder is not None:
        sheet = contact_sheet_png(report, dataset.split(chosen))
        write_bytes(report_folder / "contact_sheet.png", sheet)
        html = report_folder / "report.html"
        write_text(html, report_html(report, summary, sheet))
        print(html)
    console.print(report_table(summary))
    if few := too_few_words(summary["n"]):
        console.print(f"{few}.")
    if summary["hd95"]["undefined"] == summary["n"]:
        console.print(
            "Outlines were not measured: no image has two masks to compare, or monai "
            'is missing (pip install "napari-attnseg[surface]").',
            markup=False,
        )
    console.print(f"Protocol: {summary['protocol']}.")
    console.print(f"{summary['domain']['label']}: {summary['domain']['reason']}")
    for finding in summary.get("findings", []):
        console.print(finding["text"], markup=False)
    if dataset.left_out:
        console.print(f"{left_out_words(dataset.left_out)}.", markup=False)


def compare_command(
    first: Annotated[Path, typer.Argument(help="CSV file of `evaluate --csv`.")],
    second: Annotated[
        Path, typer.Argument(help="The same file for the other weights.")
    ],
    json_file: SummaryFile = None,
    figure: Annotated[
        Path | None,
        typer.Option(help="PNG file to draw the differences to.", callback=output_file),
    ] = None,
) -> None:
    """Compare two models image by image: paired difference and Wilcoxon test.

    With fewer than 20 images there is no verdict.
    """
    from attnseg_training.commands.console import console, paired_table
    from attnseg_training.evaluation.compare import Paired, differences_png
    from napari_attnseg.io.atomic import write_bytes, write_text
    from napari_attnseg.statistics import too_few_words

    paired = Paired.read(first, second)
    summary = paired.summary()
    if json_file is not None:
        write_text(json_file, json.dumps(summary, indent=2) + "\n")
    if figure is not None:
        write_bytes(figure, differences_png(paired, first.stem, second.stem))
    console.print(paired_table(summary, first.stem, second.stem))
    console.print(
        "Difference: second minus first, mean over images with its 95 % interval (t, "
        "corrected for skewness); p of the two-sided Wilcoxon signed-rank test."
    )
    if few := too_few_words(summary["n"]):
        console.print(f"{few}.")


def faithfulness_command(
    weights: Weights,
    data: Data,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for JSON, CSV per image, gate card and examples.",
            callback=output_folder,
        ),
    ],
    split: Split = None,
    suite: Annotated[
        str,
        typer.Option(
            help="Gate suite: quick, or full (every image is also "
            "measured with damage)."
        ),
    ] = "quick",
    device: Device = "auto",
    allow: Allow = None,
) -> None:
    """Measure whether gate maps mean what they show: JSON, CSV, gate card, examples."""
    from attnseg_training.commands.console import console, counted
    from attnseg_training.gates.card import gate_card_png
    from attnseg_training.gates.columns import rows_csv
    from attnseg_training.gates.examples import examples_png
    from attnseg_training.gates.faithfulness import faithfulness
    from attnseg_training.gates.readers import reader_lines
    from napari_attnseg.cards import read_card
    from napari_attnseg.io.atomic import write_bytes, write_text
    from napari_attnseg.weights import weights_path

    dataset = data_for(data, weights)
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
            allowed_rules(allow),
        )
    write_text(out / "faithfulness.json", json.dumps(summary, indent=1) + "\n")
    write_bytes(out / "gate_card.png", gate_card_png(summary))
    title = f"'{summary['model']}' on {summary['dataset']}, split {chosen}"
    rule = read_card(weights_path(weights)).preprocessing.intensity
    picture = examples_png(dataset.split(chosen), rows, title, rule)
    write_bytes(out / "examples.png", picture)
    for gate in summary["gates"].values():
        console.print(gate["verdict"])
    console.print(summary["together"]["verdict"])
    console.print(summary["combination"]["verdict"])
    for line in reader_lines(summary["readers"]):
        console.print(line)
    console.print(f"Protocol: {summary['protocol']}.")
    for finding in summary.get("findings", []):
        console.print(finding["text"], markup=False)
    print(out / "gate_card.png")
