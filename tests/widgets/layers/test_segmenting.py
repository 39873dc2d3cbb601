"""Frames and tiles in a worker: progress, speed, cancel, what is kept. No window."""

from __future__ import annotations

from collections.abc import Generator
from mmap import mmap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.layers import Image

from napari_attnseg._widgets.base.jobs import Failed, encode, prepare_clicks, run
from napari_attnseg._widgets.base.model_cache import ModelCache
from napari_attnseg._widgets.base.segmenting import (
    TILED_STEPS,
    Looking,
    segment_frames,
)
from napari_attnseg._widgets.layers import stack_array
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.source import Source, source_of
from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.reproduce import command_text, python_text
from napari_attnseg.tiles import TILES


@pytest.fixture(scope="module")
def segmenter(tiny_weights: Path) -> Segmenter:
    return Segmenter.from_checkpoint(tiny_weights, "cpu")


def source(*shape: int) -> Source:
    pixels = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    return source_of(Image(pixels))


def drained(steps: Generator[Any, None, Any]) -> tuple[list[Any], Any]:
    said = []
    while True:
        try:
            said.append(next(steps))
        except StopIteration as end:
            return said, end.value


def test_a_stack_shows_its_speed_and_keeps_small_maps(segmenter: Segmenter) -> None:
    stack = source(3, 40, 50)
    said, results = drained(segment_frames(stack, segmenter, Looking()))
    assert [step.done for step in said] == [0, 1, 2, 3]
    came = [step.came for step in said]
    assert came[0] is None and [one.frame for one in came[1:]] == [0, 1, 2]
    assert np.shares_memory(came[2].result.mask, results[1].mask)
    assert said[0][1] == "1 of 3 slices"
    assert said[2][1].startswith("3 of 3 slices, ")
    assert said[2][1].endswith(("slices/s", "s per slice"))
    for frame, result in enumerate(results):
        own = segmenter(stack.frame(frame))
        np.testing.assert_array_equal(result.mask, own.mask)
        assert result.mask.dtype == np.uint8
        assert result.probability.dtype == result.attention[0].values.dtype == "float16"
        np.testing.assert_allclose(result.probability, own.probability, atol=1e-3)
    layers = new_layers(stack, results)
    assert {layer.data.dtype for layer in layers} == {np.dtype("u1"), np.dtype("f2")}
    probability, *gates, mask = (layer.data for layer in layers)
    assert probability.shape == mask.shape == (3, 40, 50)
    for frame, result in enumerate(results):
        np.testing.assert_array_equal(probability[frame], result.probability[0])
        np.testing.assert_array_equal(mask[frame], result.mask)
        for gate, values in zip(result.attention, gates):
            np.testing.assert_array_equal(values[frame], gate.values)
            assert np.shares_memory(values, gate.values)  # not in memory twice
    # Frames in another order are no such array.
    (other, *_) = new_layers(stack, results[::-1])
    np.testing.assert_array_equal(other.data, probability[::-1])


def test_frames_come_from_the_one_on_screen_on(segmenter: Segmenter) -> None:
    stack, shown = source(40, 20, 24), [20]
    steps = segment_frames(stack, segmenter, Looking(), lambda: shown[0])
    came = [next(steps).came for _ in range(4)]
    assert [one.frame for one in came[1:]] == [20, 21, 22]
    shown[0] = 5  # the slider moves: what is being read still comes
    came += [next(steps).came for _ in range(5)]
    assert [one.frame for one in came[4:]] == [23, 5, 6, 7, 8]
    steps.close()
    # What did not come is there, empty, and says so.
    results = came[-1].stack
    assert len(results) == 40 and came[-1].stack.done == 8
    for frame, result in enumerate(results):
        done = frame in (20, 21, 22, 23, 5, 6, 7, 8)
        assert (result.provenance["image_sha256"] is not None) == done
        assert done or not (result.probability.any() or result.mask.any())
    (*_, mask) = new_layers(stack, results)
    assert mask.record.done_frames == [5, 6, 7, 8, 20, 21, 22, 23]
    assert not mask.record.is_done(9) and mask.record.is_done(7)
    said, results = drained(segment_frames(stack, segmenter, Looking(every=15)))
    assert [step.text.partition(",")[0] for step in said[:3]] == [
        f"{i} of 3 slices" for i in (1, 2, 3)
    ]
    (*_, mask) = new_layers(stack, results)
    assert mask.record.done_frames == [0, 15, 30]
    assert mask.record.provenance["every"] == 15


