"""Training one network: `fit(config)` → `FitResult`."""

from __future__ import annotations

import copy
import dataclasses
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import Dataset, load_dataset
from attnseg_training.encoder_weights import build_network, without_folders
from attnseg_training.gate_training import dropped_encoder, trust_loss
from attnseg_training.images import ImageStore, TokenCache
from attnseg_training.losses import bce_dice
from attnseg_training.run_folder import LogRow, RunFolder
from attnseg_training.views import Views
from napari_attnseg.cards import ModelCard, versions
from napari_attnseg.checkpoints import load_checkpoint
from napari_attnseg.devices import resolve_device
from napari_attnseg.errors import AttnSegError, DeviceError, InputError
from napari_attnseg.metrics import confusion, scores
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.encoders import PlainViTEncoder
from napari_attnseg.models.network import (
    Features,
    NetworkOutput,
    SegmentationNetwork,
    channels_last,
)
from napari_attnseg.spec import ModelSpec, Preprocessing
from napari_attnseg.weights import weights_path


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is, for whoever watches it."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    dice: float | None = None  # validation, at the end of an epoch


@dataclass(frozen=True, slots=True)
class FitResult:
    """What a run left behind."""

    folder: Path
    best_epoch: int
    best_dice: float
    train: int
    val: int


def fit(
    config: TrainConfig,
    out: Path,
    resume: bool = False,
    watch: Callable[[Progress], None] = lambda progress: None,
) -> FitResult:
    """Train, keeping the best weights by validation Dice.

    Parameters
    ----------
    config : TrainConfig
        What to run.
    out : Path
        Run folder; ``best.safetensors``, ``last.safetensors``, ``log.csv``,
        ``curves.png`` and ``config.toml`` appear in it.
    resume : bool
        Go on from the last finished epoch of that folder.
    watch : callable
        Called after every step and every epoch.

    Raises
    ------
    AttnSegError
        If data, weights, device or folder cannot be used. What was finished stays.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    device = resolve_device(config.device)
    spec = model_spec(config.model)
    run = RunFolder.open(out, config, resume)
    data = load_dataset(Path(config.data), config.split_seed)
    if "train" not in data.splits or "val" not in data.splits:
        raise InputError(
            f"Training needs splits 'train' and 'val'; {config.data} has "
            f"{', '.join(data.splits)}: add splits/train.txt."
        )
    train = ImageStore(data.split("train"), spec.size, device)
    val = ImageStore(data.split("val"), spec.size, device)

    torch.manual_seed(config.seed)
    network, before = _start(spec, config)
    network = channels_last(network.to(device))
    _freeze(network, config)
    average = copy.deepcopy(network).requires_grad_(False).eval()
    optimizer = torch.optim.AdamW(
        _groups(network, config), betas=(0.9, 0.999), fused=True
    )
    state = run.load_state(device) if resume else None
    first = 0
    if state is not None:
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["epoch"]
    cache = None
    if "transformer" in config.freeze:
        cache = Path(config.cache) if config.cache else run.cache
    views = Views(network, train, config, cache)
    valid = _Validation(average, val, cache)

    steps = len(train) // config.batch or 1
    total = steps * config.epochs
    # A run killed between two files may have logged an epoch it has no state of.
    rows = [row for row in run.rows() if row.epoch <= first]
    for epoch in range(first, config.epochs):
        start = time.perf_counter()
        # Stochastic depth draws from torch; a resumed run has to draw the same.
        torch.manual_seed(config.seed + 100_003 * (epoch + 1))
        _train_mode(network, config)
        order = np.random.default_rng((config.seed, epoch)).permutation(len(train))
        losses = []
        for step in range(steps):
            index = order[step * config.batch : (step + 1) * config.batch].tolist()
            done = epoch * steps + step
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * _rate(done / total, config.warmup)
            try:
                with torch.autocast(device.split(":")[0], torch.bfloat16, config.bf16):
                    features, masks = views.batch(index, epoch)
                    loss = _loss(network, config, features, masks, done)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
            except torch.OutOfMemoryError as error:
                raise DeviceError(
                    f"{device} ran out of memory at batch {config.batch}; try "
                    f"--batch {max(1, config.batch // 2)}."
                ) from error
            losses.append(float(loss.detach()))
            if not math.isfinite(losses[-1]):
                raise AttnSegError(
                    f"The loss became {losses[-1]} in epoch {epoch + 1}, step "
                    f"{step + 1}; the weights of epoch {epoch} are kept in {out}: "
                    "resume with a lower --lr."
                )
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            _average(average, network, min(config.ema, (1 + done) / (10 + done)))
            watch(Progress(epoch + 1, config.epochs, step + 1, steps, losses[-1]))
        trained = time.perf_counter() - start
        row = LogRow(
            epoch + 1,
            float(np.mean(losses)),
            *valid.measure(config.batch),
            optimizer.param_groups[0]["lr"],
            trained,
            steps * config.batch / trained,
        )
        best = row.val_dice > max((r.val_dice for r in rows), default=-1)
        rows.append(row)
        card = _card(config, data, rows, len(train), len(val), before)
        run.save(
            average.state_dict(),
            card,
            best,
            {
                "network": network.state_dict(),
                "average": average.state_dict(),
                "optimizer": optimizer.state_dict(),
                "epoch": epoch + 1,
            },
            rows,
        )
        watch(Progress(epoch + 1, config.epochs, steps, steps, row.loss, row.val_dice))
    shutil.rmtree(run.cache, ignore_errors=True)
    top = max(rows, key=lambda r: r.val_dice)
    return FitResult(out, top.epoch, top.val_dice, len(train), len(val))


def _start(
    spec: ModelSpec, config: TrainConfig
) -> tuple[SegmentationNetwork, dict[str, Any]]:
    """First network, and for the card what was done to its weights before."""
    if not config.init:
        return build_network(spec, config.encoder_weights), {}
    network, card, sha256 = load_checkpoint(weights_path(config.init))
    if card.spec != spec:
        raise InputError(
            f"Expected weights of the model {spec.name!r} to start from, but "
            f"{config.init} holds {card.spec.name!r} or another version of it; choose "
            "another file or --model."
        )
    before = {"weights_sha256": sha256, **card.training}
    return network.requires_grad_(True), {"started_from": before}


def _loss(
    network: SegmentationNetwork,
    config: TrainConfig,
    features: Features,
    masks: Tensor,
    step: int,
) -> Tensor:
    """Loss of one batch, with what `gate_training` adds to it."""
    rng = np.random.default_rng((4, config.seed, step))
    forced = {
        stride: psi.to(masks.device)
        for stride, psi in dropped_encoder(rng, config.encoder_dropout).items()
    }
    pairs = network.align(features)
    fused, attention = network.fuse(pairs, forced)
    loss = bce_dice(network.logits(fused).float(), masks)
    if config.trust_weight and not forced:
        trust = trust_loss(network, pairs, fused, attention, masks, rng)
        loss = loss + config.trust_weight * trust
    return loss


class _Validation:
    """Loss and mean Dice and IoU on the validation images, at the network's size."""

    def __init__(
        self, network: SegmentationNetwork, store: ImageStore, cache: Path | None
    ) -> None:
        self.network, self.store, self.cache = network, store, None
        if cache is not None and isinstance(network.transformer, PlainViTEncoder):
            self.cache = TokenCache(cache, network.transformer, store.names, 1)

    @torch.inference_mode()
    def measure(self, batch: int) -> tuple[float, float, float]:
        losses, found = [], []
        for start in range(0, len(self.store), batch):
            index = list(range(start, min(start + batch, len(self.store))))
            images, masks = self.store.batch(index)
            output = self._forward(images, index)
            losses += [float(bce_dice(output.logits, masks))] * len(index)
            for truth, logits in zip(masks, output.logits, strict=True):
                found.append(scores(confusion(truth.cpu(), (logits >= 0).cpu())))
        return (
            float(np.mean(losses)),
            float(np.mean([f["dice"] for f in found])),
            float(np.mean([f["iou"] for f in found])),
        )

    def _forward(self, images: Tensor, index: list[int]) -> NetworkOutput:
        vit = self.network.transformer
        if self.cache is None or not isinstance(vit, PlainViTEncoder):
            out: NetworkOutput = self.network(images)
            return out
        pyramid = vit.pyramid(self.cache.tokens(images, index, 0))
        return self.network.decode(Features(self.network.cnn(images), pyramid))


