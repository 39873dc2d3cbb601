"""Benchmarks of networks: what they compare and write. No time is judged."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from attnseg_training.benchmark import inference_speed, precision
from attnseg_training.benchmark.inference_speed import OPENVINO, OURS, PLAIN
from attnseg_training.benchmark.precision import AUTOCAST
from attnseg_training.datasets import load_dataset
from napari_attnseg import Segmenter
from napari_attnseg.arrays import Array, to_numpy, to_tensor
from napari_attnseg.engines.torch import TorchEngine
from napari_attnseg.models.gated import Level

Command = Callable[..., subprocess.CompletedProcess[str]]
FLOAT16, BFLOAT16 = AUTOCAST.format("float16"), AUTOCAST.format("bfloat16")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No peers, which are large, and nothing that OpenVINO takes long to compile."""
    monkeypatch.setattr(inference_speed, "_peers", lambda spec, image: ({}, {}))
    monkeypatch.setattr(precision, "openvino_installed", lambda: False)
    monkeypatch.setattr(inference_speed, "openvino_installed", lambda: True)
    monkeypatch.setattr(
        inference_speed, "compile_network", lambda network, load: (OfArrays(network), 0)
    )


class OfArrays(TorchEngine):
    """Stands for OpenVINO, which takes and gives arrays of numpy."""

    def encode(self, batch: Array) -> list[Level]:
        """As arrays."""
        pairs = super().encode(to_tensor(batch))
        return [tuple(to_numpy(maps) for maps in level) for level in pairs]

    def fuse(self, pairs: Sequence[Level], gates: Any = None) -> Any:
        """As arrays."""
        given = [tuple(map(to_tensor, level)) for level in pairs]
        forced = {stride: to_tensor(psi) for stride, psi in (gates or {}).items()}
        fused, psi = super().fuse(given, forced)
        return list(map(to_numpy, fused)), {s: to_numpy(p) for s, p in psi.items()}

    def psi(self, pairs: Sequence[Level]) -> dict[int, Array]:
        """As arrays."""
        found = super().psi([tuple(map(to_tensor, level)) for level in pairs])
        return {stride: to_numpy(psi) for stride, psi in found.items()}

    def logits(self, fused: Sequence[Array]) -> Array:
        """As arrays."""
        return to_numpy(super().logits(list(map(to_tensor, fused))))

    def array(self, values: Array) -> Array:
        """As it is."""
        return values


@pytest.mark.parametrize("benchmark", ["inference", "whatif"])
def test_a_network_is_timed_in_every_way(
    benchmark: str, tmp_path: Path, in_process: Command
) -> None:
    files = tmp_path / "a.json", tmp_path / "a.md"
    how = ("--model", "tiny", "--device", "cpu", "--rounds", "3", "--threads", "1")
    written = ("--json", files[0], "--markdown", files[1])
    done = in_process("benchmark", benchmark, *how, *written)
    assert done.returncode == 0, done.stderr
    found = json.loads(files[0].read_text())
    ways = {PLAIN, OURS, OPENVINO}
    seconds = found[
        "seconds_per_image" if benchmark == "inference" else "seconds_per_step"
    ]
    assert set(seconds) == ways and all(len(some) == 3 for some in seconds.values())
    for way in ways:
        assert found["median_s"][way] == sorted(seconds[way])[1] > 0
        ratios = sorted(p / o for p, o in zip(seconds[PLAIN], seconds[way]))
        assert found["ratio"][way] == pytest.approx(ratios[1])
    assert found["device"] == "cpu" and found["threads"] == 1
    assert found["not_measured"] == ["CUDA GPU", "Apple GPU (MPS)"]
    if benchmark == "inference":
        assert set(found["largest_difference"]) == ways - {PLAIN}
        for gaps in found["largest_difference"].values():
            assert 0 < gaps["logits"] < 1e-4 and gaps["psi"] < 1e-5  # the same network
        assert found["floor_s"] > 0
    text = files[1].read_text()
    assert text == done.stdout
    assert f"| {OURS} | {1000 * found['median_s'][OURS]:.0f} | " in text
    assert "| CUDA GPU | not measured |" in text


def test_what_has_no_gate_has_no_what_if(in_process: Command) -> None:
    done = in_process("benchmark", "whatif", "--model", "tiny-cnn", "--device", "cpu")
    assert done.returncode == 2, done.stdout
    assert "model with one gate per level" in done.stderr


def test_arithmetic_is_compared_on_validation_images(
    data_folder: Path, tmp_path: Path, tiny_weights: Path, in_process: Command
) -> None:
    file, table = tmp_path / "a.json", tmp_path / "a.md"
    how = ("--data", data_folder, "--weights", tiny_weights, "--device", "cpu")
    written = ("--json", file, "--markdown", table)
    done = in_process("benchmark", "precision", *how, *written)
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    samples = load_dataset(data_folder).split("val")
    assert found["n"] == len(samples) > 0 and found["split"] == "val"
    assert set(found["against_float32"]) == {FLOAT16, BFLOAT16}
    fine, coarse = (found["against_float32"][way] for way in (FLOAT16, BFLOAT16))
    assert 1e-5 < fine["logits"] < coarse["logits"] / 2 and fine["psi"] < coarse["psi"]
    # By hand: bfloat16 rounds the network, and the masks differ by so much.
    segmenter = Segmenter.from_checkpoint(tiny_weights, "cpu")
    pixels, differing = [], 0
    for sample in samples:
        pixels = sample.read_rgb()
        with torch.autocast("cpu", torch.bfloat16):
            rounded = segmenter(pixels)
        differing += int(np.count_nonzero(rounded.mask != segmenter(pixels).mask))
    assert coarse["pixels_differing"] == differing
    assert table.read_text() == done.stdout
    assert f"| {BFLOAT16} | {coarse['logits']:.1e} | " in done.stdout
    assert "| CUDA GPU | not measured |" in done.stdout
