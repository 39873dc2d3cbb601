"""Checkpoints that lost bytes are refused; layers that lost their weights are told."""

import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor

from attnseg_training.release.saved_state import read_state
from attnseg_training.release.zero_kernels import zero_kernels
from napari_attnseg.errors import CheckpointError
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.network import SegmentationNetwork

STATE = {f"{i}.weight": torch.full((64, 64), float(i)) for i in (1, 2, 3)}


def test_a_checkpoint_that_lost_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(STATE, path)
    assert torch.equal(read_state(path)["2.weight"], STATE["2.weight"])
    with zipfile.ZipFile(path) as file:
        part = next(one for one in file.infolist() if one.filename.endswith("data/1"))
    data = bytearray(path.read_bytes())
    begin = part.header_offset + 4096
    data[begin : begin + 512] = bytes(512)
    path.write_bytes(data)
    torch.load(path, weights_only=True)  # reads it without a word
    with pytest.raises(CheckpointError, match=r"a\.pth.*checksum.*damaged; copy it"):
        read_state(path)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (8, 1),  # encrypted
        (10, 255),  # no known compression
        (10, 12),  # bzip2, which it is not
        (46, 255),  # a name that is no text
    ],
)
def test_a_checkpoint_with_a_damaged_table_of_contents_is_refused(
    tmp_path: Path, at: int, value: int
) -> None:
    path = tmp_path / "a.pth"
    torch.save(STATE, path)
    with zipfile.ZipFile(path) as file:
        begin = file.start_dir
    data = bytearray(path.read_bytes())
    data[begin + at] |= value
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"a\.pth.*contents: the file is damaged"):
        read_state(path)


def test_a_checkpoint_without_checksums_is_read(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(STATE, tmp_path / "a.pth")
    finally:
        torch.serialization.set_crc32_options(True)
    assert len(read_state(tmp_path / "a.pth")) == len(STATE)


def test_a_kernel_of_zeros_is_told() -> None:
    state = SegmentationNetwork(model_spec("tiny")).state_dict()
    assert zero_kernels(state, "a.pth") == ""
    first = next(key for key, value in state.items() if value.ndim == 4)
    told = zero_kernels(state | {first: torch.zeros_like(state[first])}, "a.pth")
    assert told.startswith("In a.pth 1 convolution or linear weight is 0 throughout")
    assert first in told
    assert "lost before the file was saved, or the layer was pruned" in told
    vectors: dict[str, Tensor] = {"bn.weight": torch.zeros(4), "a.bias": torch.zeros(4)}
    assert zero_kernels(state | vectors, "a.pth") == ""
