"""A click head in a weights file, and what it leaves as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from attnseg_training.release.export import export, rewrite_texts
from napari_attnseg import Segmenter
from napari_attnseg.cards import read_card, weights_hash
from napari_attnseg.checkpoints import load_checkpoint
from napari_attnseg.click_heads import (
    head_record,
    join_click_head,
    load_click_head,
    save_click_head,
)
from napari_attnseg.errors import CheckpointError, InputError
from napari_attnseg.models.click_head import ClickHead, ClickHeadSpec


@pytest.fixture(scope="module")
def head() -> ClickHead:
    torch.manual_seed(0)
    return ClickHead(ClickHeadSpec(8, 4, 8, (1, 2), 4)).eval()


def test_a_head_travels_in_the_weights_file(
    tmp_path: Path, tiny_weights: Path, head: ClickHead
) -> None:
    facts = {"weights_sha256": weights_hash(tiny_weights), "n": 9}
    joined, alone = tmp_path / "joined.safetensors", tmp_path / "head.safetensors"
    join_click_head(tiny_weights, joined, head, facts)
    save_click_head(alone, head, facts)
    for path in (joined, alone):
        found = load_click_head(path)
        assert found is not None and found.spec == head.spec
        for name, value in head.state_dict().items():
            assert torch.allclose(found.state_dict()[name], value, atol=2e-3)
        assert head_record(path)["n"] == 9
    # The network, its card and its hash are the same.
    old, new = load_checkpoint(tiny_weights), load_checkpoint(joined)
    assert old[1:] == new[1:] and read_card(joined) == old[1]
    for name, value in old[0].state_dict().items():
        assert torch.equal(new[0].state_dict()[name], value)
    assert Segmenter.from_checkpoint(joined, "cpu").click_head is not None
    assert Segmenter.from_checkpoint(tiny_weights, "cpu").click_head is None
    # A second head replaces the first.
    again = tmp_path / "again.safetensors"
    join_click_head(joined, again, head, facts)
    assert again.read_bytes() == joined.read_bytes()


def test_new_words_on_the_card_leave_the_head(
    tmp_path: Path, tiny_weights: Path, head: ClickHead
) -> None:
    path, texts = tmp_path / "joined.safetensors", tmp_path / "texts.toml"
    facts = {"weights_sha256": weights_hash(tiny_weights)}
    join_click_head(tiny_weights, path, head, facts)
    before = head_record(path)
    texts.write_text('summary = "For discs."')
    assert rewrite_texts(path, texts) == facts["weights_sha256"]
    out = tmp_path / "out.safetensors"
    export(path, out, texts=texts)
    for one in (path, out):
        assert read_card(one).summary == "For discs."
        assert head_record(one) == before and load_click_head(one) is not None
        load_checkpoint(one)
    export(path, out, texts=texts, half=True)  # other tensors: another network
    assert load_click_head(out) is None and not head_record(out)
    load_checkpoint(out)


def test_damage_and_another_network_are_named(
    tmp_path: Path, tiny_weights: Path, head: ClickHead
) -> None:
    facts = {"weights_sha256": weights_hash(tiny_weights)}
    path = tmp_path / "joined.safetensors"
    with pytest.raises(InputError, match="trained for"):
        join_click_head(tiny_weights, path, head, {"weights_sha256": "0"})
    assert not path.exists()
    join_click_head(tiny_weights, path, head, facts)
    data = bytearray(path.read_bytes())
    data[-1] ^= 255
    path.write_bytes(data)
    load_checkpoint(path)  # the network is sound
    with pytest.raises(CheckpointError, match="click head"):
        Segmenter.from_checkpoint(path, "cpu")