def test_a_long_stack_lies_on_the_disk(
    segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack_array, "IN_MEMORY", 2000)
    stack = source(3, 20, 24)
    _, results = drained(segment_frames(stack, segmenter, Looking()))
    for frame, result in enumerate(results):
        own = segmenter(stack.frame(frame))
        np.testing.assert_array_equal(result.mask, own.mask)
        np.testing.assert_allclose(result.probability, own.probability, atol=1e-3)
    layers = new_layers(stack, results)
    probability, mask = layers[0].data, layers[-1].data
    # 2.9 kB and 1.4 kB.
    assert isinstance(probability.base.base, mmap) and mask.base is None
    assert type(layers[0].data) is np.ndarray
    layers[0].data[1] = 0.5  # as a brush does
    stack_array.let_go(layers[0].data)  # what was written stays
    assert results[1].probability.min() == 0.5
    free = SimpleNamespace(free=1000)
    monkeypatch.setattr(stack_array.shutil, "disk_usage", lambda folder: free)
    with pytest.raises(InputError, match="free space"):
        drained(segment_frames(stack, segmenter, Looking()))


def test_one_image_keeps_exact_maps(segmenter: Segmenter) -> None:
    said, (result,) = drained(segment_frames(source(40, 50), segmenter, Looking()))
    assert said == [(0, "segmenting", None)] and result.probability.dtype == np.float32


def test_tiles_count_as_steps_and_can_be_cancelled(segmenter: Segmenter) -> None:
    image, how = source(100, 150), Looking(tile=True)
    said, (result,) = drained(segment_frames(image, segmenter, how))
    assert [one.done for one in said] == [round(TILED_STEPS * i / 6) for i in range(7)]
    assert said[1][1] == "segmenting, tile 2 of 6"
    assert how.steps(None) == TILED_STEPS and Looking().steps(7) == 7
    wanted = segmenter(image.frame(0), tile=True)
    np.testing.assert_array_equal(result.probability, wanted.probability)
    steps = segment_frames(image, segmenter, how)
    next(steps)
    next(steps)
    steps.close()  # as a cancel does


def test_a_slice_that_cannot_be_read_is_named(segmenter: Segmenter) -> None:
    pixels = np.random.default_rng(0).random((3, 40, 50)).astype(np.float32)
    pixels[1, 0, 0] = np.nan
    with pytest.raises(InputError, match=r"Slice 1: .*finite.* The 1 that are done"):
        drained(segment_frames(source_of(Image(pixels)), segmenter, Looking()))


def test_what_needs_one_pass_is_refused_in_words(tiny_weights: Path) -> None:
    image, models = source(70, 80), ModelCache()
    models.add_user()
    steps = run(image, tiny_weights, "cpu", models, Looking(tile=True))
    said, done = drained(steps)
    assert said[0] == (0, "loading weights") and said[-1][0] == TILED_STEPS
    (result,) = done.results
    facts = result.provenance
    for job in (
        encode(image, 0, facts, models),
        prepare_clicks(image, 0, facts, result.probability, models),
    ):
        _, failed = drained(job)
        assert isinstance(failed, Failed) and "made of tiles" in failed.message


def test_a_run_in_tiles_is_repeated_as_such(
    tiny_weights: Path, tmp_path: Path, segmenter: Segmenter
) -> None:
    import tifffile

    pixels = np.random.default_rng(0).integers(0, 255, (70, 80), np.uint8)
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, pixels)
    found = segmenter(pixels, tile=True)
    facts = {**found.provenance, "source": str(file)}
    assert facts[TILES]["rows"] == 2
    assert " --tile" in command_text(facts, tiny_weights)
    code = python_text(facts, tiny_weights)
    said: list[str] = []
    exec(code, {"print": said.append})
    assert said == ["The same mask."]


def test_what_is_painted_in_a_long_stack_is_read_at_once() -> None:
    array = stack_array.StackArray(1200, (64, 64), np.uint8)
    assert array.values.nbytes > stack_array.IN_MEMORY
    assert not array.read(0).any()  # less than what a file reads ahead
    array.values[1, 3, 4] = 1
    assert array.read(1)[3, 4] == 1 and not array.read(2).any()
    array.put(2, np.full((64, 64), 7))
    assert (array.read(2) == 7).all() and (array.values[2] == 7).all()
