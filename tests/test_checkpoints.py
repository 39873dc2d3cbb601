"""One weights file: what goes in comes out, and damage is named."""

import hashlib
import json
import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch

from napari_attnseg.cards import CARD_KEY, HASH_KEY, ModelCard, read_card
from napari_attnseg.checkpoints import (
    checkpoint_bytes,
    load_checkpoint,
    save_checkpoint,
)
from napari_attnseg.errors import AttnSegError, CheckpointError, UnknownNameError
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import Preprocessing
from napari_attnseg.weights import weights_path


@pytest.fixture(scope="module")
def network() -> SegmentationNetwork:
    return SegmentationNetwork(model_spec("tiny")).eval()


@pytest.fixture
def card() -> ModelCard:
    return ModelCard(
        spec=model_spec("tiny"),
        preprocessing=Preprocessing(64),
        threshold=0.4,
        data="somewhere",
        metrics={"n": 3, "dice": {"mean": 0.5}},
    )


def test_round_trip(
    tmp_path: Path, network: SegmentationNetwork, card: ModelCard
) -> None:
    path = tmp_path / "sub" / "w.safetensors"
    digest = save_checkpoint(path, network.state_dict(), card)
    loaded, found, sha256 = load_checkpoint(path)
    assert found == card == read_card(path)
    assert sha256 == digest
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded(image).logits, network(image).logits)
    assert not loaded.training
    assert list(path.parent.iterdir()) == [path]  # no temporary file left


@pytest.mark.parametrize(
    ("ending", "value", "said"),
    [
        ("weight", float("nan"), "values that are NaN or infinite"),
        ("bias", float("inf"), "values that are NaN or infinite"),
        ("running_var", -1.0, "negative variances"),
    ],
)
def test_weights_that_diverged_are_neither_written_nor_read(
    tmp_path: Path, card: ModelCard, ending: str, value: float, said: str
) -> None:
    state = SegmentationNetwork(model_spec("tiny")).state_dict()
    name = next(n for n in state if n.endswith(ending))
    state[name].view(-1)[0] = value
    path = tmp_path / "w.safetensors"
    with pytest.raises(CheckpointError, match=f"{name} has {said}"):
        save_checkpoint(path, state, card)
    assert not path.exists()
    path.write_bytes(checkpoint_bytes(state, card)[0])
    with pytest.raises(CheckpointError, match=f"{name} has {said}"):
        load_checkpoint(path)


