"""Facts of a run as files and layers carry them, for one frame or several. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from napari_attnseg.intensity import MAPPING
from napari_attnseg.reader_record import READERS
from napari_attnseg.reliability.estimate import ESTIMATE
from napari_attnseg.results import EffectiveShare, Segmentation

#: Hash of the image; None of a frame of a stack that was not segmented.
IMAGE = "image_sha256"
#: Facts that each frame of a stack has of its own.
PER_FRAME = (
    *("intensity", MAPPING, IMAGE, "mask_sha256", "medsam", READERS),
    ESTIMATE,
)


def of_frame(own: Mapping[str, Any], frame: int, frames: int | None) -> dict[str, Any]:
    """Provenance of one frame, of that of a run over `frames`; None: one image."""
    if frames is None or frames == 1:
        return dict(own)
    return {**own, **{key: own[key][frame] for key in PER_FRAME if key in own}}


def provenance(results: Sequence[Segmentation], source: str) -> dict[str, Any]:
    """Provenance of a run, as layers and files carry it.

    Parameters
    ----------
    results : sequence of Segmentation
        Results, one per frame. Values that differ between frames become a list.
    source : str
        The image's file as it was given, or the name of the layer that held it.
    """
    facts = {**results[0].provenance, "source": source}
    if len(results) > 1:
        facts |= {
            key: [result.provenance[key] for result in results]
            for key in PER_FRAME
            if key in facts
        }
    return facts


def effective_share(results: Sequence[Segmentation], gate: int) -> dict[str, Any]:
    """JSON-ready effective share of one gate; for several frames, a list of means.

    Parameters
    ----------
    results : sequence of Segmentation
        One per frame.
    gate : int
        Index into ``attention``.
    """
    shares = [result.attention[gate].effective_share for result in results]
    facts = shares[0].to_json()
    if len(shares) > 1 and "mean" in facts:
        facts["mean"] = [share.mean for share in shares]
    return facts


def share_of_frame(facts: Mapping[str, Any] | None, frame: int) -> EffectiveShare:
    """Inverse of `effective_share` for one frame."""
    share = EffectiveShare.from_json(facts)
    if isinstance(share.mean, list):
        share = replace(share, mean=share.mean[frame])
    return share
