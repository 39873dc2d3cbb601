"""A tidy table of reviews: a row per reviewer and case."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from napari_attnseg.review.journal import Journal
from napari_attnseg.review.state import CaseState, Event
from napari_attnseg.review.study import MAPS, MASK

#: Column → what it holds.
COLUMNS = {
    "reader": "name of the reviewer",
    "mode": "review or study",
    "seed": "of the order of a study",
    "case": "name of the case",
    "position": "number in the order of the reviewer, from 1",
    "decision": "accepted, corrected or rejected; empty: open",
    "comment": "the comment as it is now",
    "visits": "how often the case was brought on screen",
    "seconds": "on screen while the window was active, all visits together",
    "seconds_away": "on screen while another window was active",
    "seconds_to_decision": "of the visit in which the case was first decided, until "
    "then, while the window was active",
    "mask_hidden_first": "1: the mask was hidden until asked for; 0: it was not",
    "seconds_to_mask": "until it was asked for, in that visit; empty: never",
    "seconds_to_maps": "until maps were first asked for, in that visit; empty: never",
    "decisions": "number of decisions, those that were taken back included",
    "taken_back": "number of those",
    "mask": "file of the accepted or painted mask, as seen from the reviewer's file",
    "image_sha256": "hash of the pixels",
}
REVIEW_MODE, STUDY_MODE = "review", "study"


def rows(journal: Journal) -> list[dict[str, Any]]:
    """Rows of one reviewer, in the order of the cases' positions.

    A case of a study that was never opened has a row, too, with 0 visits. If the
    process was killed during a visit, its time ends with the last event.
    """
    header = journal.header
    study = "seed" in header
    of_case: dict[str, list[Mapping[str, Any]]] = {
        str(name): [] for name in header.get("order", ())
    }
    for event in journal.events:
        if "case" in event:
            of_case.setdefault(str(event["case"]), []).append(event)
    common = {
        "reader": journal.reader,
        "mode": STUDY_MODE if study else REVIEW_MODE,
        "seed": header.get("seed", ""),
        "mask_hidden_first": int(bool(header.get("hide_masks", False))),
    }
    planned = {name: i for i, name in enumerate(header.get("order", ()), 1)}
    found = [
        {**common, "position": planned.get(name, ""), **_row(name, events)}
        for name, events in of_case.items()
    ]
    return sorted(found, key=lambda row: (row["position"] == "", row["position"] or 0))


def _row(name: str, events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    state = CaseState()
    row: dict[str, Any] = {"case": name, "visits": 0, "decisions": 0, "taken_back": 0}
    spent = {"seconds": 0.0, "seconds_away": 0.0}
    visit = dict(spent)
    for event in events:
        kind = event.get("event")
        before = state.last
        state.take(event)
        if kind == Event.OPENED:
            spent = {key: spent[key] + visit[key] for key in spent}
            visit = dict.fromkeys(spent, 0.0)
            row["visits"] += 1
            row["position"] = event.get("position", "")
        visit |= {key: float(event[key]) for key in spent if key in event}
        if kind == Event.DECIDED:
            # Each stroke is written; together they are one decision.
            row["decisions"] += before is None or (
                (before.decision, before.mask)
                != (event.get("decision"), event.get("mask"))
            )
            row.setdefault("seconds_to_decision", event.get("seconds", ""))
        elif kind == Event.UNDONE:
            row["taken_back"] += 1
        elif kind == Event.SHOWN and event.get("what") in (MASK, MAPS):
            row.setdefault(f"seconds_to_{event['what']}", event.get("seconds", ""))
    row |= {key: round(spent[key] + visit[key], 3) for key in spent}
    last = state.last
    row["decision"] = "" if last is None else str(last.decision)
    row["mask"] = "" if last is None or last.mask is None else last.mask
    return row | {"comment": state.comment, "image_sha256": state.image_sha256 or ""}


def csv_text(journals: Iterable[Journal]) -> str:
    """Rows of all reviewers as CSV, with the columns of `COLUMNS`."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(COLUMNS), restval="", lineterminator="\n")
    writer.writeheader()
    for journal in journals:
        writer.writerows(rows(journal))
    return buffer.getvalue()
