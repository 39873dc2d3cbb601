"""One cache of loaded models for all docks and threads."""

import gc
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_attnseg import Segmenter
from napari_attnseg._widgets.base import model_widget, preload
from napari_attnseg._widgets.base.model_cache import ModelCache
from napari_attnseg._widgets.explain import ExplainWidget
from napari_attnseg._widgets.inspect import section
from napari_attnseg._widgets.inspect.widget import InspectWidget
from napari_attnseg._widgets.segment import SegmentWidget
from napari_attnseg.cards import weights_hash
from napari_attnseg.click_heads import join_click_head
from napari_attnseg.devices import resolve_device
from napari_attnseg.errors import CheckpointError, InputError
from napari_attnseg.models.click_head import ClickHead, ClickHeadSpec
from napari_attnseg.weights import DEFAULT_WEIGHTS


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
    # By weights that were bundled under this name before.
    before = {"weights_sha256": "0" * 64, "weights": f"{DEFAULT_WEIGHTS}.safetensors"}
    with pytest.raises(InputError, match="'compact' of another version"):
        models.weights_of(before)


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
    for module in (model_widget, section):
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


def test_what_was_loaded_ahead_is_used_once_and_only_if_it_still_fits(
    tiny_weights: Path, tmp_path: Path, loads: list[Path]
) -> None:
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(tiny_weights.read_bytes())
    models = ModelCache()
    models.load_ahead(weights)
    assert loads == []  # nobody is there to use it
    leave = models.add_user()
    models.load_ahead(weights)
    models.load_ahead(weights)
    assert loads == [weights] and len(models) == 0
    model = models.load(weights, "auto")
    assert loads == [weights] and len(models) == 1
    assert model.device == "auto" and model.segmenter.device == resolve_device("auto")
    models.load_ahead(weights)  # it is there
    assert loads == [weights]
    os.utime(weights, (1, 1))
    models.load_ahead(weights)
    os.utime(weights, (2, 2))
    models.load(weights, "cpu")
    assert loads == [weights] * 3
    models.load_ahead(tiny_weights)
    leave()
    models.add_user()
    models.load(tiny_weights, "cpu")
    assert loads == [*[weights] * 3, tiny_weights, tiny_weights]


def test_segment_loads_while_the_user_looks(
    qtbot: Any,
    viewer: ViewerModel,
    weights_of: Callable[..., Path],
    tmp_path: Path,
    loads: list[Path],
    models: ModelCache,
    messages: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preload, "DELAY", 0)
    monkeypatch.setattr(model_widget, "MODELS", models)
    viewer.add_image(np.zeros((40, 48, 3), np.uint8), rgb=True)
    first, second = (weights_of("tiny", seed) for seed in (0, 1))
    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget)
    widget.inputs.use_weights(first)  # before the event loop runs
    qtbot.waitUntil(lambda: loads == [first] and not widget.preload.loading)
    assert len(models) == 0 and gc.isenabled()
    # Others that are chosen are loaded in their place; what cannot be says nothing.
    damaged = tmp_path / "damaged.safetensors"
    data = second.read_bytes()
    damaged.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    for count, weights in enumerate((damaged, second), 2):
        widget.inputs.use_weights(weights)
        qtbot.waitUntil(lambda n=count: len(loads) == n and not widget.preload.loading)
    assert messages == [] and gc.isenabled()
    widget.inputs.device_box.setCurrentText("cpu")
    widget.bar.start_button.click()
    qtbot.waitUntil(lambda: len(viewer.layers) > 1, timeout=60_000)
    assert loads == [first, damaged, second]  # not once more
    # A dock that is closed loads no more.
    widget.inputs.use_weights(first)
    widget.life.end()
    qtbot.wait(50)
    assert loads == [first, damaged, second] and not widget.preload.loading


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
