"""What a layer of a result carries in its metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: Key of what is ours in ``layer.metadata``.
METADATA = "attnseg"


#: Key, in ``layer.metadata`` of a mask, of the JSON file that its run was saved as.
RESULTS_FILE = "attnseg results file"


#: ``made_from`` of a what-if that was kept: a run's parts, but no run to work on.
WHAT_IF = "what if"


def run_of(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """What the layers of one run have in common, of their ``metadata["attnseg"]``."""
    return tuple(str(facts.get(key)) for key in ("date", "source", "weights_sha256"))


def class_number(part: str) -> int:
    """Of a layer's ``part``: ``probability`` → 0, ``probability 12`` → 12."""
    return int(part.removeprefix("probability") or 0)


def image_name(layer: Any) -> str:
    """Name of the image that one of our layers was made of: ``polyp · mask`` → polyp.

    Not what its provenance calls the source: that is a whole path if there is a file.
    """
    name: str = layer.name
    return name.partition(" · ")[0]


def number_of(layer: Any) -> str:
    """`` [1]`` of a second run's layers, which napari numbers; else empty."""
    found = re.search(r" \[\d+\]$", layer.name)
    return found[0] if found else ""
