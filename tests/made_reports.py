"""Results to report on, and a report as a reader sees it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.results import Results, save_results
from napari_attnseg.results import AttentionMap, PatternValue, Segmentation

MEASURED = {"n": 88, "title": "Kvasir-SEG", "split": "val", "coverage": 0.9}


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def save(
    folder: Path,
    name: str = "polyp",
    side: int = 12,
    expected: Any = 0.9,
    frames: int | None = None,
    **more: Any,
) -> Path:
    """Results of an image beside them, with a square of `side` pixels."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(len(name))
    pixels = rng.integers(0, 255, (40, 60, 3), np.uint8)
    mask = np.zeros((40, 60), np.uint8)
    mask[10 : 10 + side, 20 : 20 + side] = 1
    state = "estimated" if isinstance(expected, float) else expected
    mean = expected if state == "estimated" else None
    facts = {
        "model": "tiny",
        "classes": ["polyp"],
        "weights": "w.safetensors",
        "weights_sha256": "0" * 64,
        "threshold": 0.5,
        "image_sha256": array_sha256(pixels),
        "mask_sha256": array_sha256(mask),
        "versions": {"torch": "2"},
        "date": "2026-01-01T00:00:00+00:00",
        **more,
    }
    if expected is not None:
        low = None if mean is None else mean - 0.1
        found = {"state": state, "mean": mean, "low": low, "high": mean}
        facts |= {"expected_dice": found, "expected_dice_measured": MEASURED}
    values = np.linspace(0, 1, 24, dtype=np.float32).reshape(4, 6)
    gates = [
        AttentionMap(values, 8, (10, 10), pattern=PatternValue.DECORATIVE),
        AttentionMap(values, 16, (10, 10), pattern=PatternValue.MATTERS),
    ]
    image = folder / f"{name}.image.png"
    Image.fromarray(pixels).save(image)
    probability = np.where(mask, 0.9, 0.1).astype(np.float32)[None]
    result = Segmentation(mask, probability, tuple(gates), facts)
    results = Results(name, str(image), [result] * (frames or 1), frames, image=image)
    return save_results(results, folder, re.sub(r"\W", "_", name))[-1]
