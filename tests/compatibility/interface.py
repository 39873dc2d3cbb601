"""What people type, import and read: everything that ``interface.json`` holds."""

from __future__ import annotations

import csv
import dataclasses
import inspect
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from old_files import FILES, LEFT_OUT, PLUGIN, expected_of


def apps() -> dict[str, Any]:
    """The typer app of each program."""
    from attnseg_training.cli import app as train
    from napari_attnseg.cli import app as attnseg

    return {"attnseg": attnseg, "attnseg-train": train}


def exit_codes() -> dict[str, int]:
    from napari_attnseg import exit_codes as command

    names = ("SOME_FAILED", "WRONG_USE", "INTERRUPTED")
    return {"DONE": 0, **{name: getattr(command, name) for name in names}}


def main_of(app: Any) -> Any:
    from napari_attnseg.exit_codes import main_for

    return main_for(app)


def names() -> dict[str, list[str]]:
    """What may be typed for an option or an argument, or given to a function."""
    from attnseg_training import config, model_settings
    from attnseg_training.datasets import DATASETS
    from attnseg_training.experiments.gate_ablation import GATES
    from attnseg_training.experiments.paper_rows import PAPER_TABLES
    from attnseg_training.gates.suites import SUITES
    from attnseg_training.losses import LOSSES
    from napari_attnseg import list_models
    from napari_attnseg.explanations import EXPLAINERS
    from napari_attnseg.models.catalog import FAMILIES
    from napari_attnseg.objects.descriptors import DESCRIPTORS
    from napari_attnseg.sample_data import SAMPLES
    from napari_attnseg.weights import bundled_weights

    return {
        "models": list_models(),
        "bundled weights": list(bundled_weights()),
        "samples": list(SAMPLES),
        "explanations": list(EXPLAINERS),
        "descriptors of objects": list(DESCRIPTORS),
        "recipes": sorted(path.stem for path in config.RECIPES.glob("*.toml")),
        "protocols": list(model_settings.PROTOCOLS),
        "trust gates": list(config.TRUST_GATES),
        "losses": list(LOSSES),
        "data sets": list(DATASETS),
        "suites": list(SUITES),
        "families": list(FAMILIES),
        "rows of the gates table": list(GATES),
        **{f"rows of table {n}": list(rows) for n, rows in PAPER_TABLES.items()},
    }


def settings() -> dict[str, str]:
    """What may stand in a recipe and stands in ``config.toml``, with its default."""
    from attnseg_training.config import TrainConfig

    return {
        field.name: without_address(field.default)
        for field in dataclasses.fields(TrainConfig)
    }


def public() -> dict[str, Any]:
    """Names of the package, and what is given to what they name and read of it."""
    import napari_attnseg
    from napari_attnseg import Segmentation, Segmenter, explain, list_models

    gate = Segmentation.__annotations__["attention"]
    assert "AttentionMap" in gate
    from napari_attnseg.explanations import Explanation
    from napari_attnseg.results import AttentionMap

    return {
        "napari_attnseg": list(napari_attnseg.__all__),
        "parameters": {
            "Segmenter.from_checkpoint": parameters(Segmenter.from_checkpoint),
            "Segmenter.__call__": parameters(Segmenter.__call__),
            "Segmenter.segment": parameters(Segmenter.segment),
            "Segmenter.encode": parameters(Segmenter.encode),
            "Segmenter.decode": parameters(Segmenter.decode),
            "explain": parameters(explain),
            "list_models": parameters(list_models),
        },
        "fields": {
            kind.__name__: attributes(kind)
            for kind in (Segmenter, Segmentation, AttentionMap, Explanation)
        },
    }


def attributes(kind: type) -> list[str]:
    """What people read of an object: its fields, and what is derived from them."""
    derived = [name for name, one in vars(kind).items() if isinstance(one, property)]
    return [field.name for field in dataclasses.fields(kind)] + derived


def without_address(value: Any) -> str:
    return re.sub(r" at 0x\w+", "", repr(value))


def parameters(function: Any) -> dict[str, str]:
    """Name → kind and default."""
    return {
        one.name: f"{one.kind.description}"
        + ("" if one.default is one.empty else f" = {without_address(one.default)}")
        for one in inspect.signature(function).parameters.values()
    }


def commands(command: Any, name: str = "") -> dict[str, Any]:
    """Words of each command → what may follow them, by the click command tree."""
    found = {name: dict(map(parameter, command.params))}
    for word, below in getattr(command, "commands", {}).items():
        found |= commands(below, f"{name} {word}".strip())
    return found


