"""What importing costs, and that every import is declared."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SOURCES = [
    *(ROOT / "src" / "napari_attnseg").rglob("*.py"),
    *(ROOT / "training" / "attnseg_training").rglob("*.py"),
]
SLOW = {"accelerate", "torch", "timm", "napari", "qtpy", "magicgui", "matplotlib"}


def loaded_by(*statements: str) -> list[set[str]]:
    """Top-level modules that are there after each statement in a new Python."""
    code = "import sys\n" + "".join(f"{s}\nprint(*sys.modules)\n" for s in statements)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return [
        {name.partition(".")[0] for name in line.split()}
        for line in done.stdout.splitlines()
    ]


def test_what_is_asked_first_loads_nothing_slow() -> None:
    """In one Python, one after the other: what one loads, the next would show too."""
    statements = (
        "import napari_attnseg; dir(napari_attnseg); napari_attnseg.__version__",
        "from napari_attnseg import Segmentation, list_models; list_models()",
        "import napari_attnseg.cli",
        "from napari_attnseg.models.summary import model_rows; model_rows()",
        "import napari_attnseg.batch, napari_attnseg.io.explanations",
        "import attnseg_training.cli",
    )
    for statement, loaded in zip(statements, loaded_by(*statements), strict=True):
        assert {"napari_attnseg", "attnseg_training"} & loaded
        assert not SLOW & loaded, statement


def test_segmenting_loads_no_window_system_and_no_compiler() -> None:
    loaded, _ = loaded_by(
        "from napari_attnseg import Segmenter; Segmenter.__call__\n"
        "import napari_attnseg.models.network",
        # The compiler is there for whoever wants it, with what it was asked before.
        "import torch\n"
        "from torchvision.ops.roi_align import is_compile_supported as supported\n"
        "from napari_attnseg.models.without_dynamo import without_dynamo\n"
        "with without_dynamo(): plus = torch.compiler.disable(lambda x: x + 1)\n"
        "assert plus(1) == 2 and 'torch._dynamo' not in sys.modules\n"
        "assert supported('cpu') is True and supported('cpu') is True\n"
        "double = torch.compile(lambda x: 2 * plus(x), backend='eager')\n"
        "assert double(torch.ones(1)) == 4 and plus(1) == 2",
    )
    assert {"torch", "timm"} <= loaded
    assert not {"napari", "qtpy", "magicgui", "sympy"} & loaded


def test_public_names_are_all_there() -> None:
    import napari_attnseg

    for name in napari_attnseg.__all__:
        assert getattr(napari_attnseg, name) is not None
    with pytest.raises(AttributeError, match="segmentor"):
        napari_attnseg.segmentor  # noqa: B018


def test_every_imported_library_is_declared() -> None:
    """What only comes with another library goes when that one drops it."""
    needed = (Requirement(line) for line in requires("napari-attnseg") or [])
    # These are imported where they are used, and can be missing.
    extras = [
        {"extra": name}
        for name in ("explain", "surface", "nifti", "medsam", "openvino")
    ]
    declared = {
        canonicalize_name(r.name)
        for r in needed
        if r.marker is None or any(map(r.marker.evaluate, extras))
    }
    homes = packages_distributions()
    ours = {"napari_attnseg", "attnseg_training", *sys.stdlib_module_names}
    undeclared = {
        (path.name, module)
        for path in SOURCES
        for module in imported(path) - ours
        if not {canonicalize_name(home) for home in homes[module]} & declared
    }
    assert not undeclared


def imported(path: Path) -> set[str]:
    """Top-level names of the modules that a file imports anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}