def test_half_is_half_the_size_and_loads_as_float32(
    tmp_path: Path, network: SegmentationNetwork, card: ModelCard
) -> None:
    full, half = tmp_path / "full.safetensors", tmp_path / "half.safetensors"
    save_checkpoint(full, network.state_dict(), card)
    save_checkpoint(half, network.state_dict(), card, half=True)
    assert half.stat().st_size < 0.6 * full.stat().st_size
    loaded = load_checkpoint(half)[0]
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        difference = loaded(image).logits - network(image).logits
    assert 0 < difference.abs().max() < 0.05


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_damaged_and_foreign_files_are_named(
    tmp_path: Path, tiny_weights: Path
) -> None:
    whole = tiny_weights.read_bytes()
    flipped = bytearray(whole)
    flipped[-100] ^= 1
    plain = safetensors.torch.save({"a": torch.zeros(2)})
    cases = {
        "cut short": whole[: len(whole) // 2],
        "or cut short": whole[:5],
        "hash": bytes(flipped),
        "attnseg-train import bad.safetensors --as MODEL": pickle.dumps({"a": 1}),
        "never opened": b"PK\x03\x04" + bytes(50),
        "no attnseg model card": plain,
        "something else or cut short": b"just some text in a file",
        "0 bytes": b"",
    }
    for words, data in cases.items():
        path = write(tmp_path / "bad.safetensors", data)
        with pytest.raises(CheckpointError, match=words):
            load_checkpoint(path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(tmp_path / "none.safetensors")
    state = write(tmp_path / "state.pt", cases["never opened"])
    with pytest.raises(CheckpointError, match=r"give best\.safetensors beside it"):
        load_checkpoint(state)


@pytest.mark.parametrize(
    "header", ["[]", "3", '{"__metadata__": null}', '{"a": {}}', '{"a": []}', "nan"]
)
def test_a_header_of_another_kind_is_named(tmp_path: Path, header: str) -> None:
    data = len(header).to_bytes(8, "little") + header.encode()
    with pytest.raises(CheckpointError, match=r"odd\.safetensors"):
        load_checkpoint(write(tmp_path / "odd.safetensors", data))


def test_a_card_that_makes_no_network_is_named_and_opens_no_file(
    tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    monkeypatch.setattr(torch, "load", lambda *a, **k: opened.append(a))
    tensors = safetensors.torch.load(tiny_weights.read_bytes())
    whole = json.loads(read_card(tiny_weights).to_json())
    evil = [["checkpoint_path", str(tmp_path / "evil.pth")]]
    for change, words in (
        (lambda card: card["spec"].update(widths=[1]), "cannot be built"),
        (lambda card: card["spec"]["cnn"].update(options=[["no", 1]]), "be built"),
        (lambda card: card["spec"].update(cnn=[]), "cannot be read"),
        (lambda card: card["spec"]["cnn"].update(options=evil), "no files"),
        (lambda card: card.update(temperature=0), "temperature 0"),
        (lambda card: card.update(threshold="a"), "cannot be read"),
    ):
        card = json.loads(json.dumps(whole))
        change(card)
        plain = safetensors.torch.save(tensors)
        start = 8 + int.from_bytes(plain[:8], "little")
        digest = hashlib.sha256(plain[start:]).hexdigest()
        told = {CARD_KEY: json.dumps(card), HASH_KEY: digest}
        path = write(
            tmp_path / "odd.safetensors", safetensors.torch.save(tensors, told)
        )
        with pytest.raises(AttnSegError, match=words):
            load_checkpoint(path)
    assert not opened


def test_pickle_is_never_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return (Path.touch, (tmp_path / "exploded",))

    path = write(tmp_path / "bad.safetensors", pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError):
        load_checkpoint(path)
    assert not (tmp_path / "exploded").exists()


def test_tensors_must_fit_the_card(
    tmp_path: Path, network: SegmentationNetwork, card: ModelCard
) -> None:
    state = dict(network.state_dict())
    state["decoder.logits.weight"] = torch.zeros(2, 16, 1, 1)
    path = tmp_path / "wrong.safetensors"
    save_checkpoint(path, state, card)
    with pytest.raises(CheckpointError, match=r"decoder\.logits\.weight"):
        load_checkpoint(path)
    del state["decoder.logits.weight"]
    save_checkpoint(path, state, card)
    with pytest.raises(CheckpointError, match=r"decoder\.logits\.weight"):
        load_checkpoint(path)


def test_card_of_another_format(tmp_path: Path, card: ModelCard) -> None:
    text = json.dumps({**json.loads(card.to_json()), "format": "attnseg-99"})
    data = safetensors.torch.save({"a": torch.zeros(1)}, {"attnseg_card": text})
    with pytest.raises(CheckpointError, match="attnseg-99"):
        read_card(write(tmp_path / "new.safetensors", data))
    data = safetensors.torch.save({"a": torch.zeros(1)}, {"attnseg_card": "{}"})
    with pytest.raises(CheckpointError, match="format"):
        read_card(write(tmp_path / "new.safetensors", data))


def test_names_and_paths(tmp_path: Path, tiny_weights: Path) -> None:
    assert weights_path(tiny_weights) == tiny_weights
    with pytest.raises(UnknownNameError, match="bundled model"):
        weights_path("compakt")
    with pytest.raises(CheckpointError, match="no file"):
        weights_path(tmp_path / "gone.safetensors")
