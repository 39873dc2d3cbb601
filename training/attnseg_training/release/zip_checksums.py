"""Recognise checkpoints that were damaged after they were saved, by their checksums.

PyTorch reads a tensor of zeros or other bytes from such a file without a word.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from napari_attnseg.errors import CheckpointError


def expect_undamaged(path: Path) -> None:
    """Check each checksum of a checkpoint that is a zip file.

    A checksum of 0 is left out: PyTorch can save without computing them.

    Raises
    ------
    CheckpointError
        If what a part of the file holds does not fit its checksum, or cannot be read
        as the table of contents of the file says.
    """
    try:
        if not path.is_file() or not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as file:
            for part in file.infolist():
                if part.CRC:
                    with file.open(part) as stored:
                        while stored.read(1 << 20):
                            pass
    except Exception as error:  # zipfile raises many kinds
        raise CheckpointError(
            f"Expected the whole checkpoint {path.name}, but what it holds does not "
            "fit its checksums or its table of contents: the file is damaged; copy it "
            "again."
        ) from error
