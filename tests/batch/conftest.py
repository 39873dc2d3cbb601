"""A film of numbered frames."""

from __future__ import annotations

from pathlib import Path

import pytest
from medical_files import (
    numbered,
    video_file,
)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return video_file(tmp_path / "film.mp4", numbered(25), g="10", crf="1")
