"""One page for one case or a series: self-contained HTML without scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import jinja2

from napari_attnseg import __version__
from napari_attnseg.card_summary import NOT_FOR_DIAGNOSIS, card_lines
from napari_attnseg.cards import read_card, weights_hash
from napari_attnseg.colormaps import GATE_STOPS
from napari_attnseg.errors import InputError
from napari_attnseg.gate_words import TWO_ENCODERS
from napari_attnseg.reports.cases import Case
from napari_attnseg.reports.described import Described
from napari_attnseg.reports.facts import shared_rows
from napari_attnseg.reports.measured import Fact
from napari_attnseg.reports.order import ORDER_WORDS
from napari_attnseg.reports.pictures import DOUBT_STOPS, gradient
from napari_attnseg.reports.views import View, view_of
from napari_attnseg.results import GATE_LEGEND
from napari_attnseg.uncertainty import DOUBT_MEANING
from napari_attnseg.weights import bundled_weights

Describe = Callable[[Sequence[Fact]], Described | None]


def report_html(
    cases: Iterable[Case],
    title: str = "Segmentation report",
    *,
    number_cases: bool = False,
    paths: bool = False,
    describe: Describe | None = None,
) -> str:
    """Render cases as one HTML page; those that most need a look come first.

    The page fetches and runs nothing, and all text is escaped. Its pictures are smaller
    than the images, so they are not suitable for measurements. Identifiers of patients
    in the provenance are always left out.

    Parameters
    ----------
    cases : iterable of Case
        Images are drawn one by one and not kept.
    title : str
    number_cases : bool
        Whether to call the cases *Case 1*, *Case 2* … in the given order, and to show
        no file names, because they may name patients.
    paths : bool
        Whether to show the folders of the images on this machine.
    describe : callable, optional
        Called with the facts of a case; returns a machine-written text on it, or None.
        See `described.Describer`. Without it nothing is sent anywhere.

    Raises
    ------
    InputError
        If there is no case.
    """
    views: list[View] = []
    left_out: dict[tuple[str, str], int] = {}
    for i, case in enumerate(cases, 1):
        views.append(view_of(case, i if number_cases else None, paths))
        left_out[case.file, case.source] = case.left_out
    if not views:
        raise InputError(
            "Expected at least one case to report on, but got none; give results of "
            "attnseg segment."
        )
    views.sort(key=lambda view: view.worth)
    common = shared_rows([view.rows for view in views])
    template = files("napari_attnseg.reports").joinpath("report.html")
    page = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).from_string(template.read_text(encoding="utf-8"))
    now = datetime.now(UTC)
    return page.render(
        title=title,
        made=f"{now:%Y-%m-%d %H:%M} UTC with napari-attnseg {__version__}",
        cases=[_with_facts(view, common, describe) for view in views],
        common=common,
        order=ORDER_WORDS,
        left_out=sum(left_out.values()),
        measured=list(dict.fromkeys(_details(views))),
        findings=list(dict.fromkeys(_findings(views))),
        cards=_cards(views),
        doubt_meaning=DOUBT_MEANING,
        gate_legend=GATE_LEGEND,
        two_encoders=TWO_ENCODERS,
        gate_gradient=gradient(GATE_STOPS),
        doubt_gradient=gradient(DOUBT_STOPS),
    )


def _with_facts(
    view: View,
    common: dict[str, str],
    describe: Describe | None,
) -> dict[str, Any]:
    own = {name: value for name, value in view.rows.items() if name not in common}
    text = None if describe is None else describe(view.measured)
    if text is not None:
        own["machine-written text"] = f"by {text.model}. {text.left_out}".strip()
    return {**view.page, "facts": own, "described": text}


def _details(views: Iterable[View]) -> Iterable[str]:
    """Sentences on how each expected Dice was measured."""
    return (view.expected.details for view in views if view.expected is not None)


def _findings(views: Iterable[View]) -> Iterable[str]:
    """Findings of the gate suite for each gate, with their numbers."""
    return (gate["finding"] for view in views for gate in view.page["gates"])


def _cards(views: Iterable[View]) -> list[str]:
    """Intended use and limits of bundled weights; unknown for other weights."""
    used = {view.weights_sha256 for view in views}
    found = []
    for name, path in bundled_weights().items():
        if weights_hash(path) in used:
            used.discard(weights_hash(path))
            what, warning = card_lines(read_card(path))
            # The page says so already, once.
            warning = warning.replace(NOT_FOR_DIAGNOSIS, "").strip()
            found.append(f"Weights {name}: {what} {warning}".strip())
    if used:
        found.append(
            "What the weights were measured to be worth stands in their model card, "
            "which these results do not hold."
        )
    return found
