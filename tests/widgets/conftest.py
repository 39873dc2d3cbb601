"""Fixtures of the widget tests that need no window."""

from collections.abc import Iterator
from typing import Any

import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager


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
