"""Time one step of the what-if: gates are forced, then fusion and decoder run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from attnseg_training.benchmark.inference_speed import PLAIN, build
from attnseg_training.benchmark.machine import facts_of_device
from attnseg_training.benchmark.timing import (
    KINDS,
    kind_of,
    time_in_turns,
)
from napari_attnseg.cards import ModelCard
from napari_attnseg.devices import resolve_device
from napari_attnseg.engines.base import Engine
from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.sample_data import sample_image
from napari_attnseg.spec import STRIDES, Preprocessing
from napari_attnseg.weights import DEFAULT_WEIGHTS
from napari_attnseg.whatif import ForcedGates, WhatIf

#: Forces all gates, each step to other values.
PSI = 0.25


def benchmark_whatif(
    model: str = DEFAULT_WEIGHTS,
    device: str = "auto",
    rounds: int = 15,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Time a step of the what-if against the whole network with these gates.

    A step includes all that Python does: force gates, fuse, decode, resize to the
    image, make the mask and compare it. The time of the whole network includes neither
    resizing nor making a mask.

    Parameters
    ----------
    model, device, rounds, watch
        As for `benchmark_inference`.

    Raises
    ------
    AttnSegError
        If model or device cannot be used, or the model has not one gate per level.
    """
    device = resolve_device(device)
    built = build(model, device)
    spec = built.plain.spec
    if len(built.plain.gates) != 1:
        raise InputError(
            f"Expected a model with one gate per level, but {spec.name!r} has "
            f"{len(built.plain.gates)}; choose another model."
        )
    pixels = sample_image("polyp")
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, spec.size, spec.size, generator=generator).to(device)
    psi = torch.full((1, 1, 1, 1), PSI, device=device)

    def plain() -> Any:
        with torch.no_grad():
            features = built.plain.encode(image)
            return built.plain.decode(features, dict.fromkeys(STRIDES, psi))

    def step(engine: Engine) -> Callable[[], Any]:
        card = ModelCard(spec, Preprocessing(spec.size))
        what_if = WhatIf(Segmenter(engine, card, device, "", ""), pixels)
        forced = ForcedGates(dict.fromkeys(STRIDES, PSI))
        return lambda: what_if.change(forced)

    ways = {PLAIN: plain} | {way: step(one) for way, one in built.engines.items()}
    timed = time_in_turns(ways, rounds, device, watch)
    return {
        "benchmark": "whatif",
        "model": model,
        **facts_of_device(device),
        "engines": {way: engine.label for way, engine in built.engines.items()},
        "image": list(pixels.shape[:2]),
        "rounds": rounds,
        "seconds_per_step": timed.seconds,
        "median_s": {way: timed.median(way) for way in ways},
        "ratio": {way: timed.ratio(PLAIN, way) for way in ways},
        "not_measured": [KINDS[kind] for kind in KINDS if kind != kind_of(device)],
    }
