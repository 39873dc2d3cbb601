"""Fixtures of the tests that start training runs."""

import forked
import pytest


@pytest.fixture
def forked_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start runs as copies of a process that has imported torch."""
    for module in ("process", "cost"):
        monkeypatch.setattr(
            f"napari_attnseg._widgets.train.{module}.Popen", forked.Popen
        )
