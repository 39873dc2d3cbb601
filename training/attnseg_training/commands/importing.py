"""``import``: checkpoints of the authors' released code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def import_command(
    checkpoint: Annotated[
        Path, typer.Argument(help="Checkpoint (.pth) of the authors' released code.")
    ],
    out: Annotated[Path, typer.Option(help="Weights file (.safetensors) to write.")],
) -> None:
    """Turn a released checkpoint of the paper's headline model into weights of ours.

    No code in the file is run. Evaluate what comes out before using it.
    """
    from attnseg_training.release.import_paper import import_released

    import_released(checkpoint, out)
    print(out)
