"""The commands of docs/train-on-your-own-data.md, run word for word on drawn images."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import attnseg
from made_data import scene
from PIL import Image

PAGE = Path(__file__).parents[2] / "docs" / "train-on-your-own-data.md"


def commands() -> list[list[str]]:
    """Each line of the page's shell blocks, as words."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", "").splitlines()
    return [shlex.split(line) for line in lines]


@pytest.mark.usefixtures("small_suite")
def test_every_command_of_the_tutorial_runs(
    tmp_path: Path,
    in_process: Callable[..., subprocess.CompletedProcess[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("images", "masks"):
        (tmp_path / "my-data" / folder).mkdir(parents=True)
    for number in range(20):
        picture, mask = scene(number)
        name = f"case-{number:02}.png"
        Image.fromarray(picture.astype("uint8")).save(f"my-data/images/{name}")
        Image.fromarray((mask * 255).astype("uint8")).save(f"my-data/masks/{name}")
    # The dry run of `compact`: one timed step instead of three.
    monkeypatch.setattr("attnseg_training.fit.dry_run.STEPS", 1)
    told = commands()
    assert [words[:2] for words in told] == [
        ["attnseg-train", "check"],
        ["attnseg-train", "fit"],
        ["attnseg-train", "fit"],
        ["attnseg-train", "evaluate"],
        ["attnseg-train", "compare"],
        ["attnseg", "segment"],
        ["attnseg-train", "faithfulness"],
    ]
    for program, *arguments in told:
        run = in_process if program == "attnseg-train" else attnseg
        done = run(*arguments)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    assert Path("runs/try/best.safetensors").is_file()
    assert not Path("runs/mine").exists()  # a dry run writes nothing
    assert "html" in Path("report/report.html").read_text("utf-8")[:200].lower()
    assert len(list(Path("results").glob("*_mask.png"))) == 20
    assert list(Path("gates").glob("*.json"))
