"""Load weights for segmenting, with the engine that computes them on one device."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from napari_attnseg.cards import read_card, weights_hash
from napari_attnseg.click_heads import read_click_head
from napari_attnseg.devices import OPENVINO
from napari_attnseg.engines import chosen_device
from napari_attnseg.engines.precision import precision_on
from napari_attnseg.errors import DeviceError
from napari_attnseg.weights import weights_path

if TYPE_CHECKING:
    from napari_attnseg.cards import ModelCard
    from napari_attnseg.click_heads import StoredHead
    from napari_attnseg.engines.base import Engine

_LOG = logging.getLogger(__name__)


def load_model(
    source: str | Path, device: str, precision: str
) -> tuple[Engine, ModelCard, str, str, str, StoredHead | None]:
    """Load a model as the attributes of a `Segmenter`, in their order.

    Parameters and errors are those of `Segmenter.from_checkpoint`.
    """
    path, stood_in = weights_path(source), ""
    chosen = chosen_device(path, device)
    if chosen == OPENVINO:
        from napari_attnseg.engines.compiled import load_openvino

        precision_on("cpu", precision)
        card, sha256 = read_card(path), weights_hash(path)
        try:
            engine: Engine = load_openvino(path)
        except DeviceError as error:
            _LOG.warning("%s", error)
            chosen, stood_in = "cpu", device
        else:
            head = read_click_head(path)
            return engine, card, "cpu", path.name, sha256, head
    from napari_attnseg.checkpoints import load_checkpoint
    from napari_attnseg.engines.torch import TorchEngine
    from napari_attnseg.models.network import channels_last

    arithmetic = precision_on(chosen, precision)
    network, card, sha256 = load_checkpoint(path, chosen)
    engine = TorchEngine(channels_last(network), arithmetic, stood_in)
    head = read_click_head(path)
    return engine, card, chosen, path.name, sha256, head
