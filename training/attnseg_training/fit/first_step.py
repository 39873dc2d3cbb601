"""Check the first step with tensors without values, before reading any data."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from attnseg_training.config import TrainConfig
from attnseg_training.fit.distributed import Processes, cut
from attnseg_training.fit.trainer import _train_mode
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.models.initial_values import without_initial_values
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import ModelSpec

#: What passed before in this process, as one network does for each seed of a table.
_passed: set[tuple[object, ...]] = set()


def check_first_step(
    spec: ModelSpec,
    config: TrainConfig,
    images: int,
    processes: Processes | None = None,
) -> None:
    """Run the network once on tensors without values, with the smallest batch.

    Parameters
    ----------
    spec : ModelSpec
        Network that is to be trained.
    config : TrainConfig
        Settings of the run.
    images : int
        Number of training images.
    processes : Processes, optional
        Processes that share each batch.

    Raises
    ------
    InputError
        If there are fewer images in a batch than processes, if BatchNorm would get a
        single value per channel, or if the encoders' maps do not fit each other.
    """
    share = list(range(min(config.batch, images)))
    if processes is not None:
        share = processes.share(share)
    smallest = min(map(len, filter(None, cut(share, config.accumulate))), default=1)
    if processes is not None and processes.device != "cpu":
        smallest *= processes.count  # torch synchronises BatchNorm there
    frozen = (config.freeze, config.freeze_blocks, config.freeze_norm)
    case = (spec, frozen, smallest)
    if case in _passed:
        return
    # On the device "meta" nothing is computed, only shapes. Random numbers are given
    # back, so that the network of the run starts from the same ones.
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"), without_initial_values():
                _one_batch(spec, config, smallest)
        except AttnSegError:
            raise
        except Exception:  # some operations know no shapes without values: with values
            try:
                _one_batch(spec, config, smallest)
            except RuntimeError as error:
                names = " and ".join(encoder.name for encoder in spec.encoders)
                raise InputError(
                    f"The maps of {names} at {spec.size} px do not fit each other "
                    f"({str(error).splitlines()[0]}); choose other encoders."
                ) from error
    _passed.add(case)


def _one_batch(spec: ModelSpec, config: TrainConfig, images: int) -> None:
    """Train mode, one forward pass of that many images."""
    network = SegmentationNetwork(spec)
    _expect_variance(network, config, images)
    with torch.no_grad():
        network(torch.zeros(images, 3, spec.size, spec.size))


def _expect_variance(
    network: SegmentationNetwork, config: TrainConfig, batch: int
) -> None:
    """Make BatchNorm refuse a single value per channel in our words."""

    def expect(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        x: Tensor = inputs[0]
        if module.training and x.numel() == x.shape[1]:
            name = network.spec.name
            less = " and a lower --accumulate" if config.accumulate > 1 else ""
            raise InputError(
                f"Expected steps of two images or more, as BatchNorm of {name!r} gets "
                f"maps of 1×1 pixel and needs a variance, got {batch}; give --batch "
                f"{max(2, 2 * config.accumulate)} or more{less}."
            )

    _train_mode(network, config)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.register_forward_pre_hook(expect)
