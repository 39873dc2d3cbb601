"""Report of an evaluation: one HTML file without scripts or network access."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np

from attnseg_training.evaluation.evaluation_report import EvaluationReport
from attnseg_training.evaluation.figures import reliability_png, size_png, threshold_png
from attnseg_training.evaluation.image_metrics import BAND
from napari_attnseg.metrics import METRICS
from napari_attnseg.statistics import too_few_words

_TITLES = {"dice": "Dice", "iou": "IoU"}


def measured_rows(summary: Mapping[str, Any]) -> dict[str, Mapping[str, float]]:
    """Rows of a summary's table: name → ``mean``, ``low``, ``high``, perhaps ``sd``.

    The metrics of `METRICS` come first, under their own names. With several classes,
    they compare any class with background, and rows for each class follow.
    """
    found = summary["detection"]
    each = {
        f"dice, {name} (in {one['present']})": one["dice"]
        for name, one in summary.get("by_class", {}).items()
    }
    if each:
        each["dice, mean over classes"] = summary["mean_over_classes"]["dice"]
    return {
        **{metric: summary[metric] for metric in METRICS},
        **each,
        "HD95 (px)": summary["hd95"],
        "surface Dice": summary["nsd"],
        "worst tenth, Dice": summary["worst_decile"],
        "lesion recall": found["recall"],
        "lesion precision": found["precision"],
        "false positives per image": found["false_positives_per_image"],
        "ECE inside the lesion": summary["calibration"]["inside"]["ece"],
        "ECE in the boundary band": summary["calibration"]["boundary"]["ece"],
        "Brier score": summary["calibration"]["image"]["brier"],
    }


def report_html(
    report: EvaluationReport, summary: Mapping[str, Any], sheet: bytes
) -> str:
    """Render the report as HTML.

    Parameters
    ----------
    report : EvaluationReport
        The evaluation.
    summary : mapping
        Result of `EvaluationReport.summary`.
    sheet : bytes
        Contact sheet, from `contact_sheet_png`.
    """
    size = summary["at_network_size"]
    template = files("attnseg_training.evaluation").joinpath("report.html")
    page = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined
    ).from_string(template.read_text(encoding="utf-8"))
    return page.render(
        title=f"Evaluation of '{summary['model']}' on {summary['dataset']}, split "
        f"{summary['split']}",
        n=summary["n"],
        few=too_few_words(summary["n"]),
        domain=summary["domain"],
        detection=summary["detection"],
        network_size="×".join(map(str, size["size"])),
        rows=[
            {
                "name": _TITLES.get(name, name),
                "mean": _number(row["mean"]),
                "sd": _number(row.get("sd", math.nan)),
                "interval": _interval(row),
                "network": f"{_number(size[name]['mean'])} [{_interval(size[name])}]"
                if name in size
                else "",
            }
            for name, row in measured_rows(summary).items()
        ],
        sheet={
            "png": _base64(sheet),
            "alt": "Images with the lowest, middle and highest Dice, with contours",
            "caption": "Solid: found by the model. Dashed: expert's mask."
            + (" Of any class, and so is their Dice." if report.by_class else ""),
        },
        figures=_figures(report, summary),
        facts=_facts(summary),
    )


def _figures(
    report: EvaluationReport, summary: Mapping[str, Any]
) -> Sequence[dict[str, str]]:
    lesion = np.array([case.lesion for case in report.cases])
    dice = np.array([row["dice"] for row in report.per_image()])
    places = summary["calibration"]
    ece = ", ".join(
        f"{name} {_number(places[place]['ece']['mean'])}"
        for place, name in (
            ("image", "whole image"),
            ("boundary", "boundary band"),
            ("inside", "inside the lesion"),
        )
    )
    return [
        {
            "png": _base64(size_png(lesion, dice, summary["by_size"])),
            "alt": "Dice of every image by the size of its lesion",
            "caption": "Dice by size of the lesion: "
            + "; ".join(
                f"{100 * third['lesion_share'][0]:.1f} to "
                f"{100 * third['lesion_share'][1]:.1f} % of the image: "
                f"{_number(third['dice']['mean'])} [{_interval(third['dice'])}], "
                f"n = {third['n']}"
                for third in summary["by_size"]
            )
            + ".",
        },
        {
            "png": _base64(
                threshold_png(summary["threshold_curve"], summary["threshold"])
            ),
            "alt": "Dice and IoU over the threshold",
            "caption": summary["threshold_curve"]["note"],
        },
        {
            "png": _base64(reliability_png(places)),
            "alt": "Reliability diagram and spread of the probabilities",
            "caption": f"Calibration: of the pixels that were given a probability, how "
            f"many are lesion; below the diagonal fewer are than it says. The boundary "
            f"band reaches {100 * BAND:g} % of the longer side to both sides of the "
            "expert's outline. Inside the lesion every pixel is lesion, so only the "
            f"spread is drawn. Expected calibration error: {ece}.",
        },
    ]


def _facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    versions = summary["versions"].items()
    return [
        ("data", f"{summary['dataset']}, split {summary['split']}, n = {summary['n']}"),
        ("protocol", f"{summary['protocol']}."),
        ("model", summary["model"]),
        ("trained on, says its card", summary["domain"]["trained_on"] or "nothing"),
        ("weights, SHA-256", summary["weights_sha256"]),
        ("device", summary["device"]),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions)),
        ("date", summary["date"]),
    ]


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "–"


def _interval(row: Mapping[str, float]) -> str:
    if not math.isfinite(row["low"]):
        return "–"
    return f"{_number(row['low'])} to {_number(row['high'])}"


def _base64(png: bytes) -> str:
    return base64.b64encode(png).decode("ascii")
