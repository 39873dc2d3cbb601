"""Settings of the Review dock that are a test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtCore import QSettings

from napari_attnseg._widgets.review import setup_form


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered in, or comes from, the settings of the user."""
    file, kind = str(tmp_path / "settings.ini"), QSettings.Format.IniFormat
    monkeypatch.setattr(setup_form, "_settings", lambda: QSettings(file, kind))
