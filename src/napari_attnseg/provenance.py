"""The record of one run: weights, image, settings, versions, date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.cards import versions
from napari_attnseg.encoded_image import EncodedImage
from napari_attnseg.engines import ASKED
from napari_attnseg.forced_gates import Forced
from napari_attnseg.hashing import array_sha256
from napari_attnseg.intensity import MAPPING, RULE, rule_to_json
from napari_attnseg.results import GateKey, gate_label
from napari_attnseg.several_pictures import PICTURES

if TYPE_CHECKING:
    from napari_attnseg.inference import Segmenter


def provenance_of_run(
    segmenter: Segmenter,
    encoded: EncodedImage,
    gates: Mapping[GateKey, Forced],
    threshold: float,
    mask: NDArray[np.uint8],
) -> dict[str, Any]:
    """Everything that the mask of a run depends on, in a form that JSON can hold.

    Parameters
    ----------
    segmenter : Segmenter
        The weights, with the device and the engine that computed.
    encoded : EncodedImage
        The image, and how its intensities were mapped.
    gates : mapping of int or (int, str) to float, str or ndarray (h, w)
        Gates that were forced; for an array, only the word "array" is kept.
    threshold : float
        Threshold in [0, 1].
    mask : ndarray of uint8, shape (H, W)
        The mask; its hash is kept.
    """
    return {
        "model": segmenter.card.spec.name,
        "classes": list(segmenter.card.classes),
        "weights": segmenter.weights,
        "weights_sha256": segmenter.sha256,
        "device": segmenter.chosen_device,
        "engine": segmenter.engine.label,
        "precision": segmenter.engine.precision,
        **({ASKED: segmenter.engine.asked} if segmenter.engine.asked else {}),
        "threads": segmenter.engine.threads,
        "input_size": segmenter.card.preprocessing.size,
        "intensity": str(encoded.intensity),
        RULE: rule_to_json(encoded.rule),
        MAPPING: encoded.intensity.to_json(),
        "image_sha256": encoded.sha256,
        **({PICTURES: encoded.pictures} if encoded.pictures else {}),
        # What turned the image before it came here says so.
        "orientation": 1,
        "threshold": threshold,
        "flip_augmented": len(encoded.pairs[0][0]) > 1,
        "gates_forced": {
            gate_label(key): psi if isinstance(psi, str) else _number_or_array(psi)
            for key, psi in gates.items()
        },
        "mask_sha256": array_sha256(mask),
        "versions": versions(),
        "date": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }


def _number_or_array(psi: float | NDArray[Any]) -> float | str:
    return float(psi) if np.ndim(psi) == 0 else "array"
