"""What a training run keeps on disk, every file written atomically."""

from __future__ import annotations

import csv
import dataclasses
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from attnseg_training.config import TrainConfig, read_toml
from napari_attnseg.cards import ModelCard
from napari_attnseg.checkpoints import save_checkpoint
from napari_attnseg.errors import CheckpointError, InputError
from napari_attnseg.saving import write_bytes, write_text


@dataclass(frozen=True, slots=True)
class LogRow:
    """One epoch of ``log.csv``."""

    epoch: int
    loss: float
    val_loss: float
    val_dice: float
    val_iou: float
    lr: float
    seconds: float
    images_per_s: float


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run's files."""

    path: Path

    @property
    def cache(self) -> Path:
        """Tokens of a frozen encoder; removed when the run is done."""
        return self.path / "cache"

    @classmethod
    def open(cls, path: Path, config: TrainConfig, resume: bool) -> RunFolder:
        """New run, or the same one again.

        Raises
        ------
        InputError
            If the folder holds another run, or cannot be written.
        """
        settings = path / "config.toml"
        if resume:
            if not settings.is_file():
                raise InputError(
                    f"Expected a run to resume in {path}, but there is no config.toml; "
                    "leave --resume out to start one."
                )
            before = TrainConfig(**read_toml(settings))  # type: ignore[arg-type]
            changed = [
                f"{field.name} was {getattr(before, field.name)!r}, "
                f"is {getattr(config, field.name)!r}"
                for field in dataclasses.fields(config)
                # Where the data lie and what computes may change; what is computed not.
                if field.name
                not in ("cache", "data", "device", "encoder_weights", "init", "threads")
                and getattr(before, field.name) != getattr(config, field.name)
            ]
            if changed:
                raise InputError(
                    f"The run in {path} has other settings ({'; '.join(changed)}); "
                    "resume it with its own, or choose another --out."
                )
        elif settings.is_file():
            raise InputError(
                f"There is already a run in {path}; add --resume to go on with it, or "
                "choose another --out."
            )
        write_text(settings, config.to_toml())
        return cls(path)

    def rows(self) -> list[LogRow]:
        """Epochs logged so far."""
        log = self.path / "log.csv"
        if not log.is_file():
            return []
        with log.open(newline="") as file:
            return [
                LogRow(int(row.pop("epoch")), **{k: float(v) for k, v in row.items()})
                for row in csv.DictReader(file)
            ]

    def load_state(self, device: str) -> dict[str, Any] | None:
        """Training state of the last finished epoch; None if there is none."""
        path = self.path / "state.pt"
        if not path.is_file():
            return None
        try:
            state: dict[str, Any] = torch.load(
                path, map_location=device, weights_only=True
            )
        except Exception as error:  # torch raises many kinds for a damaged file
            raise CheckpointError(
                f"The training state in {path} is damaged ({type(error).__name__}); "
                "start again in another --out."
            ) from error
        return state

    def save(
        self,
        weights: dict[str, Tensor],
        card: ModelCard,
        best: bool,
        state: dict[str, Any],
        rows: list[LogRow],
    ) -> None:
        """Write one finished epoch.

        Raises
        ------
        InputError
            If the disk is full or not writable; files of earlier epochs stay.
        """
        from attnseg_training.curves import curves_png

        buffer = io.BytesIO()
        torch.save(state, buffer)
        text = io.StringIO()
        writer = csv.DictWriter(text, [f.name for f in dataclasses.fields(LogRow)])
        writer.writeheader()
        writer.writerows(dataclasses.asdict(row) for row in rows)
        if best:
            save_checkpoint(self.path / "best.safetensors", weights, card)
        save_checkpoint(self.path / "last.safetensors", weights, card)
        write_text(self.path / "log.csv", text.getvalue())
        write_bytes(self.path / "state.pt", buffer.getvalue())
        write_bytes(self.path / "curves.png", curves_png(rows))
