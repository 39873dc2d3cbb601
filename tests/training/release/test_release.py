"""Seeds are trained, one is chosen on validation, and all are measured once on test."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from attnseg_training.cli import app
from attnseg_training.config import TrainConfig
from attnseg_training.release import release as module
from attnseg_training.release.release import RESULT, Release
from napari_attnseg.cards import read_card
from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.inference import Segmenter

pytestmark = pytest.mark.usefixtures("plain_curves", "small_suite")


@pytest.fixture
def config(data_folder: Path) -> TrainConfig:
    names = [f"disc{i:02d}" for i in range(12)]
    for i, split in enumerate(("train", "val", "test")):
        listed = "\n".join(names[:6] if i == 0 else names[3 + 3 * i : 6 + 3 * i])
        (data_folder / "splits" / f"{split}.txt").write_text(listed)
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
    assert card.readers["measured_on"]["split"] == "test"
    assert card.combination and card.limits == "tried on made-up blobs"
    assert card.temperature != 1
    assert Segmenter.from_checkpoint(out / "tiny.safetensors", "cpu")
    assert (out / "gate_card.png").read_bytes()[:4] == b"\x89PNG"
    # Drawn once, it is not looked at again.
    monkeypatch.setattr(module, "gate_card_png", lambda summary: b"")
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
    # So is what was measured by another suite, or of other images.
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "faithfulness", stopped)
        Release(config, 2, suite="full").run(out)
    listed = Path(config.data) / "splits" / "test.txt"
    listed.write_text("disc09\ndisc10\n")
    gates = json.loads((out / "gates.json").read_text())
    with monkeypatch.context() as patch:
        measured = ({**gates, "verdict": "again"}, [])
        patch.setattr(module, "faithfulness", lambda *given: measured)
        assert release.run(out)["n"] == 2
    assert read_card(out / "tiny.safetensors").metrics["n"] == 2
    assert json.loads((out / "gates.json").read_text())["verdict"] == "again"
    assert "verdict" not in json.loads((out / "gates-val.json").read_text())
    only = [found["seeds"][0]["test"]]
    assert module._over_seeds(only, "dice") == {"mean": test[0], "sd": None}
    # But what was trained on others is another release.
    mask = Path(config.data) / "masks" / "disc01.png"
    mask.write_bytes(mask.with_name("disc02.png").read_bytes())
    with pytest.raises(InputError, match="are not those with which the run"):
        Release(config, 1).run(out)


def test_one_seed_has_no_spread(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = {"mean": 0.9, "low": 0.8, "high": 1.0}
    one = {name: {"mean": 0.9, "sd": None} for name in ("dice", "iou")}
    found = {**one, "n": 3, "chosen": 0, "protocol": "p", "weights": "w"}
    found["seeds"] = [{"test": {"dice": dice, "iou": dice}}]
    monkeypatch.setattr(Release, "run", lambda self, out: found)
    given = ["release", "--data", str(data_folder), "--out", str(tmp_path)]
    done = CliRunner().invoke(app, [*given, "--seeds", "1"])
    assert done.exit_code == 0 and "0.9000 [0.8000, 1.0000] (seed 0)" in done.output
    assert "SD" not in done.output


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
    with pytest.raises(UnknownNameError, match="suite called 'ful'"):
        Release(config, suite="ful").run(tmp_path)
    lists = Path(config.data) / "splits"
    (lists / "test.txt").write_text("disc09")
    with pytest.raises(InputError, match="at least 2 images"):
        Release(config).run(tmp_path)
    shutil.rmtree(lists)
    with pytest.raises(InputError, match="a split 'test'"):
        Release(config).run(tmp_path)
