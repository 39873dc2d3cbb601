"""Names and colours of the classes of a result. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from napari_attnseg.colormaps import CLASS_COLOURS


def class_names(provenance: Mapping[str, Any], count: int) -> list[str]:
    """Names of the classes, from the model card; numbers if it has none."""
    names = [str(name) for name in provenance.get("classes", ())]
    return names if len(names) == count else [f"class {c + 1}" for c in range(count)]


def class_options(classes: Sequence[str]) -> dict[str, Any]:
    """Options of a mask's Labels layer: a colour for each class, and their names.

    napari shows the features of the label under the pointer in its status bar.
    """
    colormap: dict[int | None, str] = {None: "transparent", 0: "transparent"}
    colormap |= {c + 1: _class_colour(c) for c in range(len(classes))}
    options: dict[str, Any] = {"colormap": colormap}
    if len(classes) > 1:
        named = ["background", *classes]
        options["features"] = {"index": list(range(len(named))), "class": named}
    return options


def class_legend(classes: Sequence[str]) -> str:
    """Rich text with the colour of each class, one per line; empty for one class."""
    if len(classes) < 2:
        return ""
    return "<br>".join(
        f'<span style="color: {_class_colour(c)}">■</span> {escape(name)}'
        for c, name in enumerate(classes)
    )


def _class_colour(index: int) -> str:
    return CLASS_COLOURS[index % len(CLASS_COLOURS)]