def _groups(
    network: SegmentationNetwork, config: TrainConfig
) -> list[dict[str, object]]:
    """Encoders at rates of their own; no decay on norms and biases."""
    peaks = {
        "cnn": config.encoder_lr,
        "transformer": config.transformer_lr or config.encoder_lr,
    }
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, p in network.named_parameters():
        if p.requires_grad:
            peak = peaks.get(name.split(".")[0], config.lr)
            groups.setdefault((peak, p.ndim > 1), []).append(p)
    # The highest rate first: it is the one that the log shows.
    return [
        {
            "params": params,
            "lr": 0.0,
            "peak": peak,
            "weight_decay": config.weight_decay if decay else 0.0,
        }
        for (peak, decay), params in sorted(groups.items(), key=lambda g: g[0])[::-1]
    ]


def _freeze(network: SegmentationNetwork, config: TrainConfig) -> None:
    """Frozen means frozen: no gradients, and eval mode, so no stochastic depth.

    Raises
    ------
    InputError
        If blocks are to be frozen of what is no plain ViT, or has fewer.
    """
    for name in config.freeze:
        network.get_submodule(name).requires_grad_(False).eval()
    if config.freeze_blocks:
        vit = network.transformer
        blocks = len(vit.backbone.blocks) if isinstance(vit, PlainViTEncoder) else 0
        if config.freeze_blocks > blocks or not isinstance(vit, PlainViTEncoder):
            raise InputError(
                f"Expected freeze_blocks of at most {blocks}, the plain ViT blocks of "
                f"{network.spec.name!r}, got {config.freeze_blocks}."
            )
        vit.freeze_first(config.freeze_blocks)


