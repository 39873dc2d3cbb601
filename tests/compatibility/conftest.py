"""Fixtures of the tests of old files and of the interface."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

# Its assertions are those of the tests: a failed one shows both values.
pytest.register_assert_rewrite("old_files")


@pytest.fixture(autouse=True, scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Preferences of their own, no network, and a terminal of one width."""
    from napari import settings

    from attnseg_training.commands.console import console

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "120")
        # Made at import, perhaps by an earlier test at another width.
        patch.setattr(console, "width", 120)
        patch.setenv("HF_HUB_OFFLINE", "1")
        own = tmp_path_factory.mktemp("preferences") / "settings.yaml"
        patch.setattr(settings, "_CFG_PATH", str(own))
        settings._clear_plugin_settings_cache()
        yield
        settings._clear_plugin_settings_cache()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of ``files/``, in which commands run."""
    copy = tmp_path / "files"
    shutil.copytree(Path(__file__).parent / "files", copy)
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are saved without being drawn, which takes longest."""
    from matplotlib.figure import Figure

    monkeypatch.setattr(Figure, "savefig", lambda *given, **options: None)
