"""Fixtures of the widget tests that need no window."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from napari import settings
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager


@pytest.fixture(autouse=True)
def own_preferences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test prefers stays in it; as napari's own `plugin_settings` does it.

    That fixture would hide this plugin's manifest too.
    """
    monkeypatch.setattr(settings, "_CFG_PATH", str(tmp_path / "settings.yaml"))
    settings._clear_plugin_settings_cache()
    yield
    settings._clear_plugin_settings_cache()


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def messages() -> Iterator[list[str]]:
    """What napari would have shown as notifications."""
    seen: list[str] = []

    def see(notification: Any) -> None:
        seen.append(notification.message)

    notification_manager.notification_ready.connect(see)
    yield seen
    notification_manager.notification_ready.disconnect(see)
