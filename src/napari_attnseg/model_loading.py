"""Load weights for segmenting, with the engine that computes them on one device."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TypedDict

from napari_attnseg.cards import ModelCard, read_card, weights_hash
from napari_attnseg.click_heads import StoredHead, read_click_head
from napari_attnseg.devices import OPENVINO
from napari_attnseg.engines import chosen_device
from napari_attnseg.engines.base import Engine
from napari_attnseg.engines.precision import precision_on
from napari_attnseg.errors import DeviceError
from napari_attnseg.weights import weights_path

_LOG = logging.getLogger(__name__)


class ModelParts(TypedDict):
    """The attributes of a `Segmenter`, which says what they are."""

    engine: Engine
    card: ModelCard
    device: str
    weights: str
    sha256: str
    click_head: StoredHead | None


def load_model(source: str | Path, device: str, precision: str) -> ModelParts:
    """Load a model; parameters and errors are those of `Segmenter.from_checkpoint`."""
    path, stood_in = weights_path(source), ""
    chosen = chosen_device(path, device)
    engine: Engine | None = None
    if chosen == OPENVINO:
        from napari_attnseg.engines.compiled import load_openvino

        chosen = "cpu"
        precision_on(chosen, precision)
        card, sha256 = read_card(path), weights_hash(path)
        try:
            engine = load_openvino(path)
        except DeviceError as error:
            _LOG.warning("%s", error)
            stood_in = device
    if engine is None:
        from napari_attnseg.checkpoints import load_checkpoint
        from napari_attnseg.engines.torch import TorchEngine
        from napari_attnseg.models.network import channels_last

        arithmetic = precision_on(chosen, precision)
        network, card, sha256 = load_checkpoint(path, chosen)
        engine = TorchEngine(channels_last(network), arithmetic, stood_in)
    return ModelParts(
        engine=engine,
        card=card,
        device=chosen,
        weights=path.name,
        sha256=sha256,
        click_head=read_click_head(path),
    )
