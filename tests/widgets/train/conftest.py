"""Fixtures of the tests that start training runs."""

import forked
import pytest


@pytest.fixture
def forked_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start runs as copies of a process that has imported torch."""
    monkeypatch.setattr("napari_attnseg._widgets.train.process.Popen", forked.Popen)
