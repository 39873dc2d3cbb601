"""Results that attnseg wrote, of which tests replace the mask."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.results import Results, save_results
from napari_attnseg.io.stack_results import FORMAT
from napari_attnseg.results import Segmentation


def saved(folder: Path, mask: np.ndarray) -> Path:
    facts = {"source": "x", "classes": ["lesion"], "image_sha256": "a"}
    facts["mask_sha256"] = array_sha256(mask)
    run = Segmentation(mask, mask[None].astype(np.float32), (), facts)
    return save_results(Results("x", "x", [run]), folder, "x")[-1]


def film(folder: Path, mask: np.ndarray) -> Path:
    (folder / "x").mkdir()
    facts = {"source": "x.mp4", "classes": ["lesion"]}
    story = {"format": FORMAT, "provenance": facts, "mask_value": 255, "frames": [4]}
    story |= {"files": {"masks": "x", "table": "x_frames.csv"}, "complete": True}
    (folder / "x.json").write_text(json.dumps(story))
    row, column = (one.mean() if len(one) else "" for one in np.nonzero(mask))
    (folder / "x_frames.csv").write_text(
        f"frame,area_px,centre_row,centre_column\n4,{mask.sum()},{row},{column}\n"
    )
    return folder / "x.json"
