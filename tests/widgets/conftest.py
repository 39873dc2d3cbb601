"""Fixtures of the widget tests that need no window."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari import settings
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager

from napari_attnseg import Segmenter
from napari_attnseg._widgets.base.jobs import Loaded
from napari_attnseg._widgets.inspect.widget import InspectWidget
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.source import source_of


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


@pytest.fixture
def segment(tiny_weights: Path, viewer: ViewerModel) -> Callable[..., Any]:
    """Add an image and its result, as the Segment widget does."""
    segmenter = Segmenter.from_checkpoint(tiny_weights, "cpu")
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    middle = round(float(np.median(segmenter(noise).probability)), 3)
    segmenter = replace(segmenter, card=replace(segmenter.card, threshold=middle))

    def add(name: str = "image", frames: int = 0, **options: Any) -> Any:
        rng = np.random.default_rng(len(viewer.layers))
        shape = (frames, 40, 48, 3) if frames else (40, 48, 3)
        data = rng.integers(0, 255, shape, np.uint8)
        layer = viewer.add_image(data, name=name, rgb=True, **options)
        source = source_of(layer)
        results = [segmenter(source.frame(i), rgb=True) for i in range(frames or 1)]
        add_layers(viewer, new_layers(source, results))
        return layer

    return add


@pytest.fixture
def opened(
    qtbot: Any, viewer: ViewerModel, tiny_weights: Path
) -> Callable[[], InspectWidget]:
    kept = []  # a window would hold it; without one it is garbage, children and all

    def open_() -> InspectWidget:
        widget = InspectWidget(viewer)
        kept.append(widget)
        qtbot.addWidget(widget)
        # As after a run of the Segment widget in this session.
        found = Segmenter.from_checkpoint(tiny_weights, "cpu")
        widget.whatif_panel._loaded = Loaded(
            tiny_weights, tiny_weights.stat().st_mtime_ns, "cpu", found
        )
        return widget

    return open_