def parameter(one: Any) -> tuple[str, dict[str, Any]]:
    """An option by its first long name, an argument by its own."""
    return (max(one.opts, key=len) if one.opts else one.name), {
        "kind": one.param_type_name,
        "names": sorted([*one.opts, *one.secondary_opts]),
        "required": one.required,
        "default": without_address(one.default),
        "values": one.nargs,
        "repeated": bool(getattr(one, "multiple", False)),
        "flag": bool(getattr(one, "is_flag", False)),
    }


def manifest() -> dict[str, Any]:
    """What napari knows of the plugin: saved settings and scripts name these."""
    from npe2 import PluginManifest

    found = PluginManifest.from_distribution(PLUGIN).contributions
    return {
        "commands": [one.id for one in found.commands or []],
        "widgets": {one.display_name: one.command for one in found.widgets or []},
        "menus": {
            menu: [item.command for item in items]
            for menu, items in (found.menus or {}).items()
        },
        "readers": {
            one.command: [*one.filename_patterns, one.accepts_directories]
            for one in found.readers or []
        },
        "writers": {one.command: one.layer_types for one in found.writers or []},
        "samples": {one.key: one.display_name for one in found.sample_data or []},
        "preferences": {
            f"{name}.{key}": {
                "default": one.default,
                "choices": [*(one.enum or [])],
            }
            for name, group in (found.configurations or {}).items()
            for key, one in (group.properties or {}).items()
        },
    }


def keys(value: Any) -> Any:
    """The keys of JSON, below each other; of a list those of its first entry."""
    if isinstance(value, dict):
        return {key: keys(one) for key, one in value.items()}
    if isinstance(value, list):
        return [keys(value[0])] if value and isinstance(value[0], dict) else []
    return None


def written(files: Path) -> dict[str, Any]:
    """Names, keys and columns of what commands write, in a copy of ``files/``."""
    run, results, suite = (
        files / part for part in ("runs/done", "results/plain", "measured/suite")
    )
    found: dict[str, Any] = {
        "results folder": sorted(
            path.name for path in results.iterdir() if path.name.startswith("polyp")
        ),
        "run folder": sorted(
            {path.name for path in run.iterdir() if path.name != LEFT_OUT}
            | {"snapshots", *(run / LEFT_OUT).read_text("utf-8").split()}
        ),
    }
    for name in JSON_FILES:
        found[name] = keys(expected_of(files / name))
    for name in ("runs/done/log.csv", "measured/test.csv", "measured/classes.csv"):
        found[name] = columns(files / name)
    found["results/plain/polyp_objects.csv"] = columns(results / "polyp_objects.csv")
    found["measured/suite/per_image.csv"] = columns(suite / "per_image.csv")
    text = (run / "config.toml").read_text("utf-8")
    found["runs/done/config.toml"] = keys(tomllib.loads(text))
    return found


JSON_FILES = (
    "results/plain/polyp.json",
    "results/forced/polyp.json",
    "results/rules/two.json",
    "results/medsam/polyp.json",
    "results/stack/stack.json",
    "results/what-if of a stack/stack_what_if.json",
    "runs/done/run.json",
    "runs/done/progress.json",
    "runs/done/evaluations.json",
    "measured/test.json",
    "measured/look-2.json",
    "measured/medsam.json",
    "measured/classes.json",
    "measured/compare.json",
    "measured/check.json",
    "measured/suite/faithfulness.json",
    "measured/benchmark.json",
    "release/release.json",
    "release/seed-0/test.json",
    "release/gates.json",
    "table-3/table.json",
    "table-gates/table.json",
)


def columns(file: Path) -> list[str]:
    with file.open(newline="", encoding="utf-8") as lines:
        return next(csv.reader(lines))


def everything() -> dict[str, Any]:
    """All that is frozen."""
    from typer.main import get_command

    return {
        "commands": {name: commands(get_command(app)) for name, app in apps().items()},
        "exit codes": exit_codes(),
        "python": public(),
        "napari": manifest(),
        "names": names(),
        "settings": settings(),
        "files": written(FILES),
    }


def to_text(value: Any, depth: int = 4) -> str:
    """JSON with the first levels on lines of their own."""
    if not (depth and isinstance(value, dict) and value):
        return json.dumps(value, ensure_ascii=False)
    lines = (f"{json.dumps(k)}: {to_text(v, depth - 1)}" for k, v in value.items())
    return "{\n" + ",\n".join(lines) + "\n}"
