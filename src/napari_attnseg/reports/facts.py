"""Provenance as rows of a table, without fields that may identify a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from napari_attnseg.boxes import box_of
from napari_attnseg.corrections.clicks import CLICKS
from napari_attnseg.corrections.session import clicks_words
from napari_attnseg.hashing import array_sha256
from napari_attnseg.masks import MEDSAM, RULES, rules_of
from napari_attnseg.reports.cases import Case, plain_source

Rows = dict[str, str]
#: Key, in the provenance of a case, of whether the run ended before the last frame.
STOPPED = "stopped"


def provenance_rows(case: Case, paths: bool, numbered: bool) -> Rows:
    """Rows, name → value, on how the result of a case was made.

    Parameters
    ----------
    case : Case
    paths : bool
        Whether to show the folder of the image on this machine.
    numbered : bool
        Whether file names are left out, because they may name a patient.
    """
    facts = case.result.provenance
    rows: Rows = {}
    if not numbered:
        rows["image"] = case.source if paths else plain_source(case.source)
        rows["details in"] = case.file
    if case.frame is not None:
        rows["frame"] = str(case.frame)
    height, width = case.result.mask.shape
    rows["image size"] = f"{width} × {height} px"
    pixel = case.pixel
    if pixel.unit is not None:
        size = f"{pixel.width:.4g} × {pixel.height:.4g} {pixel.unit}"
        rows["size of a pixel"] = f"{size} (width × height)"
    rows["model"] = str(facts.get("model", ""))
    rows["weights"] = str(facts.get("weights", ""))
    rows["weights, SHA-256"] = str(facts.get("weights_sha256", ""))
    rows["finds"] = ", ".join(map(str, facts.get("classes", ())))
    rows["network's input"] = f"{s} × {s} px" if (s := facts.get("input_size")) else ""
    rows["intensities"] = str(facts.get("intensity", ""))
    rows["mask"] = _mask_words(facts)
    rows["averaged over mirror images"] = "yes" if facts.get("flip_augmented") else ""
    forced = facts.get("gates_forced") or {}
    rows["gates forced"] = ", ".join(f"{k} = {v}" for k, v in forced.items())
    rows["box"] = "" if (box := box_of(facts)) is None else str(box)
    rows["refined by"] = "MedSAM" if MEDSAM in facts else ""
    now = {case.frame: array_sha256(case.result.mask)}
    rows["corrected by"] = clicks_words(facts.get(CLICKS), now)
    rows |= _file_rows(facts.get("file_facts") or {})
    every = facts.get("every", 1)
    rows["frames segmented"] = f"one of {every}" if every > 1 else ""
    rows["run"] = "stopped before the last frame" if facts.get(STOPPED) else ""
    rows["device"] = _words(facts.get("device", ""), facts.get("precision", ""))
    versions = facts.get("versions") or {}
    rows["versions"] = ", ".join(f"{name} {value}" for name, value in versions.items())
    rows["date of the run"] = str(facts.get("date", ""))
    rows["pixels, SHA-256"] = str(facts.get("image_sha256", ""))
    rows["mask, SHA-256"] = str(facts.get("mask_sha256", ""))
    return {name: value for name, value in rows.items() if value}


def shared_rows(tables: Sequence[Rows]) -> Rows:
    """Rows that several cases have in common; empty for one case."""
    if len(tables) < 2:
        return {}
    first, *others = tables
    return {
        name: value
        for name, value in first.items()
        if all(one.get(name) == value for one in others)
    }


def _mask_words(facts: Mapping[str, Any]) -> str:
    rules = rules_of(facts)
    parts = [f"probability of {rules.threshold:g} or more"]
    if RULES in facts:
        parts += [f"smoothed by {rules.smoothing:g} px"] if rules.smoothing else []
        parts += [f"objects from {rules.min_size} px"] if rules.min_size else []
        parts += ["holes filled"] if rules.fill_holes else []
        parts += ["largest object only"] if rules.largest else []
    return ", ".join(parts)


def _file_rows(file: Mapping[str, Any]) -> Rows:
    """Facts of a DICOM, NIfTI or other file from its reader, without identifiers."""
    window = file.get("window")
    named = {"format": "format of the file", "modality": "modality"}
    rows = {title: str(file.get(key) or "") for key, title in named.items()}
    rows["window of the file"] = " to ".join(f"{v:g}" for v in window) if window else ""
    for key, title in (("assumed", "assumed of the file"), ("not_used", "not used")):
        rows[title] = _words(*(one.replace("_", " ") for one in file.get(key) or ()))
    return rows


def _words(*parts: Any) -> str:
    return ", ".join(str(part) for part in parts if part)
