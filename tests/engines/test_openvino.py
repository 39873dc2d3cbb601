"""OpenVINO computes what PyTorch does, keeps what it compiled, and says what it is."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stand_ins import STAND_INS

from napari_attnseg.cards import ModelCard
from napari_attnseg.checkpoints import save_checkpoint
from napari_attnseg.corrections.of_model import corrector_of
from napari_attnseg.devices import LABELS, segmenting_devices
from napari_attnseg.engines import chosen_device, compiled
from napari_attnseg.engines.compiled import Check, compare, kept_check
from napari_attnseg.engines.openvino import OpenVINOEngine
from napari_attnseg.engines.torch import TorchEngine
from napari_attnseg.errors import DeviceError
from napari_attnseg.explanations import explain
from napari_attnseg.inference import Segmenter
from napari_attnseg.models.catalog import MODELS
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import EncoderSpec, Preprocessing
from napari_attnseg.whatif import ForcedGates, WhatIf

pytest.importorskip("openvino")
IMAGE = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
#: Wired as the bundled model: a CNN and a plain ViT that sees another size.
SPEC = dataclasses.replace(
    MODELS["tiny"],
    name="mixed",
    transformer=EncoderSpec("test_vit", 80, blocks=(1, 2, 2, 2)),
    size=80,
    head=(16,),
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "mixed.safetensors"
    card = ModelCard(SPEC, Preprocessing(SPEC.size))
    save_checkpoint(path, SegmentationNetwork(SPEC).state_dict(), card)
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(cache))


@pytest.fixture
def segmenter(weights: Path) -> Segmenter:
    """Compiled by the first test that asks, then kept."""
    return Segmenter.from_checkpoint(weights, "openvino")


@pytest.fixture(scope="module")
def eager(weights: Path) -> Segmenter:
    return Segmenter.from_checkpoint(weights, "cpu")


@pytest.mark.parametrize("name", ["tiny-swin", "tiny-vit"])
def test_single_encoders_have_the_numbers_of_pytorch(name: str) -> None:
    torch.manual_seed(0)
    spec = {**MODELS, **STAND_INS}[name]
    network = SegmentationNetwork(spec).eval().requires_grad_(False)
    engine, _ = compiled.compile_network(deepcopy(network), lambda: network)
    assert engine.gates == network.gates
    check = compare(TorchEngine(network), engine)
    assert check.agrees and check.logits > 0, check


def test_it_segments_as_pytorch_does(segmenter: Segmenter, eager: Segmenter) -> None:
    for flip in (False, True):
        ours, wanted = segmenter(IMAGE, flip=flip), eager(IMAGE, flip=flip)
        np.testing.assert_allclose(ours.probability, wanted.probability, atol=1e-5)
        for own, gate in zip(ours.attention, wanted.attention, strict=True):
            np.testing.assert_allclose(own.values, gate.values, atol=1e-5)
            assert own.effective_share.values is not None
            np.testing.assert_allclose(
                own.effective_share.values, gate.effective_share.values, atol=1e-5
            )
    assert not np.array_equal(ours.probability, wanted.probability)  # it did compute
    facts = ours.provenance
    assert facts["device"] == "openvino" and facts["precision"] == "float32"
    assert facts["engine"].startswith("OpenVINO 20")
    assert wanted.provenance["engine"] == f"PyTorch {torch.__version__}"
    assert facts["weights_sha256"] == wanted.provenance["weights_sha256"]


def test_the_what_if_forces_gates_of_the_decoder_alone(
    segmenter: Segmenter, eager: Segmenter
) -> None:
    forced = ForcedGates({8: 1.0, 32: 0.0})
    ours, wanted = WhatIf(segmenter, IMAGE), WhatIf(eager, IMAGE)
    found, expected = ours.change(forced).result, wanted.change(forced).result
    np.testing.assert_allclose(found.probability, expected.probability, atol=1e-5)
    assert np.abs(found.probability - ours.own.probability).max() > 1e-4
    assert (found.attention[1].values == 1).all()
    ours_alone, wanted_alone = ours.readers(), wanted.readers()
    for one in ("cnn", "transformer"):
        alone, by_torch = getattr(ours_alone, one), getattr(wanted_alone, one)
        np.testing.assert_allclose(alone.probability, by_torch.probability, atol=1e-5)


def test_what_needs_gradients_or_modules_gets_the_network_in_pytorch(
    segmenter: Segmenter, eager: Segmenter
) -> None:
    ours = explain(segmenter, IMAGE, "Seg-Grad-CAM", 8).values
    np.testing.assert_allclose(ours, explain(eager, IMAGE, "Seg-Grad-CAM", 8).values)
    click = corrector_of(segmenter, segmenter.encode(IMAGE))
    same = corrector_of(eager, eager.encode(IMAGE))
    np.testing.assert_allclose(click._unit, same._unit, atol=1e-3)


def test_what_was_compiled_is_kept_and_checked(
    segmenter: Segmenter, weights: Path, cache: Path, compiling: list[Any]
) -> None:
    (record,) = cache.rglob("engine.json")
    again = Segmenter.from_checkpoint(weights, "openvino")
    np.testing.assert_array_equal(
        again(IMAGE).probability, segmenter(IMAGE).probability
    )
    assert not compiling
    facts = json.loads(record.read_text())
    assert facts["check"]["logits"] <= 1e-4 and facts["check"]["openvino_s"] > 0
    # Of another version, or cut short: compiled anew.
    facts["versions"]["openvino"] = "2020.1"
    record.write_text(json.dumps(facts))
    assert kept_check(weights) is None
    Segmenter.from_checkpoint(weights, "openvino")
    assert len(compiling) == 1
    (record.parent / "decode.blob").write_bytes(b"")
    Segmenter.from_checkpoint(weights, "openvino")
    assert len(compiling) == 2 and kept_check(weights) is not None


@pytest.fixture
def compiling(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Grows when a network is compiled."""
    asked: list[Any] = []
    own = compiled._compile_in_a_process

    def compiled_again(weights: Path) -> None:
        asked.append(weights)
        own(weights)

    monkeypatch.setattr(compiled, "_compile_in_a_process", compiled_again)
    return asked


