"""Released checkpoints: our own weights under their names come back as they were."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from attnseg_training.release.import_paper import (
    PARTS,
    import_released,
    released_spec,
    rename,
)
from napari_attnseg.checkpoints import load_checkpoint
from napari_attnseg.errors import CheckpointError
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.network import SegmentationNetwork

TINY = model_spec("tiny")
SWIN = TINY.transformer
#: As the released one: raw at the finest level, projected at the other three.
SPEC = dataclasses.replace(
    released_spec(TINY),
    widths=(),
    transformer=dataclasses.replace(
        released_spec(TINY).transformer,
        options=tuple((dict(SWIN.options) | {"embed_dim": 32}).items()),
    ),
)


def under_their_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """As in SPEC's list: ours renamed part by part; their order, one more wrapper."""
    theirs = {}
    for part, own in PARTS.items():
        for name, value in state.items():
            if name.startswith(f"{own}."):
                rest = name.removeprefix(f"{own}.")
                inside = "encoder." if part.endswith("Encoder") else "conv.1."
                theirs[f"{part}.{inside}{rest}"] = value
    return theirs


@pytest.fixture
def network() -> SegmentationNetwork:
    torch.manual_seed(5)
    network = SegmentationNetwork(SPEC).train()
    with torch.no_grad():  # BatchNorm statistics of its own
        network(torch.rand(4, 3, 64, 64))
    return network.eval()


@pytest.mark.parametrize("wrap", ["", "state_dict", "DataParallel"])
def test_logits_are_the_same(
    network: SegmentationNetwork, wrap: str, tmp_path: Path
) -> None:
    content: dict[str, Any] = under_their_names(network.state_dict())
    if wrap == "state_dict":
        content = {"epoch": 7, "state_dict": content}
    elif wrap:
        content = {f"module.{name}": value for name, value in content.items()}
    torch.save(content, tmp_path / "best.pth")
    import_released(tmp_path / "best.pth", tmp_path / "out.safetensors", SPEC)
    found, card, _ = load_checkpoint(tmp_path / "out.safetensors")
    assert card.spec == SPEC and card.training == {"imported_from": "best.pth"}
    image = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        ours, own = network(image), found(image)
    assert torch.equal(ours.logits, own.logits)
    assert all(torch.equal(ours.attention[s], own.attention[s]) for s in (4, 8, 16, 32))


def test_the_headline_is_covered_whole() -> None:
    with torch.device("meta"):
        state = SegmentationNetwork(released_spec()).state_dict()
    theirs = under_their_names(state)
    assert {"swin_proj1.conv.1.weight", "final_conv.conv.1.bias"} <= set(theirs)
    assert theirs["swin_proj1.conv.1.weight"].shape == (512, 1024, 1, 1)
    learned = sum(t.numel() for t in theirs.values() if t.is_floating_point())
    assert learned == sum(t.numel() for t in state.values() if t.is_floating_point())
    renamed = rename(theirs, state, "best.pth")
    assert all(renamed[name] is state[name] for name in state)


def test_what_does_not_fit_is_refused(
    network: SegmentationNetwork, tmp_path: Path
) -> None:
    state = network.state_dict()
    theirs = under_their_names(state)
    with pytest.raises(CheckpointError, match="nothing for cnn_projection"):
        other = SegmentationNetwork(TINY).state_dict()
        rename(under_their_names(other), other, "a.pth")
    first = next(name for name in theirs if name.startswith("up2."))
    with pytest.raises(CheckpointError, match=r"tensors under 'up2' in a\.pth"):
        rename({n: t for n, t in theirs.items() if n != first}, state, "a.pth")
    with pytest.raises(CheckpointError, match=r"shape \(1,\) in its place"):
        rename(theirs | {first: torch.zeros(1)}, state, "a.pth")
    for name, content in (("text.pth", b"no pickle"), ("missing.pth", None)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=name):
            import_released(tmp_path / name, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


class Harmful:
    def __reduce__(self) -> Any:
        return print, ("run",)


def test_code_in_a_checkpoint_is_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"state_dict": Harmful()}, tmp_path / "bad.pth")
    with pytest.raises(CheckpointError, match="could run code"):
        import_released(tmp_path / "bad.pth", tmp_path / "out.safetensors")
    assert capsys.readouterr().out == ""
