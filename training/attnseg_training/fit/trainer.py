"""Training steps and their state: `Trainer`."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from attnseg_training.config import TrainConfig
from attnseg_training.fit.batches import Batch, Views
from attnseg_training.fit.distributed import Processes, cut
from attnseg_training.fit.gate_objectives import (
    dropped_encoder,
    labelled_trust_loss,
    random_gates,
    trust_loss,
)
from attnseg_training.fit.parameter_groups import parameter_groups, with_backbone
from attnseg_training.losses import AuxiliaryHeads, DeepSupervision, loss_function
from napari_attnseg.errors import DeviceError, InputError
from napari_attnseg.models.encoders import PlainViTEncoder
from napari_attnseg.models.network import SegmentationNetwork


class Trainer:
    """Network, its EMA and optimiser of a run.

    A step depends on its number and the settings only, so that a resumed run ends with
    the weights of an uninterrupted one.

    Parameters
    ----------
    network : SegmentationNetwork
        Network on its device; it is trained in place.
    config : TrainConfig
        Settings of the run.
    steps : int
        Steps of the whole run, for the schedule.
    processes : Processes, optional
        Processes that share each batch.

    Attributes
    ----------
    average : SegmentationNetwork
        Exponential moving average (EMA) of the weights, which is evaluated and saved.
    """

    def __init__(
        self,
        network: SegmentationNetwork,
        config: TrainConfig,
        steps: int,
        processes: Processes | None = None,
    ) -> None:
        self.network, self.config, self.steps = network, config, steps
        self.device = next(network.parameters()).device
        self.processes = processes or Processes(self.device.type)
        _check(network, config)
        _freeze(network, config)
        self.average = copy.deepcopy(network).requires_grad_(False).eval()
        self._loss_function = loss_function(config.loss)
        self._deep = None
        groups = parameter_groups(network, config)
        if config.deep_supervision:
            self._deep = DeepSupervision(network.spec).to(self.device)
            own = {"params": list(self._deep.parameters()), "peak": config.lr}
            groups.append({**own, "lr": 0.0, "weight_decay": 0.0})
        self._auxiliary = None
        if config.auxiliary_heads:
            widths = network.spec.widths or network.cnn.channels
            heads = AuxiliaryHeads(widths, network.spec.classes)
            self._auxiliary = heads.to(self.device)
            own = {"params": list(heads.parameters()), "peak": config.lr}
            groups.append({**own, "lr": 0.0, "weight_decay": 0.0})
        self._optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), fused=True)
        parts = (network, *self._beside().values())
        self._trained = [p for m in parts for p in m.parameters() if p.requires_grad]

    def state(self) -> dict[str, Any]:
        """Return the training state for `restore`, as ``torch.save`` takes it."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "deep": {},
            **{name: part.state_dict() for name, part in self._beside().items()},
        }

    def _beside(self) -> dict[str, nn.Module]:
        """Modules that are trained beside the network, by their names in `state`."""
        parts = {"deep": self._deep, "auxiliary": self._auxiliary}
        return {name: part for name, part in parts.items() if part is not None}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a training `state`."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        for name, part in self._beside().items():
            part.load_state_dict(state[name])

    def lr(self, done: int) -> float:
        """Highest learning rate among all groups, in the step after `done` steps."""
        peak = max(group["peak"] for group in self._optimizer.param_groups)
        return float(peak * self._rate(done))

    def _rate(self, done: int) -> float:
        return _rate(done / self.steps, self.config.warmup)

    def step(self, views: Views, index: list[int], epoch: int, done: int) -> float:
        """Train on one batch after `done` steps.

        Each process computes its share of the batch; gradients are averaged, so that
        all processes take the same step. Weights do not change if the loss is not
        finite.

        Returns
        -------
        float
            Loss of the batch; it may be infinite or NaN.

        Raises
        ------
        DeviceError
            If the device ran out of memory, or another process was lost.
        """
        config, others = self.config, self.processes
        # Stochastic depth draws from torch; a resumed run has to draw the same.
        torch.manual_seed(config.seed + 100_003 * (done + 1) + 10_007 * others.rank)
        _train_mode(self.network, config)
        for group in self._optimizer.param_groups:
            group["lr"] = group["peak"] * self._rate(done)
        self._optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.device)
        try:
            for piece in filter(len, cut(others.share(index), config.accumulate)):
                # Pieces may differ by an image; the mean over processes of their
                # weighted sums is that over images.
                weight = len(piece) * others.count / len(index)
                with torch.autocast(self.device.type, torch.bfloat16, config.bf16):
                    loss = self._loss(views.batch(piece, epoch), done) * weight
                loss.backward()  # type: ignore[no-untyped-call]
                total += loss.detach()
        except torch.OutOfMemoryError as error:
            raise DeviceError(
                f"{self.device} ran out of memory at batch {config.batch}; try "
                f"--accumulate {2 * config.accumulate}, which takes the same batch in "
                f"smaller pieces, or --batch {max(1, config.batch // 2)}."
            ) from error
        others.mean([total, *self._shared()])
        value = float(total)
        if math.isfinite(value):
            nn.utils.clip_grad_norm_(self._trained, 1.0)
            self._optimizer.step()
            decay = min(config.ema, (1 + done) / (10 + done))
            _average(self.average, self.network, decay)
        return value

    def _loss(self, batch: Batch, step: int) -> Tensor:
        """Loss of one part of a batch, with the gate objectives."""
        network, config, masks = self.network, self.config, batch.masks
        rng = np.random.default_rng((4, config.seed, step))
        forced = {
            stride: psi.to(masks.device)
            for stride, psi in dropped_encoder(rng, config.encoder_dropout).items()
        }
        pairs = network.align(batch.features)
        if config.gate_fields and not forced:
            sizes = [(x.shape[-2], x.shape[-1]) for x, _ in pairs]
            drawn = random_gates(rng, sizes, len(masks), config.gate_fields)
            forced = {stride: psi.to(masks.device) for stride, psi in drawn.items()}
        fused, attention = network.fuse(pairs, forced)
        if self._deep:
            logits, maps = network.logits_and_stages(fused)
            loss = self._loss_function(logits.float(), masks)
            others = self._deep(maps, masks, self._loss_function)
            loss = loss + config.deep_supervision * others
        else:
            loss = self._loss_function(network.logits(fused).float(), masks)
        if self._auxiliary:
            alone = self._auxiliary(pairs, masks, self._loss_function)
            loss = loss + config.auxiliary_heads * alone
        if not config.trust_weight:
            return loss
        if batch.trust is not None:
            # The gates' own psi, also in a step that forces another.
            psi = network.psi(pairs) if forced else attention
            trust = labelled_trust_loss(network.psi_of_cnn(psi), batch.trust)
            return loss + config.trust_weight * trust
        if forced:
            return loss
        together = config.trust_gates == "together"
        trust = trust_loss(network, pairs, fused, attention, masks, rng, together)
        return loss + config.trust_weight * trust

    def _shared(self) -> list[Tensor]:
        """Tensors that differ between processes: gradients and running statistics.

        Where torch synchronises BatchNorm (on GPUs) the statistics are equal already.
        """
        gradients = [p.grad for p in self._trained if p.grad is not None]
        norms = [m for m in self.network.modules() if isinstance(m, nn.BatchNorm2d)]
        running = [(m.running_mean, m.running_var) for m in norms if m.training]
        return gradients + [s for pair in running for s in pair if s is not None]


