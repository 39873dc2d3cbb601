"""Train a click head with simulated clicks, on features that were computed before.

As in RITM and FocalClick, the next click goes into the middle of the largest error, and
the head is trained on every click of a sequence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from napari_attnseg.corrections.by_head import around, head_maps
from napari_attnseg.corrections.clicks import Click
from napari_attnseg.corrections.grid import Grid, logits_now, logits_of
from napari_attnseg.corrections.reach import Reach
from napari_attnseg.corrections.rules import Mask, Proposal, apply_click
from napari_attnseg.corrections.simulated import next_click
from napari_attnseg.models.click_head import ClickHead, ClickHeadSpec

#: Pixels per cell and axis of the masks that are trained on.
FINE = 2


@dataclass(frozen=True, slots=True, eq=False)
class ClickSamples:
    """Training data of a click head.

    Attributes
    ----------
    features : Tensor of float16, shape (n, C, h, w)
    probability : ndarray of float16, shape (n, classes, 2 h, 2 w)
    truth : ndarray of uint8, shape (n, classes, 2 h, 2 w)
        0, 1, or 255 where pixels are ignored.
    """

    features: Tensor
    probability: NDArray[np.float16]
    truth: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ClickFit:
    """Settings of `fit_clicks`.

    Attributes
    ----------
    steps : int
        Optimizer steps, one per click of a batch.
    batch : int
        Images per step.
    rate : float
        Highest learning rate; it rises over the first steps and falls as a cosine.
    most : int
        Highest number of clicks per image; the number is drawn from 1 to this one.
    seed : int
    """

    steps: int = 800
    batch: int = 16
    rate: float = 2e-3
    most: int = 5
    seed: int = 0


@dataclass(slots=True, eq=False)
class _Case:
    """One image of a batch, while it is clicked."""

    features: Tensor
    probability: NDArray[np.float32]
    truth: NDArray[np.uint8]
    mask: Mask
    clicks: list[Click]


def fit_clicks(
    samples: ClickSamples,
    spec: ClickHeadSpec,
    threshold: float,
    settings: ClickFit,
    progress: Callable[[int, int, float], None] = lambda done, total, loss: None,
) -> ClickHead:
    """Train a click head; the same seed gives the same head on the same machine.

    Parameters
    ----------
    samples : ClickSamples
    spec : ClickHeadSpec
    threshold : float
        Threshold of the model's mask.
    settings : ClickFit
    progress : callable
        Called with steps done, all steps, and the loss of the last step.
    """
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    head = ClickHead(spec)
    optimizer = torch.optim.AdamW(head.parameters(), settings.rate, weight_decay=1e-3)
    done = 0
    head.train()
    while done < settings.steps:
        drawn = rng.integers(len(samples.features), size=settings.batch)
        cases = [_draw(samples, int(i), threshold, rng) for i in drawn]
        for _ in range(int(rng.integers(1, settings.most + 1))):
            for group in optimizer.param_groups:
                group["lr"] = settings.rate * _rate(done / settings.steps)
            cases = [case for case in cases if _click(case)]
            if not cases or done >= settings.steps:
                break
            loss, added = _step(head, cases, threshold)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
            optimizer.step()
            for case, one in zip(cases, added, strict=True):
                _apply(head, case, one, threshold)
            done += 1
            progress(done, settings.steps, float(loss.detach()))
    return head.eval().requires_grad_(False)


def _rate(done: float) -> float:
    """Learning rate, as a part of the highest, after a part of the steps."""
    return min(1.0, 20 * done + 0.05) * 0.5 * (1 + math.cos(math.pi * min(done, 1)))


def _draw(
    samples: ClickSamples, index: int, threshold: float, rng: np.random.Generator
) -> _Case:
    """An image as it is or mirrored, with a mask to begin with."""
    features = samples.features[index : index + 1].float()
    value = int(rng.integers(samples.probability.shape[1]))
    probability = samples.probability[index, value].astype(np.float32)
    truth = samples.truth[index, value]
    for axis in (-1, -2):
        if rng.random() < 0.5:
            features = features.flip(axis)
            probability, truth = np.flip(probability, axis), np.flip(truth, axis)
    if rng.random() < 0.5 and features.shape[-1] == features.shape[-2]:
        features = features.transpose(-1, -2)
        probability, truth = probability.T, truth.T
    probability = np.ascontiguousarray(probability)
    mask = _start(probability, threshold, rng)
    return _Case(features, probability, np.ascontiguousarray(truth), mask, [])


def _start(
    probability: NDArray[np.float32], threshold: float, rng: np.random.Generator
) -> Mask:
    """The model's mask, or one with another threshold, damaged, or empty."""
    how = rng.random()
    logits = logits_of(probability, threshold)
    if how < 0.1:
        return np.zeros(probability.shape, np.uint8)
    if how < 0.25:
        logits = logits + rng.uniform(-3, 3)
    mask = (logits >= 0).astype(np.uint8)
    if 0.25 <= how < 0.45:
        size = min(mask.shape)
        places = np.argwhere(mask) if mask.any() else np.argwhere(mask == 0)
        row, column = places[rng.integers(len(places))]
        row, column = (int(x + rng.normal(0, size / 12)) for x in (row, column))
        rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
        along, across = rng.uniform(size / 40, size / 6, 2)
        angle = rng.uniform(0, math.pi)
        c, s = math.cos(angle), math.sin(angle)
        u = (rows - row) * c + (columns - column) * s
        v = (columns - column) * c - (rows - row) * s
        mask[(u / along) ** 2 + (v / across) ** 2 <= 1] = int(rng.random() < 0.5)
    return mask


