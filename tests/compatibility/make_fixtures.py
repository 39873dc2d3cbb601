"""What wrote ``files/`` and ``expected/``: version 0.1.0 at commit fa16140.

Not to be run again, except at that commit: these files are worth something because they
are old. It was run in an empty folder, so that their paths are relative to it::

    git worktree add /tmp/old fa16140
    export PYTHONPATH=/tmp/old/src:/tmp/old/training HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1
    QT_QPA_PLATFORM=offscreen python make_fixtures.py

``python make_fixtures.py expected`` only asks that version anew about what is there.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import interface
import old_code as code
import old_files as old
import test_old_measurements as old_measurements
import test_old_results as old_results
import test_old_runs as old_runs
import test_old_weights as old_weights
from made_data import draw_data, draw_images
from made_files import HOST, TINY, run, write
from made_results import results, widget_results
from made_runs import runs
from made_weights import cards, release

FILES = old.FILES
EXPECTED = old.EXPECTED


def measured() -> None:
    """What the commands measured of these weights."""
    on = "--data data/listed --device cpu"
    evaluate = f"attnseg-train evaluate weights/tiny.safetensors {on}"

    def files(name: str) -> str:
        return f"--json measured/{name}.json --csv measured/{name}.csv"

    run(f"{evaluate} {files('test')}")
    run(f"{evaluate} --split val {files('val')}")
    run(f"{evaluate} --flip {files('flip')}")
    run(f"{evaluate} --medsam medsam-small {files('medsam')}")
    for protocol in ("all", "paper"):
        run(
            f"attnseg-train evaluate 'fits/polyps, {protocol}/best.safetensors' "
            f"--device cpu --data data/polyps {files(protocol)}"
        )
    run(
        "attnseg-train evaluate fits/shapes/best.safetensors --device cpu "
        f"--data data/shapes {files('classes')}"
    )
    run(
        "attnseg-train compare measured/test.csv measured/flip.csv "
        "--json measured/compare.json"
    )
    run("attnseg-train check data/polyps --json measured/check.json")
    suite = f"attnseg-train faithfulness weights/tiny.safetensors {on} --suite quick"
    run(f"{suite} --split val --out measured/suite")
    run(
        "attnseg-train benchmark training --data data/polyps --model tiny --steps 1 "
        f"--rounds 1 --no-bf16 --workers 0 {TINY} --json measured/benchmark.json"
    )


def tables() -> None:
    """A table of the paper and that of the gates, two rows and seeds each."""
    common = "epochs = 1\nbatch = 4\nlr = 5e-3\nsnapshot_every = 0\n"
    write("table-3/base.toml", common)
    write("table-gates/base.toml", f'model = "tiny"\n{common}')
    run(old_measurements.TABLE_3)
    run(old_measurements.TABLE_GATES)


#: In the folders of a release and of tables: all but weights, states and pictures.
SMALL = (".json", ".csv", ".toml", ".md", "done")


def collect() -> None:
    """Copy what is kept; paths and the name of this machine are replaced."""
    shutil.rmtree(FILES, ignore_errors=True)
    for name in ("results", "runs", "measured", "images", "weights"):
        shutil.copytree(name, FILES / name)
    for name in ("polyps", "listed"):
        shutil.copytree(Path("data", name), FILES / "data" / name)
    for folder in ("release", "table-3", "table-gates"):
        for path in Path(folder).rglob("*"):
            kept = path.is_file() and path.name.endswith(SMALL)
            if kept and "release/seed-1" not in path.as_posix():
                write(FILES / path, path.read_bytes())
    for name in ("cards.json", "layouts.json"):
        shutil.copy(name, FILES / name)
    for path in FILES.rglob("*.png"):
        if "measured" in path.parts:
            path.unlink()
    python = Path(sys.executable).parents[1]
    worktree = Path(code.domain_module().__file__).parents[2]
    for path in (p for p in FILES.rglob("*") if p.is_file()):
        data = path.read_bytes()
        new = data
        for folder, neutral in (
            (Path.cwd(), "/data"),
            (worktree, "/opt/napari-attnseg"),
            (python, "/opt/python"),
            (Path(sys.base_prefix), "/opt/python"),
        ):
            new = new.replace(str(folder).encode(), neutral.encode())
        if path.name == "progress.json":
            facts = json.loads(new)
            facts |= {"host": HOST, "pid": 4242}
            new = (json.dumps(facts) + "\n").encode()
        if new != data:
            assert path.suffix in (".json", ".toml", ".log"), path
            path.write_bytes(new)
        assert f'"{platform.node()}"'.encode() not in new, path


def ask() -> None:
    """What this version answers about all of it."""
    import tempfile

    shutil.rmtree(EXPECTED, ignore_errors=True)

    def keep(name: str, answer: Any) -> None:
        print(f"expected/{name}.json", flush=True)
        text = json.dumps(answer, indent=1, ensure_ascii=False) + "\n"
        write(EXPECTED / f"{name}.json", text)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keep(
            "weights",
            old_weights.weights_answer(FILES / "weights" / "tiny.safetensors"),
        )
        keep("glance", old_weights.glance_answer(folder))
        keep("cards", old_weights.cards_answer(folder))
        keep("results", old_results.all_results(folder))
        keep("runs", old_runs.runs_answer(folder))
        keep("measured", old_measurements.all_measured())
        keep("compared", old_measurements.compared_answer(folder))
        keep("calibration", old_weights.calibration_answer(folder))
        keep("resumed", old_runs.resumed_answer(folder))
        shutil.copytree(FILES, folder / "files")
        os.environ["COLUMNS"] = "120"
        keep("release", old_measurements.release_answer(folder / "files"))
    write(old.HERE / "interface.json", interface.to_text(interface.everything()) + "\n")


PARTS: dict[str, Callable[[], None]] = {
    "release": release,
    "cards": cards,
    "results": results,
    "widgets": widget_results,
    "runs": runs,
    "measured": measured,
    "tables": tables,
    "collect": collect,
    "expected": ask,
}


def main() -> None:
    """Make all parts, or those that are named."""
    if not Path("layouts.json").exists():
        write("layouts.json", json.dumps(draw_data(), indent=1))
        draw_images()
    for name in sys.argv[1:] or PARTS:
        print(f"--- {name}", flush=True)
        PARTS[name]()


if __name__ == "__main__":
    main()
