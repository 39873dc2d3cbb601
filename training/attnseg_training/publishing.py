"""Weights for others: half the size, words and measured numbers in their card."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Any

from napari_attnseg.checkpoints import checkpoint_bytes, load_checkpoint
from napari_attnseg.errors import InputError
from napari_attnseg.saving import write_bytes

TEXTS = ("classes", "data", "licence", "use", "limits")


def export(
    weights: Path,
    out: Path,
    half: bool = False,
    texts: Path | None = None,
    metrics: Path | None = None,
    gates: Path | None = None,
) -> str:
    """Write weights again with more in their card; returns the tensors' SHA-256.

    Parameters
    ----------
    weights, out : Path
        Weights file to read, and to write.
    half : bool
        Store float16. Evaluate what comes out, not what went in.
    texts : Path, optional
        TOML file with any of ``classes, data, licence, use, limits``.
    metrics : Path, optional
        JSON of ``attnseg-train evaluate`` on exactly these tensors.
    gates : Path, optional
        JSON of ``attnseg-train faithfulness`` on exactly these tensors.

    Raises
    ------
    CheckpointError
        If the weights cannot be read.
    InputError
        If a file cannot be read, or its numbers are of other weights.
    """
    network, card, _ = load_checkpoint(weights)
    said = _read(texts, tomllib.loads) if texts else {}
    unknown = sorted(set(said) - set(TEXTS))
    if unknown:
        raise InputError(f"Expected only {', '.join(TEXTS)}, got also {unknown}.")
    if "classes" in said:
        said["classes"] = tuple(said["classes"])
    measured = _read(metrics, json.loads) if metrics else {}
    found = _read(gates, json.loads) if gates else {}
    card = dataclasses.replace(
        card, **said, metrics=measured, gates=found.get("gates", {})
    )
    data, digest = checkpoint_bytes(network.state_dict(), card, half)
    for path, numbers in ((metrics, measured), (gates, found)):
        if numbers and numbers.get("weights_sha256") != digest:
            raise InputError(
                f"{path} was measured on other weights "
                f"({numbers.get('weights_sha256')}); measure these ({digest}) and "
                "export again."
            )
    write_bytes(out, data)
    return digest


def _read(path: Path, parse: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); check the file.") from error
    return found
