"""Encoders, parameters and multiply-accumulates of each model, without building it.

Parameters and multiply-accumulates are read from ``counts.json``, because counting them
takes half a minute. A model that has no row there yet is counted on request. After a
change of the catalog, write the table again::

    python -m napari_attnseg.models.summary --write
"""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_attnseg.cards import read_card
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.io.atomic import write_text
from napari_attnseg.models.catalog import MODELS
from napari_attnseg.spec import ModelSpec
from napari_attnseg.weights import bundled_weights

if TYPE_CHECKING:
    from napari_attnseg.models.network import SegmentationNetwork

COUNTS_FILE = Path(__file__).with_name("counts.json")
#: Architecture → library that is not among the plugin's own requirements.
LIBRARIES = {
    "unet": "monai",
    "resunet": "monai",
    "attention_unet": "monai",
    "deeplabv3": "segmentation_models_pytorch",
    "deeplabv3plus": "segmentation_models_pytorch",
}


def model_rows() -> list[dict[str, Any]]:
    """One JSON-ready row per catalog name.

    ``name``, ``about``, ``encoders`` (the CNN first), ``architecture``, ``fusion``
    (None with one encoder), ``parameters``, ``gmac`` (10⁹ multiply-accumulates of one
    forward pass at ``input_size``, counted on torch's meta device; both None for a
    model whose library is not installed), ``input_size``, ``bundled`` (whether weights
    of it are bundled), ``weights`` (their name, or None).
    """
    known = read_counts()
    bundled = {read_card(p).spec.name: name for name, p in bundled_weights().items()}
    rows = []
    for spec in MODELS.values():
        counts = _counts(spec, known)
        rows.append(
            {
                "name": spec.name,
                "about": spec.about,
                "encoders": [e.name for e in spec.encoders if e.name != "image"],
                "architecture": spec.architecture,
                "fusion": spec.fusion if spec.architecture == "dual" else None,
                "parameters": counts["parameters"],
                "gmac": counts["gmac"],
                "input_size": spec.size,
                "bundled": spec.name in bundled,
                "weights": bundled.get(spec.name),
            }
        )
    return rows


def read_counts() -> dict[str, dict[str, Any]]:
    """Read ``parameters`` and ``gmac`` of each catalog name from the table."""
    counts: dict[str, dict[str, Any]] = json.loads(COUNTS_FILE.read_text("utf-8"))
    return counts


def _counts(spec: ModelSpec, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    library = LIBRARIES.get(spec.architecture)
    if library is None or find_spec(library) is not None:
        return known.get(spec.name) or count(build_on_meta(spec))
    return {"parameters": None, "gmac": None}


def build_on_meta(spec: ModelSpec) -> SegmentationNetwork:
    """Network on torch's meta device, in eval mode: shapes without numbers.

    Raises
    ------
    InputError
        If its library is not installed.
    """
    import torch

    from napari_attnseg.models.initial_values import without_initial_values
    from napari_attnseg.models.network import SegmentationNetwork

    with torch.device("meta"), without_initial_values():
        return SegmentationNetwork(spec).eval()


def count(network: SegmentationNetwork) -> dict[str, Any]:
    """``parameters`` and ``gmac`` of a network on the meta device."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    size = network.spec.size
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(1, 3, size, size, device="meta"))
    return {
        "parameters": sum(p.numel() for p in network.parameters()),
        # The counter counts a multiplication and an addition as two.
        "gmac": round(counter.get_total_flops() / 2e9, 2),
    }


def write_counts() -> None:
    """Count every model of the catalog and write the table.

    Raises
    ------
    InputError
        If a library is missing, because its models would be left out.
    """
    counts = {name: count(build_on_meta(spec)) for name, spec in MODELS.items()}
    lines = [f"{json.dumps(name)}: {json.dumps(row)}" for name, row in counts.items()]
    write_text(COUNTS_FILE, "{\n  " + ",\n  ".join(lines) + "\n}\n")


def main(arguments: list[str]) -> None:
    """Write the table; the option ``--write`` must confirm that a file is changed."""
    if arguments != ["--write"]:
        raise InputError(
            "Expected python -m napari_attnseg.models.summary --write, which counts "
            f"every model and writes {COUNTS_FILE.name}; attnseg models lists them."
        )
    write_counts()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except AttnSegError as error:
        sys.exit(str(error))
