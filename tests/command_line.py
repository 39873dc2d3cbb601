"""Running ``attnseg`` in tests."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_attnseg.cli import main


def in_a_process(
    *arguments: str | Path, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a command as a shell does: takes seconds, so once per command."""
    return subprocess.run(
        [sys.executable, "-m", "napari_attnseg.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80", **env},
    )


def attnseg(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in this process through its entry point."""
    given = list(map(str, arguments))
    out, error = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["attnseg", *given])
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", error)
        patch.setenv("COLUMNS", "80")
        with pytest.raises(SystemExit) as stop:
            main()
    code = stop.value.code or 0
    return subprocess.CompletedProcess(given, code, out.getvalue(), error.getvalue())
