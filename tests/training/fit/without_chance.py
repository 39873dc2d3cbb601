"""A run in which nothing depends on how a batch is cut: SETTINGS.toml RUN_FOLDER.

Left out are statistics of BatchNorm (on the CPU each share has its own), noise and
stochastic depth.
"""

import sys
from pathlib import Path

from torch import nn

from attnseg_training import transforms
from attnseg_training.config import TrainConfig, read_toml
from attnseg_training.fit import trainer
from attnseg_training.fit.fit import fit


def main() -> None:
    train_mode, draw_colour = trainer._train_mode, transforms.draw_colour

    def still(network: nn.Module, config: TrainConfig) -> None:
        train_mode(network, config)
        for module in network.modules():
            if (
                isinstance(module, nn.BatchNorm2d)
                or type(module).__name__ == "DropPath"
            ):
                module.eval()

    trainer._train_mode = still
    transforms.draw_colour = lambda rng: (draw_colour(rng)[0], 0.0, 0.0)
    settings, out = map(Path, sys.argv[1:])
    fit(TrainConfig(**read_toml(settings)), out)
