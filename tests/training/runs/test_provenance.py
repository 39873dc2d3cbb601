"""What a run says of where it comes from, and whom it tells how it goes."""

import dataclasses
import json
import logging
import shutil
import subprocess
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from accelerate import tracking
from PIL import Image

from attnseg_training.config import TrainConfig
from attnseg_training.fit.callbacks import FitCallbacks
from attnseg_training.fit.fit import fit
from attnseg_training.runs import provenance
from attnseg_training.runs.snapshots import shown, snapshot_png
from napari_attnseg.cards import read_card
from napari_attnseg.errors import InputError

pytestmark = pytest.mark.usefixtures("plain_curves")


@pytest.fixture
def config(data_folder: Path) -> TrainConfig:
    return TrainConfig(
        str(data_folder), model="tiny", epochs=2, batch=4, device="cpu", threads=1
    )


@pytest.mark.skipif(shutil.which("git") is None, reason="asks git")
def test_code_is_a_commit_only_where_it_lies_in_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "package" / "provenance.py"
    file.parent.mkdir()
    file.write_text("x = 1\n")
    monkeypatch.setattr(provenance, "__file__", str(file))

    def git(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        command = ["git", "-C", str(tmp_path), *who, *words]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    assert provenance.code().startswith("version ")
    git("init", "-q")
    (tmp_path / "other").write_text("")
    git("add", "other")
    git("commit", "-qm", "of another project, in which an environment lies")
    assert provenance.code().startswith("version ")
    git("add", "package")
    git("commit", "-qm", "ours")
    assert provenance.code() == f"commit {git('rev-parse', 'HEAD')}"
    file.write_text("x = 2\n")
    assert provenance.code() == f"commit {git('rev-parse', 'HEAD')}+changes"


def test_sessions_are_recorded_and_data_must_stay(
    config: TrainConfig, tmp_path: Path
) -> None:
    class KilledError(Exception):
        pass

    def kill(progress: object) -> None:
        if progress.epoch == 2:  # type: ignore[attr-defined]
            raise KilledError

    run = tmp_path / "run"
    with pytest.raises(KilledError):
        fit(config, run, callbacks=FitCallbacks(watch=kill))
    masks = Path(config.data) / "masks"
    mask, before = masks / "disc03.png", (masks / "disc03.png").read_bytes()
    shutil.copy(masks / "disc04.png", mask)
    with pytest.raises(InputError, match="are not those with which the run"):
        fit(config, run, resume=True)
    mask.write_bytes(before)
    fit(config, run, resume=True)
    facts = json.loads((run / "run.json").read_text())
    assert facts["data"]["train"] == 8 and len(facts["data"]["sha256"]) == 64
    assert len(facts["sessions"]) == 2
    training = read_card(run / "last.safetensors").training
    assert training["data"] == facts["data"] and training["sessions"] == 2
    assert training["code"] == facts["sessions"][1]["code"]
    assert training["device"].endswith("cores")
    assert {"python", "numpy", "torch", "timm"} <= set(training["versions"])


class Remembers(tracking.GeneralTracker):
    """A tracker as accelerate's are."""

    name = "remembers"
    requires_logging_directory = True
    seen: ClassVar[list[Any]] = []

    def __init__(self, project: str, where: str) -> None:
        super().__init__()
        self.seen[:] = [where]

    @property
    def tracker(self) -> None:
        return None

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        self.seen.append(values)

    def log(self, values: dict[str, Any], step: int | None = None) -> None:
        self.seen.append((step, values))


class Fails(Remembers):
    def log(self, values: dict[str, Any], step: int | None = None) -> None:
        super().log(values, step)
        raise ConnectionError("no server")


def test_a_tracker_gets_each_epoch_and_may_fail(
    config: TrainConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name, kind in (("remembers", Remembers), ("fails", Fails)):
        monkeypatch.setitem(tracking.LOGGER_TYPE_TO_CLASS, name, kind)
    config = dataclasses.replace(config, tracker="remembers")
    fit(config, tmp_path / "run")
    where, settings, *logged = Remembers.seen
    assert Path(where) == tmp_path / "run" / "tracker"
    assert settings["model"] == "tiny" and settings["freeze"] == "()"
    assert [step for step, _ in logged] == [1, 2]
    assert {"loss", "val_dice", "lr"} <= set(logged[0][1])

    with caplog.at_level(logging.WARNING):
        fit(dataclasses.replace(config, tracker="fails"), tmp_path / "other")
    assert len(Fails.seen) == 3  # folder, settings, one epoch: then it is left out
    assert "failed (ConnectionError: no server)" in caplog.text
    assert (tmp_path / "other" / "best.safetensors").is_file()

    monkeypatch.setattr(tracking, "get_available_trackers", list)
    config = dataclasses.replace(config, tracker="comet_ml")
    with pytest.raises(InputError, match="pip install comet-ml"):
        fit(config, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_snapshot_shows_both_contours(tmp_path: Path) -> None:
    assert shown(1) == [0] and shown(3) == [0, 1, 2] and shown(88) == [0, 29, 58, 87]
    image = np.full((2, 40, 40, 3), 0.5, np.float32)
    truth = np.zeros((2, 40, 40), np.uint8)
    truth[:, 10:30, 10:30] = 1
    found = np.roll(truth, 4, 2)
    found[1] = 0  # nothing found is no error
    data = snapshot_png(
        ["a", "b" * 60], image, truth[:, None], found[:, None], "epoch 1"
    )
    (tmp_path / "s.png").write_bytes(data)
    with Image.open(tmp_path / "s.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    for colour in ((0, 229, 255), (255, 224, 0)):  # model's and expert's
        assert (np.abs(pixels - colour).sum(2) < 30).sum() > 100
