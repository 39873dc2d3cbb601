"""``attnseg explain``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_attnseg.collection import without_collection
from napari_attnseg.commands.console import (
    Device,
    Inputs,
    IntensityName,
    IntensityWindow,
    ResultsFolder,
    Threads,
    Weights,
    Wording,
    intensity_rule,
    process,
)
from napari_attnseg.errors import InputError
from napari_attnseg.spec import STRIDES
from napari_attnseg.threads import use_threads
from napari_attnseg.weights import DEFAULT_WEIGHTS

if TYPE_CHECKING:
    from napari_attnseg.explanations import Explainer, Requirement

ALL = "all"


def _list_methods(wanted: bool) -> None:
    if wanted:
        from napari_attnseg.explanations import EXPLAINERS

        width = max(map(len, EXPLAINERS))
        for name, explainer in EXPLAINERS.items():
            print(f"{name:{width}}  {traits(explainer)}")
        raise typer.Exit


def explain(
    inputs: Inputs,
    method: Annotated[
        str,
        typer.Option(
            help="Name of the explanation, as --list prints it; upper and lower "
            "case do not matter, and a space may be a hyphen or an underscore."
        ),
    ],
    out: ResultsFolder,
    weights: Weights = DEFAULT_WEIGHTS,
    device: Device = "auto",
    threads: Threads = 0,
    level: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            help="Pyramid level of the map, 1/4 to 1/32, or all; default 1/32. Only "
            "for explanations with one map per level.",
        ),
    ] = None,
    region: Annotated[
        Path | None,
        typer.Option(
            "--region",
            "--target",
            metavar="MASK",
            help="Image file with a mask of the upright image: pixels other than 0 "
            "are the region to explain. Default: the model's own mask. Only "
            "for explanations of a region.",
        ),
    ] = None,
    intensity: IntensityName = None,
    window: IntensityWindow = None,
    frame: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Explain this frame of each film, series or volume, counted from 0.",
        ),
    ] = None,
    list_methods: Annotated[
        bool,
        typer.Option(
            "--list",
            callback=_list_methods,
            is_eager=True,
            help="List the explanations and what each needs.",
        ),
    ] = False,
) -> None:
    """Write maps that explain the mask of each image, with one method.

    For each image and method, it writes NAME_METHOD_1-32.tif for each level, or
    NAME_METHOD.tif (float32, at the map's own resolution); NAME_METHOD.png, a picture
    with a colour bar that says what high and low values mean; and NAME_METHOD.json with
    provenance and what was measured of the map in this model. With --frame N the names
    begin with NAME_frame_00000N. An image that cannot be read is named and skipped; the
    exit code is then 1. Other files of a folder are counted by kind at the end. An
    earlier explanation of the same image with the same method is replaced; other files
    are not.
    """
    from napari_attnseg.batch import explain_images

    levels = None if level is None else parse_level(level)
    rule = intensity_rule(intensity, window)
    with without_collection(for_good=True):
        use_threads(threads)
        batch = explain_images(
            inputs, out, method, weights, device, levels, region, rule, frame
        )
    process(batch, Wording("explaining", "explained", "map"), out)


def parse_level(text: str) -> list[int]:
    """Parse levels: ``"1/32"`` or ``"32"`` → ``[32]``; ``"all"`` → every level.

    Raises
    ------
    InputError
        If the text has another form.
    """
    if text.strip().casefold() == ALL:
        return list(STRIDES)
    number = text.strip().removeprefix("1/")
    if not number.isdecimal() or int(number) not in STRIDES:
        known = ", ".join(f"1/{stride}" for stride in STRIDES)
        raise InputError(
            f"Expected a level such as {known} or {ALL}, but got {text!r}."
        )
    return [int(number)]


def traits(explainer: Explainer) -> str:
    """Describe the number of maps, whether they are of a region, and requirements."""
    parts = ["one map per level" if explainer.per_gate else "one map"]
    if explainer.targeted:
        parts.append("of a region")
    needs = [need_sentence(need) for need in explainer.needs]
    return " ".join(parts) + (f"; needs {' and '.join(needs)}" if needs else "")


def need_sentence(need: Requirement) -> str:
    """Describe a requirement, and how to meet it if a library is missing."""
    from napari_attnseg.explanations import Requirement

    missing = find_spec("captum") is None
    how = ' (not installed: pip install "napari-attnseg[explain]")' if missing else ""
    return {
        Requirement.ONE_GATE: "a model with one gate per level",
        Requirement.TWO_ENCODERS: "a model with two encoders",
        Requirement.CALIBRATION: "its calibration in the weights",
        Requirement.COMBINATION: "a measured combination in the weights",
        Requirement.CAPTUM: f"the library captum{how}",
    }[need]
