"""Rewording a sentence changes nothing but the sentence.

The same work is done twice, once with every sentence of the product in upper case, and
each reads what the other wrote: no state, verdict or pairing may differ.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import forked
import pytest
import scenario
import upper_case


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("The run ended.", True),
        ("a rule that the data set was split by", True),
        ("measured trust", False),
        ("source_pixels_per_map_pixel", False),
        ("QPushButton:focus, QComboBox:focus {{ border: 1px solid red; }}", False),
    ],
)
def test_what_is_a_sentence(text: str, sentence: bool) -> None:
    assert upper_case.is_sentence(text) is sentence


def test_no_state_verdict_or_pairing_changes(
    shared_data_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    quiet, loud = tmp_path / "quiet", tmp_path / "loud"
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    for folder in (quiet, loud):
        folder.mkdir()
    scenario.write(shared_data_folder, quiet)
    command = [sys.executable, "-m", "scenario", shared_data_folder, quiet, loud]
    env = {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = forked.run([*map(str, command)], env={**os.environ, **env})
    assert done.returncode == 0, done.stderr
    assert "STOPPING AFTER THIS STEP" in done.stderr  # it really was loud
    answers = json.loads(done.stdout.splitlines()[-1])
    assert answers["sentences"] > 500
    found = {
        f"{writer}, read loudly": read for writer, read in answers["found"].items()
    }
    for writer in (quiet, loud):
        read = json.loads(json.dumps(scenario.read(shared_data_folder, writer)))
        found[f"{writer.name}, read quietly"] = read
    expected = found["quiet, read quietly"]
    states = {name: run["state"] for name, run in expected["runs"].items()}
    assert states == {
        "all": "done",
        "honest": "done",
        "paper": "done",
        "refused": "failed",
        "results": "none",
        "stopped": "stopped",
    }
    assert expected["runs"]["refused"]["says why"]
    assert expected["layers"]["image is found"]
    for pair, answer in found.items():
        assert answer == expected, pair
