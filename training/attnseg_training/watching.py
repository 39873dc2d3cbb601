"""What a person sees of long work on a terminal: bars, and tables of results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from napari_attnseg.metrics import METRICS

if TYPE_CHECKING:
    from attnseg_training import fit
    from attnseg_training.config import TrainConfig
    from attnseg_training.rehearsal import Rehearsal

#: Progress and words go to stderr; stdout is for what a script reads.
console = Console(stderr=True)


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )


class FitBars:
    """A bar for the run and one for the epoch; call it with `fit.Progress`."""

    def __init__(self) -> None:
        self._progress = _bars()
        self._run = self._progress.add_task("epochs", total=None)
        self._epoch = self._progress.add_task("steps", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, now: fit.Progress) -> None:
        """Move the bars; an epoch's end is printed as a line that stays."""
        if now.dice is None:
            done = now.epoch - 1 + now.step / now.steps
            self._progress.update(self._run, total=now.epochs, completed=done)
            self._progress.update(
                self._epoch,
                total=now.steps,
                completed=now.step,
                description=f"epoch {now.epoch}, loss {now.loss:.3f}",
            )
            return
        self._progress.update(self._run, completed=now.epoch)
        self._progress.console.print(
            f"epoch {now.epoch}/{now.epochs}: loss {now.loss:.4f}, "
            f"validation Dice {now.dice:.4f}"
        )


@contextmanager
def counted(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that is moved by calls of (done, total)."""
    with _bars() as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def report_table(summary: dict[str, Any]) -> Table:
    """Table of an evaluation summary, one row per metric."""
    table = Table(
        title=f"{summary['dataset']}, split {summary['split']}, n = {summary['n']}"
    )
    for column in ("metric", "mean", "SD", "95 % interval"):
        table.add_column(column)
    for metric in METRICS:
        row = summary[metric]
        table.add_row(
            metric,
            f"{row['mean']:.4f}",
            f"{row['sd']:.4f}",
            f"{row['low']:.4f} – {row['high']:.4f}",
        )
    # Of several classes the rows above are of any of them against background.
    for name, one in summary.get("by_class", {}).items():
        _dice_row(table, f"dice, {name} (in {one['present']})", one["dice"])
    if "mean_over_classes" in summary:
        over = summary["mean_over_classes"]["dice"]
        _dice_row(table, "dice, mean over classes", over)
    boundary = summary["calibration"]["boundary"]["ece"]
    others = {
        "hd95 (px)": summary["hd95"],
        "surface Dice": summary["nsd"],
        "worst tenth, Dice": summary["worst_decile"],
        "ECE at boundary": boundary,
    }
    for name, row in others.items():
        sd = f"{row['sd']:.4f}" if "sd" in row else ""
        interval = f"{row['low']:.4f} – {row['high']:.4f}"
        table.add_row(name, f"{row['mean']:.4f}", sd, interval)
    return table


def _dice_row(table: Table, name: str, row: dict[str, float]) -> None:
    interval = f"{row['low']:.4f} – {row['high']:.4f}"
    table.add_row(name, f"{row['mean']:.4f}", f"{row['sd']:.4f}", interval)


def paired_table(summary: dict[str, Any], first: str, second: str) -> Table:
    """Table of a paired comparison, one row per metric."""
    table = Table(title=f"the same images, n = {summary['n']}")
    columns = ("metric", first, second, "difference", "p", "better / worse")
    for column in columns:
        table.add_column(column)
    for metric in METRICS:
        row = summary[metric]
        change = row["difference"]
        table.add_row(
            metric,
            f"{row['first']['mean']:.4f}",
            f"{row['second']['mean']:.4f}",
            f"{change['mean']:+.4f} [{change['low']:+.4f}, {change['high']:+.4f}]",
            "< 0.001" if row["wilcoxon_p"] < 1e-3 else f"{row['wilcoxon_p']:.3f}",
            f"{row['better']} / {row['worse']}",
        )
    return table


def rehearsal_words(found: Rehearsal, config: TrainConfig) -> str:
    """What a run would cost, in sentences."""
    epoch = found.steps * found.seconds
    memory = f"{found.memory / 2**30:.1f} GiB" if found.memory else "not known here"
    sentences = (
        f"{found.train} training and {found.val} validation images at "
        f"{found.size}×{found.size} px.",
        f"{found.parameters:,} parameters, {found.trainable:,} of them trained.",
        f"On {found.device}: {found.seconds:.2f} s per step of {config.batch} images "
        f"(median of 3); {found.steps} steps, {epoch:.0f} s, per epoch without "
        f"validation; {epoch * config.epochs / 60:.0f} min for {config.epochs} epochs.",
        f"Peak memory {memory}. Nothing was written.",
    )
    return "\n".join(sentences)
