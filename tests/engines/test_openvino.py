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
from PIL import Image
from stand_ins import STAND_INS

from attnseg_training.benchmark.precision import BY_OPENVINO, benchmark_precision
from attnseg_training.datasets import load_dataset
from napari_attnseg import devices
from napari_attnseg.cards import ModelCard, weights_hash
from napari_attnseg.checkpoints import save_checkpoint
from napari_attnseg.corrections.of_model import corrector_of
from napari_attnseg.devices import LABELS, segmenting_devices
from napari_attnseg.engines import chosen_device, compiled
from napari_attnseg.engines.compiled import Check, compare, kept_check
from napari_attnseg.engines.torch import TorchEngine
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


def test_a_single_encoder_has_the_numbers_of_pytorch() -> None:
    torch.manual_seed(0)
    spec = STAND_INS["tiny-vit"]
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


def test_it_is_compared_with_pytorch_on_images(
    segmenter: Segmenter, weights: Path, data_folder: Path
) -> None:
    data = load_dataset(data_folder)
    found = benchmark_precision(data, str(weights), "cpu", images=1)
    assert found["n"] == 1 and found["engines"][BY_OPENVINO] == segmenter.engine.label
    exact = found["against_float32"][BY_OPENVINO]
    assert 0 < exact["logits"] < 1e-4 and 0 < exact["psi"] < 1e-5
    assert exact["masks_equal"] == 1 and exact["pixels_differing"] == 0
    assert exact["reached"] and exact["mask_dice"] == {"mean": 1, "lowest": 1}


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
    segmenter: Segmenter, weights: Path, cache: Path, compiling: list[Path]
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
    assert Segmenter.from_checkpoint(weights, "openvino").engine.device == "openvino"
    assert compiling == [weights]
    (record.parent / "decode.blob").write_bytes(b"")
    assert Segmenter.from_checkpoint(weights, "openvino").engine.device == "openvino"
    assert compiling == [weights] * 2 and kept_check(weights) is not None


@pytest.fixture
def compiling(
    segmenter: Segmenter, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Path]:
    """Grows when weights would be compiled, which gives what it gave the first time."""
    asked: list[Path] = []
    (folder,) = (record.parent for record in cache.rglob("engine.json"))
    first = {path: path.read_bytes() for path in folder.iterdir()}

    def compiled_again(weights: Path) -> None:
        asked.append(weights)
        for path, content in first.items():
            path.write_bytes(content)

    monkeypatch.setattr(compiled, "_compile_in_a_process", compiled_again)
    return asked


def test_auto_takes_it_only_where_it_was_faster(
    segmenter: Segmenter, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    for openvino_s, psi, chosen in (
        (0.5, 0.0, "openvino"),
        (1.5, 0.0, "cpu"),
        (0.5, 2e-5, "cpu"),
    ):
        check = Check(0.0, psi, 1.0, openvino_s)
        monkeypatch.setattr(compiled, "kept_check", lambda path, found=check: found)
        assert chosen_device(weights, "auto") == chosen
        assert chosen_device(weights, "cpu") == "cpu"
    monkeypatch.setattr(compiled, "kept_check", lambda path: None)
    assert chosen_device(weights, "auto") == "cpu"
    assert segmenting_devices() == ["auto", "openvino", "cpu"]
    assert LABELS["openvino"] == "CPU (OpenVINO)"


def test_of_other_numbers_the_check_alone_is_kept_and_pytorch_computes(
    tiny_weights: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = compiled._load_network(tiny_weights, weights_hash(tiny_weights))
    monkeypatch.setattr(
        compiled, "compile_network", lambda *_: (Off(network), {"decode": None})
    )
    asked = []

    def here(weights: Path) -> None:
        asked.append(weights)
        compiled.keep_compiled(weights, compiled._folder(weights))

    monkeypatch.setattr(compiled, "_compile_in_a_process", here)
    for _ in range(2):
        found = Segmenter.from_checkpoint(tiny_weights, "openvino")
        assert "psi by 2.0e-03; PyTorch computes instead." in caplog.text
        caplog.clear()
    assert asked == [tiny_weights]  # and not again at the next start
    assert not [*compiled._folder(tiny_weights).glob("*.blob")]
    facts = found(IMAGE).provenance
    assert (facts["device"], facts["device_asked"]) == ("cpu", "openvino")
    wanted = Segmenter.from_checkpoint(tiny_weights, "cpu")(IMAGE)
    assert facts["engine"] == wanted.provenance["engine"]
    assert facts["mask_sha256"] == wanted.provenance["mask_sha256"]
    assert "device_asked" not in wanted.provenance


class Off(TorchEngine):
    """Stands for an engine whose psi is not PyTorch's."""

    def fuse(self, *given: Any) -> Any:
        """With other gates than were used."""
        fused, psi = super().fuse(*given)
        return fused, {stride: values + 2e-3 for stride, values in psi.items()}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os._exit(9)", "exit code 9"),
        ("raise OSError('no such')", "no such"),
    ],
)
def test_what_ends_the_compiling_process_ends_no_other(
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    code: str,
    words: str,
) -> None:
    run = subprocess.run

    def other(command: list[str], **how: Any) -> Any:
        return run([sys.executable, "-c", code], **how)

    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path))
    monkeypatch.setattr(compiled.subprocess, "run", other)
    found = Segmenter.from_checkpoint(weights, "openvino")
    (message,) = [one.message for one in caplog.records]
    assert words in message and message.endswith("; PyTorch computes instead.")
    assert (found.chosen_device, found.engine.asked) == ("cpu", "openvino")


