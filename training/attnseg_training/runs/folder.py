"""Files of a training run on disk, each written atomically."""

from __future__ import annotations

import io
import logging
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from attnseg_training.config import TrainConfig, read_toml, without_folders
from attnseg_training.settings import settings_of
from napari_attnseg.cards import ModelCard, read_card
from napari_attnseg.checkpoints import checkpoint_bytes
from napari_attnseg.errors import CheckpointError, InputError
from napari_attnseg.io.atomic import remove_leftovers, write_bytes, write_text
from napari_attnseg.run_files import (
    BEST_WEIGHTS,
    CONFIG_FILE,
    CURVES_FILE,
    LAST_WEIGHTS,
    LOG_FILE,
    SNAPSHOTS_FOLDER,
    STATE_FILES,
    LogRow,
    log_text,
    read_log,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Folder with the files of a run."""

    path: Path

    @property
    def cache(self) -> Path:
        """Folder for the tokens of a frozen encoder; removed when the run is done."""
        return self.path / "cache"

    @classmethod
    def open(
        cls, path: Path, config: TrainConfig, resume: bool, write: bool = True
    ) -> RunFolder:
        """Open the folder of a new or resumed run; only the main process writes.

        Raises
        ------
        InputError
            If the folder holds another run, or cannot be written.
        """
        settings = path / CONFIG_FILE
        if not write:
            return cls(path)
        if resume:
            if not settings.is_file():
                raise InputError(
                    f"Expected a run to resume in {path}, but there is no config.toml; "
                    "leave --resume out to start one."
                )
            before = TrainConfig(**read_toml(settings))
            _expect_same(path, before, config)
        elif settings.is_file() and any(
            (path / name).is_file() for name in (LOG_FILE, *STATE_FILES)
        ):  # one that came to nothing, for want of data, say, is no run
            raise InputError(
                f"There is already a run in {path}; add --resume to resume it, or "
                "choose another --out."
            )
        remove_leftovers(path)
        write_text(settings, config.to_toml())
        return cls(path)

    def rows(self) -> list[LogRow]:
        """Read the epochs that were logged so far."""
        return list(read_log(self.path))

    def load_state(self, device: str) -> dict[str, Any] | None:
        """Load the last intact training state; None if none was written.

        Raises
        ------
        CheckpointError
            If there are states, but all are damaged.
        """
        damaged = []
        for name in STATE_FILES:
            path = self.path / name
            if not path.is_file():
                continue  # killed between the two renames of `save_state`
            try:
                state = _read_state(path, device)
            except Exception as error:  # torch and zipfile raise many kinds
                damaged.append(f"{name} ({type(error).__name__}: {error})")
                continue
            if damaged:
                logger.warning(
                    "The training state %s in %s is damaged; going on from the one "
                    "before it, epoch %d, step %d.",
                    damaged[0],
                    self.path,
                    state["epoch"] + 1,
                    state["step"],
                )
            return state
        if damaged:
            raise CheckpointError(
                f"Expected a training state in {self.path}, but "
                f"{' and '.join(damaged)} cannot be read; start again in another "
                "--out, with --init best.safetensors of this one if it is there."
            )
        return None

    def save_state(self, state: dict[str, Any]) -> None:
        """Write a training state and keep the one before it.

        Raises
        ------
        InputError
            If the disk is full or not writable; the state before stays.
        """
        buffer = io.BytesIO()
        torch.save(state, buffer)
        last, before = (self.path / name for name in STATE_FILES)
        if last.is_file():
            last.replace(before)
        write_bytes(last, buffer.getvalue())

    def expect_settings(self, config: TrainConfig, but: Sequence[str] = ()) -> None:
        """Check that a finished run had these settings, except those in `but`.

        Raises
        ------
        InputError
            If it used different ones.
        """
        before = TrainConfig(**read_toml(self.path / CONFIG_FILE))
        _expect_same(self.path, before, config, but)

    def last_card(self) -> ModelCard | None:
        """Model card of the last finished epoch; None if there is none.

        Raises
        ------
        CheckpointError
            If its weights cannot be read.
        """
        path = self.path / LAST_WEIGHTS
        return read_card(path) if path.is_file() else None

    def forget_states(self) -> None:
        """Remove the training states, the largest files; the run cannot be resumed."""
        for name in STATE_FILES:
            (self.path / name).unlink(missing_ok=True)

    def save(
        self,
        weights: dict[str, Tensor],
        card: ModelCard,
        best: bool,
        state: dict[str, Any],
        rows: list[LogRow],
        measured_on: str = "validation",
    ) -> None:
        """Write one finished epoch; `measured_on` as for `curves_png`.

        Raises
        ------
        InputError
            If the disk is full or not writable; files of earlier epochs stay.
        """
        from attnseg_training.runs.curves import curves_png

        data, _ = checkpoint_bytes(weights, card)
        if best:
            write_bytes(self.path / BEST_WEIGHTS, data)
        write_bytes(self.path / LAST_WEIGHTS, data)
        write_text(self.path / LOG_FILE, log_text(rows))
        self.save_state(state)
        write_bytes(self.path / CURVES_FILE, curves_png(rows, measured_on))

    def save_snapshot(self, epoch: int, png: bytes) -> None:
        """Write a picture; raises `InputError` if the disk is full or not writable."""
        write_bytes(self.path / SNAPSHOTS_FOLDER / f"epoch-{epoch:04d}.png", png)


def _expect_same(
    path: Path, before: TrainConfig, config: TrainConfig, but: Sequence[str] = ()
) -> None:
    changed = [
        f"{name} was {getattr(before, name)!r}, is {getattr(config, name)!r}"
        for name, declared in settings_of(type(config)).items()
        if not (declared.setting.may_change or name in but)
        and _without_folders(before, name) != _without_folders(config, name)
    ]
    if changed:
        raise InputError(
            f"The run in {path} has other settings ({'; '.join(changed)}); resume it "
            "with its own settings, or choose another --out."
        )


def _without_folders(config: TrainConfig, name: str) -> Any:
    """Return a setting; of files only their names, because they may have been moved."""
    value = getattr(config, name)
    if name == "encoder_weights":
        return without_folders(value)
    return Path(value).name if name in ("init", "trust_labels") else value


def _read_state(path: Path, device: str) -> dict[str, Any]:
    # torch does not check what it reads; its files are zip archives with checksums.
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
    if broken is not None:
        raise zipfile.BadZipFile(f"wrong checksum of {broken}")
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return state
