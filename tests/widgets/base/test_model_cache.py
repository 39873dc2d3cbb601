"""One cache of loaded models for all docks and threads."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_attnseg import Segmenter
from napari_attnseg._widgets.base import model_widget
from napari_attnseg._widgets.base.model_cache import ModelCache
from napari_attnseg._widgets.explain import ExplainWidget
from napari_attnseg._widgets.inspect import whatif_panel
from napari_attnseg._widgets.inspect.widget import InspectWidget
from napari_attnseg._widgets.segment import SegmentWidget
from napari_attnseg.cards import weights_hash
from napari_attnseg.click_heads import join_click_head
from napari_attnseg.errors import CheckpointError, InputError
from napari_attnseg.models.click_head import ClickHead, ClickHeadSpec


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """Weights files in the order in which they are loaded."""
    seen: list[Path] = []
    load = Segmenter.from_checkpoint

    def counted(weights: Path, device: str) -> Segmenter:
        seen.append(weights)
        return load(weights, device)

    monkeypatch.setattr(Segmenter, "from_checkpoint", counted)
    yield seen


def test_threads_that_ask_at_once_load_once(
    models: ModelCache, tiny_weights: Path, loads: list[Path]
) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: models.load(tiny_weights, "cpu"), range(8)))
    assert loads == [tiny_weights]
    assert all(model is found[0] for model in found)


def test_the_models_used_last_are_kept(
    weights_of: Callable[..., Path], loads: list[Path]
) -> None:
    models = ModelCache(size=2)
    models.add_user()
    a, b, c = (weights_of("tiny", seed) for seed in range(3))
    for weights in (a, b, a, c):
        models.load(weights, "cpu")
    assert loads == [a, b, c] and len(models) == 2
    models.load(a, "cpu")
    assert loads == [a, b, c]
    models.load(b, "cpu")
    assert loads == [a, b, c, b]


def test_a_file_that_changed_is_loaded_again(
    models: ModelCache, tiny_weights: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(tiny_weights.read_bytes())
    first = models.load(weights, "cpu")
    os.utime(weights, (1, 1))
    second = models.load(weights, "cpu")
    assert second is not first and len(models) == 1
    weights.unlink()
    with pytest.raises(CheckpointError, match="there is no file"):
        models.load(weights, "cpu")


def test_memory_is_freed_when_the_last_user_goes(tiny_weights: Path) -> None:
    models = ModelCache()
    model = models.load(tiny_weights, "cpu")
    assert len(models) == 0  # nobody is there to use it again
    one, other = models.add_user(), models.add_user()
    sha256 = models.load(tiny_weights, "cpu").segmenter.sha256
    one()
    one()  # a second time it changes nothing
    assert models.find(sha256) is not None
    other()
    assert len(models) == 0 and models.find(sha256) is None
    # Which file holds the weights of a run is known for the session.
    provenance = {"weights_sha256": model.segmenter.sha256}
    assert models.weights_of(provenance) == tiny_weights
    with pytest.raises(InputError, match="segment the image with them again"):
        models.weights_of({"weights_sha256": "0" * 64})


def test_a_model_is_found_by_weights_and_device(
    models: ModelCache, tiny_weights: Path
) -> None:
    model = models.load(tiny_weights, "auto")
    own = model.segmenter
    assert models.find(own.sha256) is model
    assert models.find(own.sha256, own.device) is model
    assert models.find(own.sha256, "another") is None
    assert models.find("0" * 64) is None


def test_what_one_dock_loads_serves_the_others(
    qtbot: Any,
    viewer: ViewerModel,
    tiny_weights: Path,
    loads: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models = ModelCache()  # that of the other tests holds the model already
    for module in (model_widget, whatif_panel):
        monkeypatch.setattr(module, "MODELS", models)
    docks = SegmentWidget(viewer), ExplainWidget(viewer), InspectWidget(viewer)
    for dock in docks:
        qtbot.addWidget(dock)
    segment, explain, inspect = docks
    qtbot.waitUntil(lambda: explain.method_box.count() > 0, timeout=60_000)
    for dock in (segment, explain):
        dock.inputs.use_weights(tiny_weights)
    image = np.random.default_rng(0).integers(0, 255, (40, 48), dtype=np.uint8)
    viewer.add_image(image, name="a")
    for dock in (segment, explain):
        dock.start()
        qtbot.waitUntil(lambda dock=dock: dock.life.worker is None, timeout=60_000)
    panel = inspect.whatif_panel
    panel.rows[32].slider.setValue(0.3)
    qtbot.waitUntil(lambda: panel.change is not None, timeout=60_000)
    assert loads == [tiny_weights] and len(models) > 0
    for dock in docks:
        dock.life.end()
    assert len(models) == 0


def test_of_one_network_the_file_with_a_click_head_is_found(
    models: ModelCache, tiny_weights: Path, tmp_path: Path
) -> None:
    """Both have the same hash, and a result does not say which one made it."""
    joined = tmp_path / "with head.safetensors"
    sha256 = weights_hash(tiny_weights)
    head = ClickHead(ClickHeadSpec(8, 4, 8, (1,), 4))
    join_click_head(tiny_weights, joined, head, {"weights_sha256": sha256})
    for order in ((tiny_weights, joined), (joined, tiny_weights)):
        for weights in order:
            models.load(weights, "cpu")
        found = models.find(sha256)
        assert found is not None and found.weights == joined
        assert models.weights_of({"weights_sha256": sha256}) == joined
