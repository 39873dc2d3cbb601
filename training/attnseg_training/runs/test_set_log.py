"""How often the weights of a run were measured on a split: a test set is for once."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from napari_attnseg.errors import AttnSegError
from napari_attnseg.io.atomic import write_text
from napari_attnseg.weights import weights_path

logger = logging.getLogger(__name__)
FILE = "evaluations.json"
#: Splits that a run itself looks at; all others are for once.
OWN = ("train", "val")


def note_look(weights: str | Path, summary: dict[str, Any]) -> dict[str, Any]:
    """Record an evaluation beside the run's weights; `summary` with what it was.

    ``look`` is 1 for the first time that weights of this run are measured on this split
    of this data set, and the protocol says so from the second on. Weights that lie in
    no run folder (bundled ones, say) have none.
    """
    run = weights_path(weights).parent
    if summary["split"] in OWN or not (run / "config.toml").is_file():
        return summary
    seen: list[dict[str, Any]] = []
    try:
        if (run / FILE).is_file():
            seen = json.loads((run / FILE).read_text(encoding="utf-8"))
        number = 1 + sum(
            all(past[key] == summary[key] for key in ("dataset", "split"))
            for past in seen
        )
        kept = ("date", "dataset", "split", "weights_sha256", "n")
        dice = summary["dice"]["mean"]
        seen.append({**{key: summary[key] for key in kept}, "dice": dice})
        write_text(run / FILE, json.dumps(seen, indent=1) + "\n")
    except (AttnSegError, OSError, ValueError, KeyError, TypeError) as error:
        logger.warning(
            "How often this run was measured could not be noted in %s (%s); delete "
            "that file if it is damaged.",
            run / FILE,
            error,
        )
        return summary
    protocol = summary["protocol"]
    if number > 1:
        protocol += (
            f"; evaluation {number} of this run on this split: what was found before "
            "may have been used to choose"
        )
    return {**summary, "protocol": protocol, "look": number}