def _click(case: _Case) -> bool:
    """Add the next click; False if there is nothing to correct."""
    known = case.truth <= 1
    found = next_click(case.mask, case.truth == 1, ignored=~known)
    if found is None:
        return False
    case.clicks.append(found)
    return True


def _grid(head: ClickHead, case: _Case) -> Grid:
    height, width = case.features.shape[-2:]
    return Grid(case.probability.shape, (height, width), head.spec.reach)


def _step(
    head: ClickHead, cases: Sequence[_Case], threshold: float
) -> tuple[Tensor, NDArray[np.float32]]:
    """Loss after the last click of every case, and what the head adds to logits."""
    seen, maps, now, truth, known, signs = [], [], [], [], [], []
    for case in cases:
        grid, click = _grid(head, case), case.clicks[-1]
        at = grid.cell(click)
        seen.append(around(case.features, at, grid.radius))
        maps.append(
            head_maps(head, grid, case.mask, case.clicks, case.probability, threshold)
        )
        own = logits_of(case.probability, threshold)
        logits = logits_now(own, case.mask == 1).clip(-6, 6)
        now.append(_fine(logits, at, grid.radius))
        truth.append(_fine((case.truth == 1).astype(np.float32), at, grid.radius))
        known.append(_fine((case.truth <= 1).astype(np.float32), at, grid.radius))
        signs.append(1.0 if click.positive else -1.0)
    added = head(head.embed(torch.cat(seen)), torch.cat(maps))
    change = F.interpolate(added, scale_factor=FINE, mode="bilinear")[:, 0]
    sign = torch.tensor(signs)[:, None, None]
    logits_after = torch.from_numpy(np.stack(now)) + sign * change
    wanted = torch.from_numpy(np.stack(truth))
    reached = F.interpolate(
        (head.distance < head.spec.reach).float()[None, None], scale_factor=FINE
    )[:, 0]
    counted = torch.from_numpy(np.stack(known)) * reached
    loss = _loss(logits_after, wanted, counted)
    return loss, added.detach()[:, 0].numpy()


def _loss(logits: Tensor, wanted: Tensor, counted: Tensor) -> Tensor:
    """Cross-entropy per pixel and Dice of both sides, around the clicks."""
    each = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    entropy = (each * counted).sum((1, 2)) / counted.sum((1, 2)).clamp(min=1)
    p = torch.sigmoid(logits)
    overlap = (p * wanted * counted).sum((1, 2))
    total = ((p + wanted) * counted).sum((1, 2))
    dice = 1 - (2 * overlap + 1) / (total + 1)
    return (2 * entropy + dice).mean()


def _fine(
    image: NDArray[np.float32], at: tuple[int, int], radius: int
) -> NDArray[np.float32]:
    """Pixels around a cell; 0 beyond the edge."""
    pad = FINE * radius
    padded = np.pad(image, pad)
    side = FINE * (2 * radius + 1)
    row, column = FINE * at[0], FINE * at[1]
    return padded[row : row + side, column : column + side]


class _Added:
    """A `Corrector` whose proposal is known: what a head added, in a batch."""

    name, classes = "click_head", 1

    def __init__(
        self, grid: Grid, case: _Case, added: NDArray[np.float32], threshold: float
    ) -> None:
        self._grid, self._case = grid, case
        self._added, self._threshold = added, threshold

    @property
    def shape(self) -> tuple[int, int]:
        return self._grid.shape

    @property
    def reach(self) -> Reach:
        return self._grid.reach

    def propose(self, mask: Mask, clicks: Sequence[Click]) -> Proposal:
        click, grid = clicks[-1], self._grid
        box, change = grid.at_pixels(self._added, grid.cell(click), click)
        own = logits_of(self._case.probability[box], self._threshold)
        now = logits_now(own, mask[box] == 1)
        return Proposal(box, now + (1 if click.positive else -1) * change >= 0)


def _apply(
    head: ClickHead, case: _Case, added: NDArray[np.float32], threshold: float
) -> None:
    corrector: Any = _Added(_grid(head, case), case, added, threshold)
    apply_click(corrector, case.mask, case.clicks)
