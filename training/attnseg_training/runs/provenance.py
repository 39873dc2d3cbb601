"""Provenance of a run in ``run.json``: code, versions, device, data, protocol."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from attnseg_training.config import TrainConfig, without_folders
from attnseg_training.datasets import Sample
from napari_attnseg.cards import ModelCard, versions
from napari_attnseg.errors import InputError
from napari_attnseg.intensity import DEFAULT_PERCENTILES
from napari_attnseg.io.atomic import write_text
from napari_attnseg.protocols import SplitRule
from napari_attnseg.run_files import LogRow
from napari_attnseg.spec import ModelSpec, Preprocessing

FILE = "run.json"


def record(
    folder: Path,
    parts: Mapping[str, Sequence[Sample]],
    config: TrainConfig,
    device: str,
    processes: int,
    rule: SplitRule,
    findings: Mapping[str, Any],
) -> dict[str, Any]:
    """Add this session to the ``run.json`` of a run folder; returns its record.

    A resumed run may use other code or another device, so each session has an entry.
    The data must be the same. `rule` is the rule of its splits, and `findings` are the
    findings in the data that did not stop the run.

    Raises
    ------
    InputError
        If the data differ from those that the run began with.
    """
    data = fingerprint(parts)
    facts = expect_data(folder, data, config) or {"data": data, "sessions": []}
    session = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "code": code(),
        "versions": {
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "cuda": torch.version.cuda,
            **versions(),
        },
        "device": device_name(device),
        "processes": processes,
        "seed": config.seed,
        "split_seed": config.split_seed,
        "protocol_name": config.protocol,
        "split_rule": rule.to_json(),
        **findings,
    }
    facts["sessions"].append(session)
    write_text(folder / FILE, json.dumps(facts, indent=1) + "\n")
    return {"data": data, **session, "sessions": len(facts["sessions"])}


def expect_data(
    folder: Path, data: dict[str, Any], config: TrainConfig
) -> dict[str, Any]:
    """Return the ``run.json`` of a run that began with data of this `fingerprint`.

    The result is empty if there is no such file, as for a new run.

    Raises
    ------
    InputError
        If the run began with different data.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if facts["data"] != data:
        raise InputError(
            f"The images, masks or splits in {config.data} are not those with which "
            f"the run in {folder} began; resume it with its own data, or choose "
            "another --out."
        )
    return facts


def run_preprocessing(spec: ModelSpec, begun: ModelCard | None = None) -> Preprocessing:
    """Return the preprocessing of a run's network.

    Intensities are clipped at `DEFAULT_PERCENTILES`, computed without a constant
    border. A run that continues from weights with the card `begun` keeps the rule of
    that card.
    """
    if begun is not None:
        return begun.preprocessing
    return Preprocessing(spec.size, *DEFAULT_PERCENTILES, without_border=True)


def card_of(
    spec: ModelSpec,
    preprocessing: Preprocessing,
    classes: tuple[str, ...],
    data: str,
    origin: dict[str, Any],
    rows: Sequence[LogRow],
    image_colours: str = "",
) -> ModelCard:
    """Make the card of a run's weights after the last of `rows`.

    `origin` is the provenance that was known before the first epoch, and
    `image_colours` an `ImageColours` of the training images.
    """
    return ModelCard(
        spec=spec,
        preprocessing=preprocessing,
        classes=classes,
        data=data,
        training={
            **origin,
            "epoch": rows[-1].epoch,
            "val_dice": rows[-1].val_dice,
            "seconds": sum(row.seconds for row in rows),
        },
        image_colours=image_colours,
    )


def fingerprint(parts: Mapping[str, Sequence[Sample]]) -> dict[str, Any]:
    """Count the images of each part, and hash all names and all files' bytes."""
    digest = hashlib.sha256()
    for part, samples in sorted(parts.items()):
        for sample in samples:
            digest.update(json.dumps([part, sample.name]).encode())
            if sample.values:  # another order of them is other classes
                digest.update(json.dumps(sample.values).encode())
            if sample.ignore is not None:
                digest.update(f"ignore {sample.ignore}".encode())
            if sample.background:
                digest.update(f"background {sample.background}".encode())
            if sample.threshold is not None:
                digest.update(f"threshold {sample.threshold:g}".encode())
            for file in (sample.image, *sample.masks):
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    sizes = {part: len(samples) for part, samples in parts.items()}
    return {**sizes, "sha256": digest.hexdigest()}


def code() -> str:
    """Return the commit of the running checkout, or the installed version.

    ``+changes`` follows the commit if files differ from it.
    """
    here = Path(__file__)

    def git(*words: str) -> str:
        command = ["git", "--no-optional-locks", "-C", str(here.parent), *words]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=20
        )
        return done.stdout.strip()

    try:
        # An environment may lie within another project's checkout.
        git("ls-files", "--error-unmatch", here.name)
        commit = git("rev-parse", "HEAD")
        changes = git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return f"version {versions()['napari-attnseg']}"
    return f"commit {commit}{'+changes' if changes else ''}"


def device_name(device: str) -> str:
    """Return the name of the CPU or GPU as its vendor gives it."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    if device != "cpu":
        return f"{device}, {platform.machine()}"
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    return f"{name}, {os.cpu_count()} cores"


def settings_without_folders(config: TrainConfig) -> dict[str, Any]:
    """Return the settings for the card, with file names in place of paths."""
    return {
        **dataclasses.asdict(config),
        "data": Path(config.data).name,
        "encoder_weights": without_folders(config.encoder_weights),
        "init": Path(config.init).name,
        "cache": Path(config.cache).name,
        "trust_labels": Path(config.trust_labels).name,
    }
