"""Fixtures shared by the tests of both packages."""

from __future__ import annotations

import functools
import gc
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from stand_ins import STAND_INS

from napari_attnseg.models.catalog import UNLISTED

# So that tests can name them as a user names a model.
UNLISTED.update(STAND_INS)


#: Files whose tests take focus and clipboard: one after another, in one process.
ONE_SCREEN = re.compile(
    r"tests/widgets/(.*_window|inspect/test_pointer|inspect/test_whatif_panel"
    r"|segment/test_segment_run\w*|test_beyond_a_run|base/test_run_menu"
    r"|test_renamed_layers)\.py"
)
#: Files that take longest begin first, so that no process waits for one at the end.
LONGEST = (
    "tests/training/test_train_cli.py",
    "tests/training/fit/test_distributed.py",
    "tests/training/fit/test_survival.py",
    "tests/models/test_contract.py",
    "tests/training/fit/test_fit_variants.py",
    "tests/training/gates/",
    "tests/training/",
    "tests/compatibility/",
    "tests/widgets/inspect/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order files: `ONE_SCREEN`, `LONGEST`, others; within one nothing changes."""

    def rank(item: pytest.Item) -> int:
        if ONE_SCREEN.fullmatch(item.nodeid.partition("::")[0]):
            return -1
        found = (i for i, path in enumerate(LONGEST) if item.nodeid.startswith(path))
        return next(found, len(LONGEST))

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """Look for garbage less often: a tenth of the time went into it.

    What was imported so far is not looked at again. Tests that need it collect all.
    """
    _keep_all()
    gc.set_threshold(5000, 20, 100)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After each file what it imported is not looked at again either.

    napari looks for garbage whenever a layer leaves a window.
    """
    if nextitem is None or nextitem.path != item.path:
        _keep_all()


def _keep_all() -> None:
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)  # it may not be installed
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """What one of several test processes gets: a file, or all of `ONE_SCREEN`.

    Not by marks: with pytest 9.2, pytest-xdist 3.8 does not heed its own
    ``xdist_group``.
    """
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            return "one screen" if ONE_SCREEN.fullmatch(file) else file

    return ByFile(config, log)


@pytest.fixture(scope="session", autouse=True)
def parsers_are_built_once() -> Iterator[None]:
    """Keep the parser of a command line: typer makes all of it anew for each call.

    A user's process calls one command; a thousand are called here, of apps that do not
    change.
    """
    import typer.main
    import typer.testing

    build = functools.cache(typer.main.get_command)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", build)
        patch.setattr(typer.testing, "_get_command", build)
        yield


@pytest.fixture(scope="session")
def tiny_weights(weights_of: Callable[[str], Path]) -> Path:
    """A real but untrained weights file of the `tiny` model, always the same."""
    return weights_of("tiny")


@pytest.fixture(scope="session")
def weights_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Untrained weights file of a catalog name and a seed, always the same."""
    import torch

    from napari_attnseg.cards import ModelCard
    from napari_attnseg.checkpoints import save_checkpoint
    from napari_attnseg.models.catalog import model_spec
    from napari_attnseg.models.network import SegmentationNetwork
    from napari_attnseg.spec import Preprocessing

    folder = tmp_path_factory.mktemp("weights")

    def weights(name: str, seed: int = 0) -> Path:
        path = folder / str(seed) / f"{name}.safetensors"
        if not path.exists():
            torch.manual_seed(seed)
            spec = model_spec(name)
            card = ModelCard(spec=spec, preprocessing=Preprocessing(spec.size))
            save_checkpoint(path, SegmentationNetwork(spec).state_dict(), card)
        return path

    return weights


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """Twelve 40×48 images of one bright disc on noise, with masks and splits.

    The disc can be learned in seconds, so a training run on it can be judged.
    """
    return _discs(tmp_path / "discs")


@pytest.fixture(scope="session")
def shared_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same images for tests that only read them."""
    return _discs(tmp_path_factory.mktemp("data") / "discs")


def _discs(root: Path) -> Path:
    rng = np.random.default_rng(0)
    for folder in ("images", "masks", "splits"):
        (root / folder).mkdir(parents=True)
    names = [f"disc{i:02d}" for i in range(12)]
    y, x = np.mgrid[:40, :48]
    for name in names:
        row, column = rng.integers(12, 28), rng.integers(12, 36)
        mask = (y - row) ** 2 + (x - column) ** 2 < 81
        image = rng.integers(0, 80, (40, 48, 3)) + mask[..., None] * 150
        Image.fromarray(image.astype(np.uint8)).save(root / "images" / f"{name}.png")
        Image.fromarray((mask * 255).astype(np.uint8)).save(
            root / "masks" / f"{name}.png"
        )
    (root / "splits" / "train.txt").write_text("\n".join(names[:9]))
    (root / "splits" / "val.txt").write_text("\n".join(names[9:]))
    return root
