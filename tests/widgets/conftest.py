"""Fixtures of the widget tests that need no window."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari import settings
from napari.components import ViewerModel
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QSettings

from napari_attnseg import Segmenter
from napari_attnseg._widgets.base.model_cache import MODELS, ModelCache
from napari_attnseg._widgets.inspect.widget import InspectWidget
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg.hashing import array_sha256
from napari_attnseg.results import Segmentation


@pytest.fixture(autouse=True)
def own_preferences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test prefers stays in it; as napari's own `plugin_settings` does it.

    That fixture would hide this plugin's manifest too.
    """
    monkeypatch.setattr(settings, "_CFG_PATH", str(tmp_path / "settings.yaml"))
    # What the docks remember: forms, folders. It stays set, for tests to come.
    scope = QSettings.Scope.UserScope
    QSettings.setPath(QSettings.Format.IniFormat, scope, str(tmp_path / "ini"))
    settings._clear_plugin_settings_cache()
    yield
    settings._clear_plugin_settings_cache()


@pytest.fixture(autouse=True)
def nothing_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docks load no weights before they are asked to; a test may undo that."""
    monkeypatch.setattr("napari_attnseg._widgets.base.preload.DELAY", 10**8)


@pytest.fixture
def make_napari_viewer(
    make_napari_viewer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Windows without what shows a menu bar that is hidden, as none is here.

    napari looks for it in Python at each of ten thousand Qt events of a window.
    """
    event_filter = "napari._qt.qt_main_window._QtMainWindow.eventFilter"
    monkeypatch.delattr(event_filter, raising=False)
    return make_napari_viewer


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


class Mouse:
    """A mouse over a viewer without a window, through napari's own dispatch."""

    def __init__(self, viewer: ViewerModel) -> None:
        self.viewer = viewer

    def move(self, position: Sequence[float]) -> None:
        """Move to a world point, no button pressed."""
        event = SimpleNamespace(type="mouse_move", position=tuple(position))
        event.modifiers, event.is_dragging = (), False
        mouse_move_callbacks(self.viewer, event)

    def click(
        self,
        position: Sequence[float],
        moves: int = 0,
        button: int = 1,
        modifiers: tuple[str, ...] = (),
    ) -> None:
        """Press, move so many times, and release."""
        event = SimpleNamespace(type="mouse_press", position=tuple(position))
        event.modifiers, event.is_dragging, event.button = modifiers, True, button
        mouse_press_callbacks(self.viewer, event)
        for _ in range(moves):
            event.type = "mouse_move"
            mouse_move_callbacks(self.viewer, event)
        event.type = "mouse_release"
        mouse_release_callbacks(self.viewer, event)

    def drag(
        self,
        *positions: Sequence[float],
        button: int = 1,
        modifiers: tuple[str, ...] = (),
    ) -> None:
        """Press at the first world point, move through the others, and release."""
        event = SimpleNamespace(type="mouse_press", position=tuple(positions[0]))
        event.modifiers, event.is_dragging, event.button = modifiers, True, button
        mouse_press_callbacks(self.viewer, event)
        for event.position in positions[1:]:
            event.type = "mouse_move"
            mouse_move_callbacks(self.viewer, event)
        event.type = "mouse_release"
        mouse_release_callbacks(self.viewer, event)


@pytest.fixture
def mouse(viewer: ViewerModel) -> Mouse:
    return Mouse(viewer)


@pytest.fixture
def messages() -> Iterator[list[str]]:
    """What napari would have shown as notifications."""
    seen: list[str] = []

    def see(notification: Any) -> None:
        seen.append(notification.message)

    notification_manager.notification_ready.connect(see)
    yield seen
    notification_manager.notification_ready.disconnect(see)


@pytest.fixture(scope="session", autouse=True)
def models_stay_loaded() -> Iterator[None]:
    """What one test loads serves the others, as one dock's model serves the others."""
    leave = MODELS.add_user()
    yield
    leave()


@pytest.fixture
def models() -> Iterator[ModelCache]:
    """A cache of loaded models with one user."""
    cache = ModelCache()
    leave = cache.add_user()
    yield cache
    leave()


@pytest.fixture(scope="session")
def tiny_segmenter(tiny_weights: Path) -> Segmenter:
    """The `tiny` model on the CPU."""
    return Segmenter.from_checkpoint(tiny_weights, "cpu")


@pytest.fixture(scope="session")
def halving_segmenter(tiny_segmenter: Segmenter) -> Segmenter:
    """The `tiny` model at a threshold that half of a noise image reaches.

    The model is untrained: its probabilities differ by little.
    """
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    middle = round(float(np.median(tiny_segmenter(noise).probability)), 3)
    card = replace(tiny_segmenter.card, threshold=middle)
    return replace(tiny_segmenter, card=card)


@pytest.fixture(scope="session")
def segmented(halving_segmenter: Segmenter) -> Callable[..., Segmentation]:
    """Result of a noise image, of which each is computed once."""
    known: dict[str, Segmentation] = {}

    def result(frame: Any) -> Segmentation:
        key = array_sha256(frame)
        if key not in known:
            known[key] = halving_segmenter(frame, rgb=True)
        own = known[key]
        # As every run does, with arrays and a date of its own.
        return replace(
            own,
            mask=own.mask.copy(),
            probability=own.probability.copy(),
            attention=tuple(
                replace(gate, values=gate.values.copy()) for gate in own.attention
            ),
            provenance={**own.provenance, "date": datetime.now(UTC).isoformat()},
        )

    return result


@pytest.fixture
def add_result(segmented: Any) -> Callable[..., list[Any]]:
    """Add the result of an image layer to a viewer, as the Segment widget does.

    With only its coarsest gate maps if a number of them is given.
    """

    def add(
        viewer: Any, layer: Any, frames: int = 0, gates: int | None = None
    ) -> list[Any]:
        source = source_of(layer)
        results = [segmented(source.frame(i)) for i in range(frames or 1)]
        if gates is not None:
            results = [
                replace(one, attention=one.attention[-gates:]) for one in results
            ]
        return add_layers(viewer, new_layers(source, results))

    return add


@pytest.fixture
def segment(add_result: Any, viewer: ViewerModel) -> Callable[..., Any]:
    """Add an image and its result, as the Segment widget does."""

    def add(name: str = "image", frames: int = 0, **options: Any) -> Any:
        rng = np.random.default_rng(len(viewer.layers))
        shape = (frames, 40, 48, 3) if frames else (40, 48, 3)
        data = rng.integers(0, 255, shape, np.uint8)
        layer = viewer.add_image(data, name=name, rgb=True, **options)
        add_result(viewer, layer, frames)
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
        MODELS.load(tiny_weights, "cpu")
        return widget

    return open_