@pytest.mark.parametrize("device", ["openvino", "auto"])
def test_a_kept_model_starts_without_torch(
    segmenter: Segmenter, weights: Path, cache: Path, tmp_path: Path, device: str
) -> None:
    """The command, from its start to the last file."""
    Image.fromarray(IMAGE).save(tmp_path / "image.png")
    arguments = ["segment", tmp_path / "image.png", "--weights", weights, "--readers"]
    arguments += ["--out", tmp_path, "--device", device, "--threads", 1, "--flip"]
    code = (
        "import sys, platformdirs\n"
        f"platformdirs.user_cache_dir = lambda *_, **__: {str(cache)!r}\n"
        "from napari_attnseg import cli, devices, engines\n"
        # As where it was faster, and there is no GPU.
        "engines.prefers_openvino = lambda weights: True\n"
        "devices.version = lambda name: '2.13.0+cpu'\n"
        f"sys.argv = ['attnseg', *{[str(one) for one in arguments]!r}]\n"
        "try:\n    cli.main()\nfinally:\n"
        "    print({'torch', 'timm', 'torchvision', 'skimage'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.stdout.splitlines()[-1] == "set()", done.stderr
    facts = json.loads((tmp_path / "image.json").read_text())["provenance"]
    assert facts["engine"] == segmenter.engine.label and facts["threads"] == 1
    mask = segmenter(IMAGE, flip=True).provenance["mask_sha256"]
    assert facts["mask_sha256"] == mask


@pytest.mark.parametrize(
    ("version", "files", "asked"),
    [
        ("2.13.0+cpu", ["nvidia0"], False),
        ("2.13.0", [], False),
        ("2.13.0", ["nvme0"], False),
        ("2.13.0", ["nvidia0"], True),
        ("2.13.0+rocm6.4", ["kfd"], True),
    ],
)
def test_torch_is_asked_for_a_gpu_only_where_there_may_be_one(
    version: str,
    files: list[str],
    asked: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in files:
        (tmp_path / name).touch()
    monkeypatch.setattr(devices, "version", lambda name: version)
    monkeypatch.setattr(devices, "_LINUX_DEVICES", tmp_path)
    monkeypatch.setattr(devices.sys, "platform", "linux")
    monkeypatch.setattr(devices, "available_devices", lambda: ["auto", "cuda:0", "cpu"])
    assert devices.gpu_here() == asked


def test_a_segmenter_moves_to_pytorch(segmenter: Segmenter, eager: Segmenter) -> None:
    moved = dataclasses.replace(segmenter).on("cpu")
    assert moved.chosen_device == "cpu"
    np.testing.assert_array_equal(moved(IMAGE).probability, eager(IMAGE).probability)