def _check(network: SegmentationNetwork, config: TrainConfig) -> None:
    """Check that the model has the parts that the settings refer to.

    Raises
    ------
    InputError
        If it has not.
    """
    name = network.spec.name
    for encoder in config.freeze:
        if not list(network.get_submodule(encoder).parameters()):
            raise InputError(f"{name!r} has no {encoder} that could be frozen.")
    if config.one_sided and not network.dual:
        raise InputError(
            f"{name!r} has one encoder; one_sided needs two: leave it at 0."
        )
    if config.auxiliary_heads and not network.dual:
        raise InputError(
            f"{name!r} has one encoder; auxiliary_heads needs two: leave it at 0."
        )
    if config.encoder_dropout or config.trust_weight or config.gate_fields:
        network.psi_of_cnn({})  # one gate per level, or an error
    if config.deep_supervision and not hasattr(network.decoder, "stages"):
        raise InputError(
            f"The decoder of {name!r} has no blocks for deep_supervision; leave it "
            "at 0."
        )
    if config.layer_decay < 1 and not with_backbone(network):
        raise InputError(
            f"{name!r} has no encoder apart from its decoder; leave layer_decay at 1."
        )


def _freeze(network: SegmentationNetwork, config: TrainConfig) -> None:
    """Freeze encoders: no gradients, and evaluation mode without stochastic depth.

    Raises
    ------
    InputError
        If blocks are to be frozen and the transformer is no plain ViT or has fewer.
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
    """Set training mode, except for frozen parts."""
    network.train()
    _freeze(network, config)
    if config.freeze_norm:
        for module in network.cnn.modules():
            if isinstance(module, (nn.BatchNorm2d, nn.SyncBatchNorm)):
                module.eval()


def _rate(done: float, warmup: float) -> float:
    """Fraction of the peak learning rate: linear warm-up, then a cosine to 0."""
    if done < warmup:
        return (done + 1e-3) / warmup
    return 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))


@torch.no_grad()
def _average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Update the EMA of trained parameters; BatchNorm statistics are copied."""
    pairs = zip(average.parameters(), network.parameters(), strict=True)
    trained = [(a, p) for a, p in pairs if p.requires_grad]
    torch._foreach_lerp_([a for a, _ in trained], [p for _, p in trained], 1 - decay)
    torch._foreach_copy_([*average.buffers()], [*network.buffers()])
