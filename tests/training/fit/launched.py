"""Print the exit code of two processes that `launch` starts and that end well."""

from attnseg_training.config import TrainConfig
from attnseg_training.fit.distributed import launch


def main() -> None:
    print(launch(2, ["--help"], TrainConfig("data", batch=2, device="cpu")))