def _train_mode(network: SegmentationNetwork, config: TrainConfig) -> None:
    """Training mode, but for what is frozen."""
    network.train()
    _freeze(network, config)
    if config.freeze_norm:
        for module in network.cnn.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def _rate(done: float, warmup: float) -> float:
    """Share of the peak rate: linear warm-up, then a cosine to 0."""
    if done < warmup:
        return (done + 1e-3) / warmup
    return 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))


@torch.no_grad()
def _average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Exponential moving average of trained parameters; BatchNorm statistics copied."""
    pairs = zip(average.parameters(), network.parameters(), strict=True)
    trained = [(a, p) for a, p in pairs if p.requires_grad]
    torch._foreach_lerp_([a for a, _ in trained], [p for _, p in trained], 1 - decay)
    for a, b in zip(average.buffers(), network.buffers(), strict=True):
        a.copy_(b)


def _card(
    config: TrainConfig,
    data: Dataset,
    rows: list[LogRow],
    train: int,
    val: int,
    before: dict[str, Any],
) -> ModelCard:
    spec = model_spec(config.model)
    last = rows[-1]
    return ModelCard(
        spec=spec,
        preprocessing=Preprocessing(spec.size),
        data=f"{data.root.resolve().name}: {train} training, {val} validation images",
        training={
            "protocol": data.protocol,
            **before,
            "config": {
                # File names only: a path says more about a machine than about a run.
                **dataclasses.asdict(config),
                "data": Path(config.data).name,
                "encoder_weights": without_folders(config.encoder_weights),
                "init": Path(config.init).name,
                "cache": Path(config.cache).name,
            },
            "epoch": last.epoch,
            "val_dice": last.val_dice,
            "seconds": sum(row.seconds for row in rows),
            "versions": versions(),
        },
    )
