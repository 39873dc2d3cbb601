"""Measure how far simulated clicks correct masks, by several correctors."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets import Dataset
from attnseg_training.evaluation.click_baselines import Brush, Growing
from attnseg_training.evaluation.evaluate import provenance
from attnseg_training.runs.lineage import domain, protocol_fields, trained_under
from napari_attnseg.click_heads import head_record
from napari_attnseg.corrections.clicks import Click
from napari_attnseg.corrections.of_model import corrector_of
from napari_attnseg.corrections.rules import Corrector, apply_click
from napari_attnseg.corrections.simulated import next_box, next_click, next_line
from napari_attnseg.devices import resolve_device
from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.metrics import confusion, scores
from napari_attnseg.statistics import mean_interval
from napari_attnseg.weights import weights_path

#: Clicks after which Dice is reported.
AFTER = (0, 1, 3, 5)
#: Dice for which clicks are counted, and the most clicks that are made.
WANTED = (0.90, 0.95)
MOST = 20
#: Simulates the user; takes mask, truth and `ignored`.
Prompt: TypeAlias = Callable[..., Click | None]


@dataclass(frozen=True, slots=True, eq=False)
class Clicked:
    """One image corrected in one way.

    Attributes
    ----------
    dice : tuple of float
        Dice after 0, 1, 2 … clicks, up to the last number in `AFTER` or further.
    seconds : tuple of float
        Seconds that each click took.
    """

    dice: tuple[float, ...]
    seconds: tuple[float, ...]

    def after(self, clicks: int) -> float:
        """Dice after this number of clicks, or after fewer if no error was left."""
        return self.dice[min(clicks, len(self.dice) - 1)]

    def needed(self, dice: float) -> int:
        """Clicks needed for a Dice; `MOST` if they were not enough."""
        enough = [number for number, one in enumerate(self.dice) if one >= dice]
        return enough[0] if enough else MOST


def click_study(
    weights: str,
    data: Dataset,
    split: str,
    device: str = "auto",
    watch: Callable[[int, int], None] = lambda done, total: None,
    seed: int | None = None,
) -> dict[str, Any]:
    """Correct every mask of a split by simulated clicks; returns a JSON-ready summary.

    Every click goes into the middle of the largest error (`next_click`), which the
    simulated user knows from the expert's mask. With a seed, it goes to a random pixel
    of this error.

    Raises
    ------
    InputError
        If the model has several classes.
    AttnSegError
        If weights, split or an image cannot be used.
    """
    segmenter = Segmenter.from_checkpoint(weights, resolve_device(device))
    data.expect_classes(segmenter.card.spec.classes, segmenter.card.classes)
    if len(data.classes) > 1:
        raise InputError(
            f"The study of clicks needs data of one class, but {data.name} has "
            f"{len(data.classes)}; choose other data."
        )
    samples = data.split(split)
    found: dict[str, list[Clicked]] = {}
    for done, sample in enumerate(samples, start=1):
        rule = segmenter.card.preprocessing.intensity
        read = sample.read_with_traits(rule)
        encoded = segmenter.encode(read.rgb, rgb=True)
        own = segmenter.decode(encoded)
        correctors: list[Corrector] = []
        if segmenter.click_head is not None:
            correctors.append(corrector_of(segmenter, encoded, own.probability))
        plain = replace(segmenter, click_head=None)
        correctors.append(corrector_of(plain, encoded, own.probability))
        ways: list[tuple[Corrector, Prompt, str]] = [
            (corrector, next_click, "") for corrector in correctors
        ]
        ways += [(one(read.rgb), next_click, "") for one in (Growing, Brush)]
        if seed is None:  # what the weights allow, prompted by more than clicks
            ways += [(correctors[0], next_line, ", lines")]
            ways += [(correctors[0], next_box, ", boxes")]
        for corrector, prompt, kind in ways:
            if seed is not None:  # the same places for every way
                prompt = partial(prompt, rng=np.random.default_rng((seed, done)))
            one = click_through(
                corrector, own.mask, read.planes[0], read.ignored, prompt
            )
            found.setdefault(f"{corrector.name}{kind}", []).append(one)
        watch(done, len(samples))
    where = "in the middle of" if seed is None else f"anywhere (seed {seed}) in"
    return {
        **provenance(segmenter),
        **protocol_fields(segmenter.card, data),
        "domain": domain(segmenter.card, data, split),
        "dataset": data.name,
        "split": split,
        "n": len(samples),
        "click_head": head_record(weights_path(weights)),
        "protocol": (
            f"simulated clicks {where} the largest connected error, one after "
            f"another, from the model's own mask, at most {MOST}; every way keeps the "
            "same rules of a click; lines lead along the longest path of that error's "
            "skeleton, boxes are the smallest around it, or a click in its middle "
            "where such a box would remove what belongs to the object; Dice per "
            f"image at its original size; clicks needed count as {MOST} where they "
            "were not enough; "
            f"mean, SD and 95 % interval over images; data: {data.protocol}"
            f"{trained_under(segmenter.card, data)}"
        ),
        "ways": {name: _summary(cases) for name, cases in found.items()},
        "per_image": {
            name: {
                sample.name: [round(value, 4) for value in case.dice]
                for sample, case in zip(samples, cases, strict=True)
            }
            for name, cases in found.items()
        },
    }


def click_through(
    corrector: Corrector,
    start: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    ignored: NDArray[np.bool_] | None = None,
    prompt: Prompt = next_click,
) -> Clicked:
    """Correct one mask until it is good enough, or `MOST` clicks are made.

    `prompt` simulates the user: `next_click`, `next_line` or `next_box`.
    """
    mask, clicks = start.copy(), list[Click]()
    dice, seconds = [_dice(truth, mask, ignored)], []
    while len(clicks) < MOST:
        if len(clicks) >= max(AFTER) and max(dice) >= max(WANTED):
            break
        click = prompt(mask, truth, ignored=ignored)
        if click is None:
            break
        clicks.append(click)
        began = time.perf_counter()
        apply_click(corrector, mask, clicks)
        seconds.append(time.perf_counter() - began)
        dice.append(_dice(truth, mask, ignored))
    return Clicked(tuple(dice), tuple(seconds))


def _dice(
    truth: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    ignored: NDArray[np.bool_] | None,
) -> float:
    return float(scores(confusion(truth, mask > 0, ignored))["dice"])


def _summary(cases: list[Clicked]) -> dict[str, Any]:
    """Means over images of one way to correct."""
    before = np.array([case.after(0) for case in cases])
    dice = {
        number: np.array([case.after(number) for case in cases]) for number in AFTER
    }
    seconds = [second for case in cases for second in case.seconds]
    return {
        "dice": {str(k): mean_interval(v, (0, 1)) for k, v in dice.items()},
        "gain": {str(k): mean_interval(v - before, (-1, 1)) for k, v in dice.items()},
        "worse": {str(k): int((v < before).sum()) for k, v in dice.items()},
        "clicks_needed": {
            f"{wanted:g}": {
                **mean_interval([case.needed(wanted) for case in cases], (0, MOST)),
                "not_reached": sum(max(case.dice) < wanted for case in cases),
            }
            for wanted in WANTED
        },
        "seconds_per_click": float(np.median(seconds)) if seconds else None,
    }
