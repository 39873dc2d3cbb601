"""Commands and files of which the fixtures are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import old_files as old
from PIL import Image

NAMES = [f"p{i:02d}" for i in range(12)]
HOST = "a-workstation.invalid"


def run(line: str, code: int = 0) -> old.Done:
    """Run one command line."""
    print(f"$ {line}", flush=True)
    done = old.command(line)
    assert done.code == code, (done.code, done.out, done.err)
    return done


def write(path: str | Path, content: str | bytes) -> Path:
    """Write a file and the folders above it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def png(path: str | Path, values: Any) -> None:
    """Write an image."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, np.uint8)).save(path)


TINY = old.TINY


#: The smallest network there is: its training state fits into a fixture.
FIT = f"attnseg-train fit --model tiny-resunet --batch 4 {TINY}"
