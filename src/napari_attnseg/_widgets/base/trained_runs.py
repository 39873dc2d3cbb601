"""Run folders in which this user trained, in this session or an earlier one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from qtpy.QtCore import QSettings

from napari_attnseg.cards import read_card
from napari_attnseg.errors import AttnSegError
from napari_attnseg.run_files import BEST_WEIGHTS


def remember(folder: Path) -> None:
    """Remember a run folder; it may have no weights yet."""
    # A key for each: two sessions at once do not overwrite each other's.
    whole = str(folder.absolute())
    key = hashlib.sha256(whole.encode()).hexdigest()[:16]
    settings = _settings()
    settings.setValue(f"runs/{key}", whole)
    settings.sync()


def trained_weights() -> list[Path]:
    """Usable weights of the remembered runs, the latest first."""
    settings = _settings()
    settings.beginGroup("runs")
    folders = {str(settings.value(key)) for key in settings.childKeys()}
    last = str(run_settings().value("run", "") or "")
    folders |= {last} if last else set()  # of a version that remembered no others
    found = [Path(folder) / BEST_WEIGHTS for folder in folders]
    usable = [path for path in found if _is_usable(path)]
    return sorted(usable, key=lambda path: path.stat().st_mtime, reverse=True)


def run_settings() -> QSettings:
    """Settings of the Train widget: ``run`` is the run folder that it showed last."""
    return _settings_file("train")


def _is_usable(weights: Path) -> bool:
    try:
        read_card(weights)
    except (AttnSegError, OSError):
        return False
    return True


def _settings() -> QSettings:
    return _settings_file("trained-runs")


def _settings_file(name: str) -> QSettings:
    # As a file on every system: a test can point it elsewhere.
    return QSettings(
        QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-attnseg", name
    )