def test_auto_takes_it_only_where_it_was_faster(
    segmenter: Segmenter, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    for openvino_s, chosen in ((0.5, "openvino"), (1.5, "cpu")):
        check = Check(0.0, 0.0, 1.0, openvino_s)
        monkeypatch.setattr(compiled, "kept_check", lambda path, found=check: found)
        assert chosen_device(weights, "auto") == chosen
        assert chosen_device(weights, "cpu") == "cpu"
    monkeypatch.setattr(compiled, "kept_check", lambda path: None)
    assert chosen_device(weights, "auto") == "cpu"
    assert segmenting_devices() == ["auto", "openvino", "cpu"]
    assert LABELS["openvino"] == "CPU (OpenVINO)"


def test_other_numbers_are_refused(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fuse = OpenVINOEngine.fuse

    def off(self: OpenVINOEngine, *given: Any) -> Any:
        maps, psi = fuse(self, *given)
        return maps, {stride: values + 2e-3 for stride, values in psi.items()}

    monkeypatch.setattr(OpenVINOEngine, "fuse", off)
    with pytest.raises(DeviceError, match=r"psi by 2.0e-03; choose the device 'cpu'"):
        compiled.keep_compiled(weights, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("code", "words"),
    [("import os; os.abort()", "no message"), ("raise OSError('no such')", "no such")],
)
def test_what_ends_the_compiling_process_ends_no_other(
    tiny_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    words: str,
) -> None:
    run = subprocess.run

    def other(command: list[str], **how: Any) -> Any:
        return run([sys.executable, "-c", code], **how)

    monkeypatch.setattr(compiled.subprocess, "run", other)
    with pytest.raises(DeviceError, match=words):
        Segmenter.from_checkpoint(tiny_weights, "openvino")


def test_a_kept_model_starts_without_timm(
    segmenter: Segmenter, weights: Path, cache: Path
) -> None:
    code = (
        "import sys, platformdirs, numpy as np\n"
        f"platformdirs.user_cache_dir = lambda *_, **__: {str(cache)!r}\n"
        "from napari_attnseg import Segmenter\n"
        f"found = Segmenter.from_checkpoint({str(weights)!r}, 'openvino')\n"
        "print(found(np.zeros((9, 9), np.uint8)).provenance['engine'])\n"
        "print({'timm', 'torchvision'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.stdout.splitlines() == [segmenter.engine.label, "set()"], done.stderr


def test_a_segmenter_moves_to_pytorch(segmenter: Segmenter, eager: Segmenter) -> None:
    moved = dataclasses.replace(segmenter).on("cpu")
    assert moved.chosen_device == "cpu"
    np.testing.assert_array_equal(moved(IMAGE).probability, eager(IMAGE).probability)
