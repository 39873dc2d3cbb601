"""Files that version 0.1.0 wrote, how a command is run on them, and comparing.

``files/`` was written by that version (`make_fixtures.py`), and ``expected/`` is what
the functions in the tests of old files answered about it then. More may be said today,
nothing else.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

HERE = Path(__file__).parent
FILES, EXPECTED = HERE / "files", HERE / "expected"
PLUGIN = "napari-attnseg"


#: Options of every training run in these tests.
TINY = "--device cpu --threads 1"


class Done(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


def command(line: str) -> Done:
    """Run ``attnseg …`` or ``attnseg-train …`` by its entry point, in this process."""
    program, *words = shlex.split(line)
    (entry,) = entry_points(group="console_scripts", name=program)
    main: Callable[[], None] = entry.load()
    out, err = io.StringIO(), io.StringIO()
    argv, sys.argv = sys.argv, [program, *words]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
        code: Any = 0
    except SystemExit as stop:
        code = stop.code or 0
    finally:
        sys.argv = argv
    return Done(code, out.getvalue(), err.getvalue())


def without_paths(value: Any, *folders: Path) -> Any:
    """JSON-ready, and the same wherever the folders lie."""
    text = json.dumps(value, default=plain)
    for folder in folders:
        for path in {folder, folder.resolve()}:
            text = text.replace(json.dumps(str(path))[1:-1], "FILES")
    return json.loads(text)


def plain(value: Any) -> Any:
    """For `json.dumps`: what NumPy and napari have in the place of plain things."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return str(value)


#: Beside a run's small files: names of the large ones that were there.
LEFT_OUT = "left-out.txt"


def with_card(weights: Path, out: Path, card: dict[str, Any], *parts: str) -> None:
    """Write weights again with some parts of another card in theirs."""
    data = weights.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    own = json.loads(header["__metadata__"]["attnseg_card"])
    own |= {part: card[part] for part in parts}
    header["__metadata__"]["attnseg_card"] = json.dumps(own)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    out.write_bytes(len(head).to_bytes(8, "little") + head + data[start:])


def expected_of(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def expected(name: str) -> Any:
    return expected_of(EXPECTED / f"{name}.json")


def assert_holds(found: Any, wanted: Any, at: str = "", rough: float = 1e-6) -> None:
    """`found` says all that was said, with the same values; it may say more.

    `rough`: by how much numbers may differ.
    """
    if isinstance(wanted, dict):
        assert isinstance(found, dict), at
        gone = set(wanted) - set(found)
        assert not gone, f"{at}: {sorted(gone)} no longer said"
        for key, value in wanted.items():
            assert_holds(found[key], value, f"{at}/{key}", rough)
    elif isinstance(wanted, list):
        assert isinstance(found, list) and len(found) == len(wanted), at
        for i, (one, value) in enumerate(zip(found, wanted, strict=True)):
            assert_holds(one, value, f"{at}/{i}", rough)
    elif isinstance(wanted, float) and isinstance(found, int | float):
        assert found == pytest.approx(wanted, abs=rough, nan_ok=True), at
    else:
        assert found == wanted, at


#: What 0.1.0's sentences became on purpose: what is said now, and what was said then.
REWORDED = (
    (r"This is the \w+ bound.*?wrong pixels\.\n", ""),
    (
        "psi is the weight of the CNN's features: neither their share of what is fused "
        "nor what is important.",
        "psi says whose features were used, not what is important.",
    ),
    ("choose a gate map to read the result", "choose a gate map to read it"),
    ("Resume continues from there", "Resume goes on from there"),
    ("without a message; its process", "without a word, its process"),
    ("Stop again ends it at once", "Stop once more ends it at once"),
    (
        r"was also trained on the images of (.*?), where it is more confident than "
        r"elsewhere; use the temperature of an honest run with the same settings",
        r"was trained on the images of \1 too, where it is surer of itself than "
        r"elsewhere; take the temperature of an honest run of the same settings",
    ),
)


#: What is computed by another rule than in 0.1.0: docs/training.md, "How intervals …".
INTERVALS = ("low", "high", "p", "ci_low", "ci_high")


def reworded(found: Any) -> Any:
    """An answer in the sentences of 0.1.0."""
    if isinstance(found, dict):
        return {key: reworded(value) for key, value in found.items()}
    if isinstance(found, list):
        return [reworded(value) for value in found]
    if isinstance(found, str):
        for now, then in REWORDED:
            found = re.sub(now, then, found, flags=re.DOTALL)
    return found


def without_intervals(found: Any) -> Any:
    """An answer without the ends of intervals and p-values."""
    if isinstance(found, dict):
        return {
            key: without_intervals(value)
            for key, value in found.items()
            if key not in INTERVALS
        }
    if isinstance(found, list):
        return [without_intervals(value) for value in found]
    return found


def listed(path: Path) -> list[str]:
    """Keys of a JSON file; none while it is being made."""
    return list(expected_of(path)) if path.exists() else []


def without_words(answer: Any) -> Any:
    """Of an answer about a card or a run only what is no sentence for people."""
    if not isinstance(answer, dict):
        return answer
    return {
        # A label, such as "in domain", stands before what is said of a split.
        key: value.partition(": ")[0] if key in SPLITS else without_words(value)
        for key, value in answer.items()
        if key not in SENTENCES
    }


SPLITS = ("train", "val", "test", "all")
SENTENCES = ("words", "trained_under", "said")
