"""CPU threads: which number is chosen, that it is recorded, and that masks agree."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import attnseg

from napari_attnseg import Segmenter, threads


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    threads._default.cache_clear()
    yield
    threads._default.cache_clear()
    torch.set_num_threads(before)


@pytest.mark.parametrize(("own", "chosen"), [(1, 1), (2, 2), (3, 2), (8, 7)])
def test_a_core_stays_free_where_there_are_more_than_two(
    own: int, chosen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    torch.set_num_threads(own)
    assert threads.use_threads() == chosen == torch.get_num_threads()
    assert threads.use_threads(2) == 2 == torch.get_num_threads()
    assert threads.use_threads() == chosen  # not one less each time
    # What the environment says holds.
    threads._default.cache_clear()
    monkeypatch.setenv("OMP_NUM_THREADS", str(own))
    torch.set_num_threads(own)
    assert threads.use_threads() == own


def test_masks_are_the_same_on_any_number(tiny_weights: Path) -> None:
    segmenter = Segmenter.from_checkpoint(tiny_weights, "cpu")
    image = np.random.default_rng(0).integers(0, 255, (70, 90, 3), np.uint8)
    found = []
    for number in (1, 2, 3):
        threads.use_threads(number)
        found.append(segmenter(image))
        assert found[-1].provenance["threads"] == number
    for other in found[1:]:
        np.testing.assert_allclose(other.probability, found[0].probability, atol=1e-5)


def test_a_command_takes_them_and_waits_passively(
    tmp_path: Path, tiny_weights: Path
) -> None:
    from napari_attnseg.sample_data import sample_path

    out = tmp_path / "out"
    arguments = ("segment", sample_path("polyp"), "--out", out, "--device", "cpu")
    done = attnseg(*arguments, "--weights", tiny_weights, "--threads", "3")
    assert done.returncode == 0, done.stderr
    (file,) = out.glob("*.json")
    assert json.loads(file.read_text("utf-8"))["provenance"]["threads"] == 3
    wrong = attnseg(*arguments, "--threads", "-1")
    assert wrong.returncode == 2 and "--threads" in wrong.stderr


def test_torch_is_told_when_it_is_there(tiny_weights: Path) -> None:
    """Asking for threads does not import it; loading a network does."""
    code = (
        "import sys\n"
        "from napari_attnseg.threads import threads, use_threads\n"
        "print(use_threads(2), use_threads(3), threads(), 'torch' in sys.modules)\n"
        "from napari_attnseg import Segmenter\n"
        f"found = Segmenter.from_checkpoint({str(tiny_weights)!r}, 'cpu')\n"
        "import torch\n"
        "print(found.engine.threads, threads(), torch.get_num_threads())\n"
        # A number that somebody set since is not set back.
        "torch.set_num_threads(1)\n"
        f"Segmenter.from_checkpoint({str(tiny_weights)!r}, 'cpu')\n"
        "print(threads(), torch.get_num_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["2 3 3 False", "3 3 3", "1 1"], done.stderr


@pytest.mark.parametrize(
    ("told", "cores", "chosen"),
    [("", 8, 7), ("", 2, 2), ("", 1, 1), ("5", 8, 5), ("4,2", 8, 4)],
)
def test_without_torch_there_are_as_many(
    told: str, cores: int, chosen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if told:
        monkeypatch.setenv("OMP_NUM_THREADS", told)
    monkeypatch.setattr("psutil.cpu_count", lambda logical: cores)
    every = range(2 * cores)  # two threads of each core
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: every, raising=False)
    monkeypatch.delitem(sys.modules, "torch")
    assert threads.use_threads() == chosen
    threads._ASKED.clear()


@pytest.mark.parametrize(("given", "policy"), [(None, "PASSIVE"), ("active", "active")])
def test_what_the_environment_says_of_waiting_holds(
    given: str | None, policy: str
) -> None:
    env = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    code = (
        "import os, sys; from napari_attnseg import exit_codes\n"
        "def app(): print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)\n"
        "exit_codes.main_for(app)()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=env if given is None else {**env, "OMP_WAIT_POLICY": given},
    )
    assert done.stdout.split() == [policy, "False"], done.stderr
