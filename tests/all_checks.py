"""Types, import arrows and documentation beside napari's manifest and all tests.

    python tests/all_checks.py [ARGUMENT OF PYTEST …]

as ``tox -e py`` runs it. Each of them keeps one core busy, some for half a minute. So
does whoever imports everything for the first time, which is the check of the manifest:
after it the test processes, which begin together, find compiled modules.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

MANIFEST = ["npe2", "validate", "--imports", "napari-attnseg"]
TESTS = [
    *("xvfb-run", "-a", "-s", "-screen 0 1400x900x24"),
    *("pytest", "-n", "auto", "--maxprocesses", "4"),
    *("--dist", "loadfile", "--no-loadscope-reorder"),
]


def main() -> int:
    """Run every check to its end; 1 if one of them failed."""
    with tempfile.TemporaryDirectory() as site:
        beside = [
            subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            for words in (
                ["mypy"],
                ["lint-imports"],
                [sys.executable, "docs/_site/architecture.py", "--check"],
                ["mkdocs", "build", "--strict", "--quiet", "--site-dir", site],
            )
        ]
        before = [subprocess.call(words) for words in (MANIFEST, TESTS + sys.argv[1:])]
        said = [process.communicate()[0] for process in beside]
    for process, text in zip(beside, said, strict=True):
        print(*process.args, "\n", text)
    return int(any(before) or any(process.returncode for process in beside))


if __name__ == "__main__":
    sys.exit(main())
