"""`Segmenter`: numpy in, numpy out, the same answer each time."""

import copy
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_attnseg.devices import available_devices, resolve_device
from napari_attnseg.engines.torch import TorchEngine
from napari_attnseg.errors import CheckpointError, DeviceError, InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.results import Segmentation


@pytest.fixture(scope="module")
def segmenter(tiny_weights: Path) -> Segmenter:
    return Segmenter.from_checkpoint(tiny_weights, "cpu")


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)


def same(a: Segmentation, b: Segmentation) -> bool:
    return np.array_equal(a.probability, b.probability) and all(
        np.array_equal(p.values, q.values)
        for p, q in zip(a.attention, b.attention, strict=True)
    )


def test_result_has_the_documented_axes(
    segmenter: Segmenter, image: np.ndarray
) -> None:
    result = segmenter(image)
    assert result.mask.shape == (50, 70) and result.mask.dtype == np.uint8
    assert result.probability.shape == (1, 50, 70)
    assert result.probability.dtype == np.float32
    assert 0 <= result.probability.min() < result.probability.max() <= 1
    np.testing.assert_array_equal(result.mask, result.probability[0] >= 0.5)
    assert [a.level for a in result.attention] == [4, 8, 16, 32]
    for gate in result.attention:
        rows, columns = gate.values.shape
        assert gate.stride == (50 / rows, 70 / columns)
        assert gate.values.dtype == np.float32
        assert (gate.low, gate.high) == ("transformer", "CNN")
    assert result.attention[3].name == "gate 1/32 (transformer ↔ CNN)"


def test_provenance_says_what_ran(segmenter: Segmenter, image: np.ndarray) -> None:
    facts = segmenter(image).provenance
    assert facts["model"] == "tiny" and facts["device"] == "cpu"
    assert facts["weights_sha256"] == segmenter.sha256 and len(segmenter.sha256) == 64
    assert facts["threshold"] == 0.5 and facts["gates_forced"] == {}
    assert set(facts["versions"]) == {"napari-attnseg", "torch", "timm"}


def test_alpha_and_layout_do_not_change_the_answer(
    segmenter: Segmenter, image: np.ndarray
) -> None:
    alpha = np.dstack([image, np.full((50, 70), 9, np.uint8)])
    assert same(segmenter(image), segmenter(alpha))
    assert same(segmenter(image), segmenter(np.asfortranarray(image)))


def test_decode_repeats_and_gates_can_be_forced(
    segmenter: Segmenter, image: np.ndarray
) -> None:
    encoded = segmenter.encode(image)
    own = segmenter.decode(encoded)
    assert same(own, segmenter(image))
    forced = segmenter.decode(encoded, {8: 1.0, 32: own.attention[3].values})
    assert np.all(forced.attention[1].values == 1)
    assert not np.array_equal(own.probability, forced.probability)
    assert forced.provenance["gates_forced"] == {"1/8": 1.0, "1/32": "array"}
    assert same(own, segmenter.decode(encoded))


def test_flip_is_the_mean_over_mirror_images_with_the_gates_of_the_image_itself(
    segmenter: Segmenter, image: np.ndarray
) -> None:
    plain, flipped = segmenter(image), segmenter(image, flip=True)
    views = [
        np.flip(segmenter(np.flip(image, axes)).probability[0], axes)
        for axes in ((), (0,), (1,), (0, 1))
    ]
    mean = np.mean(views, 0)
    assert np.abs(mean - plain.probability[0]).max() > 1e-3  # it makes a difference
    np.testing.assert_allclose(flipped.probability[0], mean, atol=1e-5)
    np.testing.assert_array_equal(flipped.mask, flipped.probability[0] >= 0.5)
    for own, gate in zip(plain.attention, flipped.attention):
        np.testing.assert_allclose(gate.values, own.values, atol=1e-5)
    assert flipped.provenance["flip_augmented"] is True
    assert plain.provenance["flip_augmented"] is False


def test_forced_gates_are_mirrored_with_the_image(
    segmenter: Segmenter, image: np.ndarray
) -> None:
    encoded = segmenter.encode(image, flip=True)
    psi = np.random.default_rng(1).random((8, 8), np.float32)
    once = segmenter.decode(encoded, {8: psi})
    mirrored = segmenter.encode(image[:, ::-1], flip=True)
    again = segmenter.decode(mirrored, {8: psi[:, ::-1]})
    np.testing.assert_array_equal(once.attention[1].values, psi)
    np.testing.assert_allclose(
        once.probability[0], again.probability[0, :, ::-1], atol=1e-5
    )


def test_psi_may_be_any_array_of_numbers(
    segmenter: Segmenter, image: np.ndarray
) -> None:
    encoded = segmenter.encode(image)
    psi = np.random.default_rng(1).random((8, 8))
    fixed = psi.copy()
    fixed.flags.writeable = False
    for other in (fixed, psi.astype(">f4"), psi.astype(np.longdouble)):
        found = segmenter.decode(encoded, {np.int64(8): other})
        np.testing.assert_allclose(found.attention[1].values, psi, atol=1e-6)


@pytest.mark.parametrize(
    ("gates", "words"),
    [
        ({5: 0.5}, "no gate at 1/5"),
        ({8: 1.5}, r"\[0, 1\]"),
        ({8: float("nan")}, r"\[0, 1\]"),
        ({8: np.zeros((3, 3), np.float32)}, r"\(8, 8\)"),
    ],
)
def test_impossible_gates_are_refused(
    segmenter: Segmenter, image: np.ndarray, gates: dict, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        segmenter.decode(segmenter.encode(image), gates)


def test_threads_do_not_disturb_each_other(
    segmenter: Segmenter, image: np.ndarray
) -> None:
    images = [image, image[::-1].copy(), image[:, ::-1].copy()]
    alone = [segmenter(i) for i in images]
    found: dict[int, Segmentation] = {}

    def work(i: int) -> None:
        found[i] = segmenter(images[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same(alone[i], found[i]) for i in range(3))


def test_devices() -> None:
    assert available_devices()[0] == "auto" and available_devices()[-1] == "cpu"
    assert resolve_device("auto") == available_devices()[1]
    with pytest.raises(DeviceError, match="cuda:99"):
        resolve_device("cuda:99")


def test_a_probability_of_nan_is_an_error(segmenter: Segmenter) -> None:
    network = copy.deepcopy(segmenter.network)
    with torch.no_grad():
        for tensor in network.decoder.parameters():
            tensor.fill_(float("nan"))
    diverged = replace(segmenter, engine=TorchEngine(network))
    with pytest.raises(CheckpointError, match="gives NaN for this image"):
        diverged(np.random.default_rng(0).random((64, 64, 3), np.float32))
