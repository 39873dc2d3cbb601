"""Seeds are trained, one is chosen on validation, and all are measured once on test."""

import dataclasses
import json
from pathlib import Path

import pytest

from attnseg_training import release as module
from attnseg_training.config import TrainConfig
from attnseg_training.release import RESULT, Release
from napari_attnseg.cards import read_card
from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter


@pytest.fixture
def config(data_folder: Path) -> TrainConfig:
    return TrainConfig(
        str(data_folder), "tiny", epochs=1, batch=4, lr=5e-3, device="cpu"
    )


def test_a_release_goes_on_where_it_was_and_looks_once(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    texts = tmp_path / "texts.toml"
    texts.write_text('limits = "tried on made-up blobs"')
    release = Release(config, 2, texts, say=said.append)
    out = tmp_path / "out"

    def stopped(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "faithfulness", stopped)
        with pytest.raises(KeyboardInterrupt):
            release.run(out)
    assert said[:2] == ["Seed 0", "Seed 1"] and not (out / RESULT).exists()
    looks = [json.loads((out / f"seed-{k}/evaluations.json").read_text()) for k in "01"]
    assert [[look["split"] for look in each] for each in looks] == [["test"]] * 2
    with monkeypatch.context() as patch:
        for done in ("fit", "calibrate", "evaluate"):
            patch.setattr(module, done, stopped)
        found = release.run(out)
    assert found == json.loads((out / RESULT).read_text())
    dice = [seed["val"]["dice"]["mean"] for seed in found["seeds"]]
    assert found["chosen"] == dice.index(max(dice))
    test = [seed["test"]["dice"]["mean"] for seed in found["seeds"]]
    assert found["dice"]["mean"] == pytest.approx(sum(test) / 2)
    assert found["dice"]["sd"] == pytest.approx(abs(test[0] - test[1]) / 2**0.5)
    card = read_card(out / "tiny.safetensors")
    assert card.metrics["dice"]["mean"] == test[found["chosen"]]
    assert card.metrics["split"] == "test" and set(card.gates) > {"1/4", "all"}
    assert card.combination and card.limits == "tried on made-up blobs"
    assert card.temperature != 1
    assert Segmenter.from_checkpoint(out / "tiny.safetensors", "cpu")
    assert (out / "gate_card.png").read_bytes()[:4] == b"\x89PNG"
    own = out / f"seed-{found['chosen']}"
    assert not (own / "state.pt").exists()
    # Other settings are another release.
    other = dataclasses.replace(config, lr=1e-3)
    with pytest.raises(InputError, match="lr"):
        Release(other, 2).run(out)
    # What was measured of other weights is measured again, and that is said.
    (own / "test.json").write_text('{"weights_sha256": "of others"}')
    again = release.run(out)
    assert "evaluation 2 of this run" in again["protocol"]


def test_what_cannot_be_released_is_said_before_training(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "fit", None)
    no_gates = dataclasses.replace(config, model="tiny-no-attention")
    with pytest.raises(InputError, match="no gates"):
        Release(no_gates).run(tmp_path)
    with pytest.raises(InputError, match="no file"):
        Release(config, texts=tmp_path / "none.toml").run(tmp_path)
    chosen_by_test = dataclasses.replace(config, protocol="paper")
    with pytest.raises(InputError, match="protocol honest"):
        Release(chosen_by_test).run(tmp_path)
    lists = Path(config.data) / "splits"
    for file in lists.iterdir():
        file.unlink()
    with pytest.raises(InputError, match="a split 'test'"):
        Release(config).run(tmp_path)
