"""Python code that repeats the clicks on a mask, from provenance. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_attnseg.corrections.clicks import CLICKS, clicks_to_json
from napari_attnseg.corrections.session import clicks_by
from napari_attnseg.intensity import rule_of
from napari_attnseg.masks import MEDSAM
from napari_attnseg.reproduce_image import comment

#: What is said of clicks.
CLICKED = "The mask was then corrected by these clicks."
#: Correctors as provenance names them; see `corrections.of_model.corrector_of`.
_HEAD, _SIMILARITY = "click_head", "feature_similarity"


def clicks_code(facts: Mapping[str, Any], encoded: str) -> list[str]:
    """Code that repeats the clicks on a single image; none if there were none.

    Parameters
    ----------
    facts : mapping
        Provenance of the run.
    encoded : str
        Python expression for the result of `Segmenter.encode`. The code around it
        defines `segmenter`, `image` and `result`.
    """
    made = facts.get(CLICKS)
    if made is None or isinstance(facts["mask_sha256"], list):
        return []
    lines = [
        "",
        "from napari_attnseg.corrections import clicks_from_json, correct",
        "",
        *comment(CLICKED).splitlines(),
        "mask = result.mask",
    ]
    for by, clicks in clicks_by(made):
        if by.get("corrector") == MEDSAM:
            lines += _by_medsam(facts, by.get(MEDSAM, {}))
        else:
            lines += _by_model(facts, by.get("corrector"), encoded)
        # Read and written again: somebody's file holds numbers only then.
        lines += [
            f"clicks = clicks_from_json({clicks_to_json(clicks)!r})",
            "mask = correct(corrector, mask, clicks).mask",
        ]
    return lines


def _by_model(facts: Mapping[str, Any], name: Any, encoded: str) -> list[str]:
    rule = ", similarity=True" if name == _SIMILARITY else ""
    lines = [
        "from napari_attnseg.corrections.of_model import corrector_of",
        "",
        "corrector = corrector_of(",
        f"    segmenter, {encoded}, result.probability, {facts['threshold']!r}{rule}",
        ")",
    ]
    if name == _HEAD:
        lines += [
            f"if corrector.name != {_HEAD!r}:",
            "    raise SystemExit('These weights lack the click head of the run.')",
        ]
    return lines


def _by_medsam(facts: Mapping[str, Any], sam: Mapping[str, Any]) -> list[str]:
    rule, files = rule_of(facts), dict(sam.get("files_sha256", {}))
    hashes = ", ".join(f"{name} {sha256}" for name, sha256 in files.items())
    name = str(sam.get("name"))
    text = f"Put the path of MedSAM's folder {name} below (SHA-256: {hashes})."
    return [
        "from napari_attnseg.corrections.by_medsam import MedsamCorrector",
        f"from napari_attnseg.intensity import {type(rule).__name__}",
        "from napari_attnseg.medsam import Medsam",
        "",
        *comment(text).splitlines(),
        f"sam = Medsam.from_folder({name!r}, {str(sam.get('device', 'auto'))!r})",
        f"if sam.files != {files!r}:",
        "    raise SystemExit('This is another MedSAM than that of the run.')",
        f"seen = sam.encode(image, intensity={rule!r})",
        "corrector = MedsamCorrector(sam, seen, mask.shape, len(result.probability))",
    ]
