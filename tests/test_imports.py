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
#: Their libraries are imported where they are used, and can be missing.
EXTRAS = (
    *("explain", "surface", "nifti", "medsam", "cluster"),
    *("dicom", "video", "ome", "openvino"),
)


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


def test_segmenting_loads_only_what_it_needs() -> None:
    """No window, compiler, torchvision or hub; of timm the families of the network."""
    few, whole, _ = loaded_by(
        "from napari_attnseg import Segmenter\n"
        "Segmenter.from_checkpoint('compact', 'cpu')\n"
        "families = {n for n in sys.modules if n.startswith('timm.models.')}\n"
        "assert 'timm.models.efficientnet' in families, families\n"
        "assert 'timm.models.swin_transformer' not in families, families",
        # timm is all there for whoever asks it, with what was imported before.
        "import timm, timm.data\n"
        "assert len(timm.list_models()) > 1000\n"
        "assert timm.create_model('test_vit', pretrained=False).num_classes\n"
        "assert timm.models.efficientnet is sys.modules['timm.models.efficientnet']\n"
        "assert timm.models._hub.get_cache_dir and timm.data.resolve_data_config",
        # So is torchvision, also where its build is alien to torch's.
        "from torch import nn\n"
        "from timm.layers import freeze_batch_norm_2d, unfreeze_batch_norm_2d\n"
        "frozen = freeze_batch_norm_2d(nn.Sequential(nn.BatchNorm2d(3)))\n"
        "from torchvision.ops.misc import FrozenBatchNorm2d\n"
        "assert type(frozen[0]) is FrozenBatchNorm2d\n"
        "thawed = unfreeze_batch_norm_2d(frozen)\n"
        "assert type(thawed[0]) is nn.BatchNorm2d\n"
        "timm.create_model('test_resnet', features_only=True, feature_cls='fx')",
    )
    assert {"torch", "timm"} <= few
    heavy = {"napari", "qtpy", "magicgui", "sympy", "torchvision", "huggingface_hub"}
    assert not heavy & few
    assert not {"scipy", "matplotlib", "rich", "skimage"} & few
    assert {"torchvision", "huggingface_hub"} <= whole


def test_a_timm_of_other_parts_is_imported_whole() -> None:
    """What was imported of it before that showed is forgotten."""
    (loaded,) = loaded_by(
        "import napari_attnseg.models.timm_in_parts as parts\n"
        "made = parts._parts\n"
        "def other(): made(); raise ImportError('no such part')\n"
        "parts._parts = other\n"
        "from napari_attnseg.models import encoders\n"
        "from napari_attnseg.spec import EncoderSpec\n"
        "import timm, types\n"
        "assert type(timm) is type(timm.models) is types.ModuleType\n"
        "assert encoders.timm.whole is timm and timm.is_model('resnet34')\n"
        "encoders.build_encoder(EncoderSpec('test_resnet', 64))"
    )
    assert {"timm", "torchvision"} <= loaded


def test_public_names_are_all_there() -> None:
    import napari_attnseg

    for name in napari_attnseg.__all__:
        assert getattr(napari_attnseg, name) is not None
    with pytest.raises(AttributeError, match="segmentor"):
        napari_attnseg.segmentor  # noqa: B018


def test_every_imported_library_is_declared() -> None:
    """What only comes with another library goes when that one drops it."""
    needed = (Requirement(line) for line in requires("napari-attnseg") or [])
    extras = [{"extra": name} for name in EXTRAS]
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
