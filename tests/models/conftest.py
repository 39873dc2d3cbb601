"""Every model of the catalog is built and run once, without numbers, for all tests."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.network import NetworkOutput, SegmentationNetwork
from napari_attnseg.models.summary import build_on_meta, count


@dataclass(frozen=True)
class OnMeta:
    """A network on torch's meta device and what one run of it said."""

    network: SegmentationNetwork
    output: NetworkOutput
    counts: dict[str, Any]


@pytest.fixture(scope="session")
def on_meta() -> Callable[[str], OnMeta]:
    @cache
    def built(name: str) -> OnMeta:
        network = build_on_meta(model_spec(name))
        outputs: list[NetworkOutput] = []
        hook = network.register_forward_hook(lambda _, args, out: outputs.append(out))
        counts = count(network)
        hook.remove()
        (output,) = outputs
        return OnMeta(network, output, counts)

    return built
