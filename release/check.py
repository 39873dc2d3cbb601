"""Everything that a release has to be, checked in one command: ``tox -e release``.

    python release/check.py OUT [--qt pyqt6] [--qt pyside6]

Builds sdist and wheel twice and compares their bytes, checks their metadata, installs
the wheel into a new environment for each Qt binding, where the plugin is opened and
used, and writes into OUT: the archives, ``sbom.json`` (CycloneDX), ``licences.json``
and ``recipe.yaml`` for conda-forge. Prints a line per check; exit code 1 if one failed.
"""

from __future__ import annotations

import argparse
import filecmp
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path
from string import Template

HERE = Path(__file__).parent
ROOT = HERE.parent
#: Words of licences that what we depend on must not have; the Qt binding is the user's
#: choice, and named apart.
REFUSED = ("GPL", "GNU General Public", "GNU Affero")
ALLOWED = ("LGPL", "Lesser General Public")
QT = ("pyqt6", "pyside6", "shiboken6")
#: Names of conda-forge that differ from those of PyPI.
CONDA = {
    "dask[array]": "dask-core",  # numpy, which the extra adds, is named apart
    "matplotlib": "matplotlib-base",
    "torch": "pytorch",
}


class CheckError(Exception):
    """What a release must not be, in one sentence."""


def run(*command: str | Path, **env: str) -> str:
    """Run a command far from the source tree; its output, or a `CheckError`."""
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, command)],
        capture_output=True,
        text=True,
        env={**clean, **env},
        cwd=tempfile.gettempdir(),
    )
    if done.returncode:
        raise CheckError((done.stdout + done.stderr).strip()[-2000:])
    return done.stdout


def build(out: Path) -> Iterator[str]:
    """Sdist and the wheel made from it, with the same bytes twice."""
    stamp = run("git", "-C", ROOT, "log", "-1", "--format=%ct").strip()
    again = out / "again"
    for folder in (out, again):
        run(
            sys.executable,
            "-m",
            "build",
            "--outdir",
            folder,
            ROOT,
            SOURCE_DATE_EPOCH=stamp,
        )
    names = sorted(path.name for path in again.iterdir())
    _, different, missing = filecmp.cmpfiles(out, again, names, shallow=False)
    if different or missing or len(names) != 2:
        raise CheckError(f"Two builds differ in {different + missing or names}.")
    shutil.rmtree(again)
    for name in names:
        size = (out / name).stat().st_size / 1e6
        yield f"{name}: the same bytes twice, {size:.1f} MB"


def metadata(out: Path) -> Iterator[str]:
    """Names, description and classifiers, as an index and napari's hub show them."""
    run(sys.executable, "-m", "twine", "check", "--strict", *archives(out))
    yield "twine check: passed"


def archives(out: Path) -> list[Path]:
    """The sdist and the wheel."""
    return [*out.glob("*.tar.gz"), *out.glob("*.whl")]


def used(out: Path, qt: str, folder: Path) -> Iterator[str]:
    """A new environment with the wheel, in which the plugin segments an image."""
    venv.create(folder, with_pip=True, symlinks=os.name != "nt")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    (wheel,) = out.glob("*.whl")
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "-c", ROOT / "constraints.txt", f"{wheel}[{qt}]")
    run(python, "-m", "npe2", "validate", "--imports", "napari-attnseg")
    said = run(python, HERE / "use_plugin.py", QT_API=qt)
    yield f"{qt}: {said.strip()}"


def licences(out: Path, python: Path) -> Iterator[str]:
    """Licences of everything that was installed with the plugin, and the SBOM."""
    listed = json.loads(
        run("pip-licenses", "--python", python, "--format=json", "--from=mixed")
    )
    ours = [one for one in listed if one["Name"] not in ("pip", "napari-attnseg")]
    (out / "licences.json").write_text(json.dumps(ours, indent=1), "utf-8")
    wrong = [
        f"{one['Name']} ({one['License']})"
        for one in ours
        if any(word in one["License"] for word in REFUSED)
        and not any(word in one["License"] for word in ALLOWED)
        and not one["Name"].lower().startswith(QT)
    ]
    if wrong:
        raise CheckError(f"Licences that this project must not need: {wrong}.")
    run("cyclonedx-py", "environment", python, "--output-file", out / "sbom.json")
    parts = json.loads((out / "sbom.json").read_text("utf-8"))["components"]
    yield f"licences of {len(ours)} packages listed, {len(parts)} in the SBOM"


def recipe(out: Path) -> Iterator[str]:
    """The recipe for conda-forge, with version and hash of this sdist."""
    (sdist,) = out.glob("*.tar.gz")
    version = sdist.name.removesuffix(".tar.gz").rpartition("-")[2]
    digest = hashlib.sha256(sdist.read_bytes()).hexdigest()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [requirement(need) for need in project["dependencies"]]
    if unclear := [line.strip(" -\n") for line in lines if "[" in line]:
        raise CheckError(f"Conda has no extras; give {unclear} a name in CONDA.")
    text = Template((HERE / "recipe.yaml").read_text("utf-8")).substitute(
        version=version,
        sha256=digest,
        python_min=project["requires-python"].removeprefix(">="),
        run="".join(lines),
    )
    (out / "recipe.yaml").write_text(text, "utf-8")
    yield f"recipe.yaml for conda-forge: version {version}"


def requirement(need: str) -> str:
    """A dependency as a line of the recipe."""
    name, *limit = re.split(r"(?=[<>=])", need, maxsplit=1)
    return f"    - {' '.join([CONDA.get(name, name), *limit])}\n"


def main() -> int:
    """Run the checks; each goes on after another has failed, where it can."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, help="Folder for archives and lists.")
    parser.add_argument("--qt", action="append", help="Default: pyqt6 and pyside6.")
    given = parser.parse_args()
    out = given.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        print(f"Expected an empty folder at {out}; choose another.", file=sys.stderr)
        return 2
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        bindings = given.qt or ["pyqt6", "pyside6"]
        homes = {qt: Path(folder, qt) for qt in bindings}
        first = homes[bindings[0]]
        python = first / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        checks = [
            lambda: build(out),
            lambda: metadata(out),
            *(
                lambda qt=qt, home=home: used(out, qt, home)
                for qt, home in homes.items()
            ),
            lambda: licences(out, python),
            lambda: recipe(out),
        ]
        for check in checks:
            try:
                for line in check():
                    print("ok     ", line, flush=True)
            except CheckError as error:
                failed += 1
                print("FAILED ", error, flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
