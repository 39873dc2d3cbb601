"""Log of the evaluations of a run: a test set should be used only once."""

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
#: Splits that a run itself uses; all others should be evaluated on only once.
RUN_SPLITS = ("train", "val")


def record_evaluation(weights: str | Path, summary: dict[str, Any]) -> dict[str, Any]:
    """Warn when a test set is evaluated more than once.

    Records the evaluation in ``evaluations.json`` beside the run's weights and counts
    how often weights of this run were evaluated on this split of this data set. Weights
    outside of a run folder, such as bundled ones, have no such record.

    Parameters
    ----------
    weights : str or Path
        Bundled name or file.
    summary : dict
        From `EvaluationReport.summary`.

    Returns
    -------
    dict
        The summary with the count as ``look``. From the second time on, its
        ``protocol`` states the count, too. The summary is unchanged if there is no
        record.
    """
    run = weights_path(weights).parent
    if summary["split"] in RUN_SPLITS or not (run / "config.toml").is_file():
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
