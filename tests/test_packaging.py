"""The archives that users install, built as a release is and used as they would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]


def run(*command: str | Path) -> str:
    """Run a command far from the source tree, with nothing of it on Python's path."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "DISPLAY")}
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, env=env, cwd="/"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel built from that sdist: what one lacks, both lack."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT)
    (sdist,) = out.glob("*.tar.gz")
    (wheel,) = out.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def bin_folder(
    archives: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Commands of a new environment with the wheel in it.

    The libraries it needs are lent by this environment, behind its own packages, so
    that a gigabyte is not installed twice; this environment's .pth files are not read.
    """
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, symlinks=os.name != "nt")
    bin_folder = folder / ("Scripts" if os.name == "nt" else "bin")
    python = bin_folder / "python"
    purelib = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")[:-1]
    )
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", "--no-deps", "--no-index", archives[1])
    # Only now: pip would take this environment's own copy for the installed one.
    (purelib / "lent.pth").write_text(sysconfig.get_path("purelib"))
    home = run(python, "-c", "import napari_attnseg as n; print(n.__file__)")
    assert Path(home.strip()).is_relative_to(purelib)
    return bin_folder


def test_the_wheel_holds_all_that_the_packages_hold(
    archives: tuple[Path, Path],
) -> None:
    """hatchling leaves out what .gitignore names, silently."""
    with zipfile.ZipFile(archives[1]) as wheel:
        inside = set(wheel.namelist())
    wanted = {
        path.relative_to(source).as_posix()
        for source in (ROOT / "src", ROOT / "training")
        for package in source.glob("*attnseg*/")
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= inside, wanted - inside
    assert {path.split("/")[0] for path in inside} == {
        "napari_attnseg",
        "attnseg_training",
        f"napari_attnseg-{version()}.dist-info",
    }


def test_the_sdist_holds_what_its_own_tests_need(archives: tuple[Path, Path]) -> None:
    with tarfile.open(archives[0]) as sdist:
        inside = {name.split("/", 1)[1] for name in sdist.getnames() if "/" in name}
    for name in (
        ".ci/run",
        ".ci/system-packages",
        "CHANGELOG.md",
        "CITATION.cff",
        "LICENSE",
        "README.md",
        "constraints.txt",
        "pyproject.toml",
        "tests/conftest.py",
        "tox.ini",
        "toxfile.py",
        "training/README.md",
    ):
        assert name in inside


def test_the_readme_of_the_package_leads_to_the_repository(
    archives: tuple[Path, Path],
) -> None:
    """An index and napari's hub show it where relative links lead nowhere."""
    with zipfile.ZipFile(archives[1]) as wheel:
        (name,) = (n for n in wheel.namelist() if n.endswith("dist-info/METADATA"))
        shown = wheel.read(name).decode("utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", shown)
    assert len(targets) > 20
    assert [one for one in targets if not one.startswith(("https://", "#"))] == []
    home = "https://github.com/napari-attnseg/napari-attnseg"
    assert f"]({home}/raw/main/docs/segment.png)" in shown
    for target in targets:
        if target.startswith(f"{home}/"):
            path = target.removeprefix(home).split("/", 3)[3].partition("#")[0]
            assert (ROOT / path).exists(), target


def test_models_are_listed_from_the_installed_wheel(bin_folder: Path) -> None:
    rows = json.loads(run(bin_folder / "attnseg", "models", "--json"))
    names = {row["name"]: row for row in rows}
    assert {"compact", "dual-swin-guided", "tiny"} <= set(names)
    assert names["compact-norm"]["bundled"]


def test_the_demo_runs_from_the_installed_wheel(
    bin_folder: Path, tmp_path: Path
) -> None:
    printed = run(bin_folder / "attnseg", "demo", "--out", tmp_path, "--device", "cpu")
    (picture,) = tmp_path.glob("*.png")
    assert str(picture) in printed
    with Image.open(picture) as image:
        assert min(image.size) > 400
        assert len(image.convert("RGB").getcolors(maxcolors=2**24)) > 1000


def test_training_runs_from_the_installed_wheel(
    bin_folder: Path, data_folder: Path, tmp_path: Path
) -> None:
    fit = ("fit", "--data", data_folder, "--model", "tiny", "--epochs", "1")
    how = ("--device", "cpu", "--encoder-weights", "scratch", "--out", tmp_path)
    run(bin_folder / "attnseg-train", *fit, *how)
    assert (tmp_path / "best.safetensors").is_file()


def test_ci_runs_the_command_that_the_readme_gives() -> None:
    command = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()[-1]
    assert command.startswith("bash .ci/system-packages tests && ")
    assert command in (ROOT / "README.md").read_text("utf-8").splitlines()


def version() -> str:
    from importlib.metadata import version

    return version("napari-attnseg")
