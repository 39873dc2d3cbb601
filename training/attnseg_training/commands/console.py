"""Terminal output: progress bars, tables and sentences of results."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from napari_attnseg.how_many import how_many
from napari_attnseg.io.folders import left_out_words
from napari_attnseg.metrics import METRICS

if TYPE_CHECKING:
    from attnseg_training.config import TrainConfig
    from attnseg_training.fit import fit
    from attnseg_training.fit.dry_run import Rehearsal
    from napari_attnseg import run_files

#: Progress and messages go to stderr; stdout is for scripts.
console = Console(stderr=True)
ON_ALL = (
    "Protocol 'all': the validation images are trained on too, so their Dice says "
    "little, and the last epoch is kept."
)


def _bars(width: int = 40, *more: ProgressColumn) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(width),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        *more,
        console=console,
    )


class FitBars:
    """Progress bars for the run and the epoch, in steps; a callback for `fit`.

    They appear with `show` or the first step, so errors before it show no bars. A line
    for each epoch stays on the screen, also without a terminal.
    """

    def __init__(self) -> None:
        self._progress = _bars(20, TextColumn("{task.fields[said]}"))
        self._run = self._progress.add_task("epoch", total=None, said="")
        self._epoch = self._progress.add_task("this epoch", total=None, said="")
        self._start: tuple[float, int] | None = None
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def show(self) -> None:
        """Show the bars, before the first step."""
        self._shown = True
        self._progress.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown:  # or it would print an empty line
            self._progress.stop()

    def __call__(self, now: run_files.Progress) -> None:
        """Move the bars."""
        self.show()
        done, total = (now.epoch - 1) * now.steps + now.step, now.epochs * now.steps
        if self._start is None:
            self._start = (time.monotonic(), done)
            # What an earlier session did says nothing about the speed of this one.
            self._progress.reset(self._run, total=total, completed=done)
        if now.dice is None:
            self._progress.update(
                self._run,
                completed=done,
                description=f"epoch {now.epoch}/{now.epochs}",
            )
            said = f"loss {now.loss:.3f}, {now.images_per_s:.1f} images/s"
            self._progress.update(
                self._epoch, total=now.steps, completed=now.step, said=said
            )
            return
        self._progress.update(self._run, said=f"Dice {now.dice:.4f}")
        images = "test" if now.protocol == "paper" else "validation"
        also = " (trained on)" if now.protocol == "all" else ""
        self._progress.console.print(
            f"epoch {now.epoch}/{now.epochs}: loss {now.loss:.4f}, {images} Dice "
            f"{now.dice:.4f}{also}, "
            f"{now.images_per_s:.1f} images/s{self._left(done, total)}",
            soft_wrap=True,
        )

    def _left(self, done: int, total: int) -> str:
        since, first = self._start or (0.0, 0)
        if done in (first, total):
            return ""
        left = (time.monotonic() - since) / (done - first) * (total - done)
        return f", {timedelta(seconds=round(left))} left"


@contextmanager
def counted(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function of (done, total) that shows and updates a progress bar.

    The bar appears with the first call, so that an earlier error shows no bar.
    """
    progress, shown = _bars(), False
    task = progress.add_task(what, total=None)

    def update(done: int, total: int) -> None:
        nonlocal shown
        shown = True
        progress.start()
        progress.update(task, completed=done, total=total)

    try:
        yield update
    finally:
        if shown:  # or it would print an empty line
            progress.stop()


def report_table(summary: dict[str, Any]) -> Table:
    """Table of an evaluation summary, one row per metric."""
    from attnseg_training.evaluation.report import measured_rows

    table = Table(
        title=f"{summary['dataset']}, split {summary['split']}, n = {summary['n']}"
    )
    for column in ("metric", "mean", "SD", "95 % interval"):
        table.add_column(column)
    for name, row in measured_rows(summary).items():
        sd = f"{row['sd']:.4f}" if "sd" in row else ""
        interval = f"{row['low']:.4f} – {row['high']:.4f}"
        if not math.isfinite(row["low"]):
            interval = "–"
        table.add_row(name, f"{row['mean']:.4f}", sd, interval)
    return table


def clicks_table(summary: dict[str, Any]) -> Table:
    """Table of a study of clicks, one row per way to correct."""
    table = Table(
        title=f"{summary['dataset']}, split {summary['split']}, n = {summary['n']}"
    )
    ways = summary["ways"]
    first = next(iter(ways.values()))
    columns = [f"Dice, {number} clicks" for number in first["dice"]]
    columns += [f"clicks for {wanted}" for wanted in first["clicks_needed"]]
    for column in ("", *columns):
        table.add_column(column)
    for name, way in ways.items():
        dice = [
            f"{one['mean']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"
            for one in way["dice"].values()
        ]
        needed = [
            f"{one['mean']:.1f} ({one['not_reached']} not)"
            for one in way["clicks_needed"].values()
        ]
        table.add_row(name, *dice, *needed)
    return table


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
            _p_words(row),
            f"{row['better']} / {row['worse']}",
        )
    return table


def _p_words(row: dict[str, Any]) -> str:
    if row["verdict"] == "too_few":
        return "no verdict"
    return "< 0.001" if row["wilcoxon_p"] < 1e-3 else f"{row['wilcoxon_p']:.3f}"


def result_words(result: fit.FitResult, config: TrainConfig) -> str:
    """Describe the result of a run, and which files of its data were left out."""
    others = left_out_words(result.left_out)
    return (
        f"{'Last' if config.on_all else 'Best'} Dice {result.best_dice:.4f} on "
        f"{config.measured(result.val)} (network resolution, averaged weights), epoch "
        f"{result.best_epoch}.{f' {others}.' if others else ''}"
    )


def rehearsal_words(found: Rehearsal, config: TrainConfig) -> str:
    """Describe the cost of a run in sentences."""
    epoch = found.steps * found.seconds
    memory = f"{found.memory / 2**30:.1f} GiB" if found.memory else "not known here"
    sentences = (
        f"{found.train} training and {config.measured(found.val)} at "
        f"{found.size}×{found.size} px.",
        f"{found.parameters:,} parameters, {found.trainable:,} of them trained.",
        f"On {found.device}: {found.seconds:.2f} s per step of "
        f"{how_many(config.batch, 'image')} (median of 3); "
        f"{how_many(found.steps, 'step')}, {epoch:.0f} s, per epoch without measuring; "
        f"{epoch * config.epochs / 60:.0f} min for {how_many(config.epochs, 'epoch')}.",
        f"Peak memory {memory}. Nothing was written.",
    )
    return "\n".join(sentences)


def speed_table(summary: dict[str, Any]) -> Table:
    """Table of a training benchmark, one row per way to train."""
    table = Table()
    for column in ("training loop", "images/s", "faster"):
        table.add_column(column)
    for way, speed in summary["images_per_s"].items():
        ratio = summary["ratio"].get(way)
        table.add_row(way, f"{speed:.2f}", f"{ratio:.1f}×" if ratio else "")
    return table


def speed_words(summary: dict[str, Any]) -> str:
    """Describe what was timed, and what it means for a whole run."""
    config = summary["config"]
    frozen = f", {' and '.join(config['freeze'])} frozen" if config["freeze"] else ""
    said = (
        f"{config['model']}{frozen}, on {summary['machine']}, {summary['threads']} "
        f"threads: median of {how_many(summary['rounds'], 'round')} of "
        f"{how_many(summary['steps_per_round'], 'step')} of "
        f"{how_many(config['batch'], 'image')}, in turns; "
        f"attnseg-train in {'bfloat16' if config['bf16'] else 'float32'}."
    )
    if "loader_share" in summary:  # earlier files do not tell
        said += f" Loading and augmenting take {summary['loader_share']:.1%} of a step."
    if len(summary["ratio"]) > 1:
        said += (
            f" All {config['epochs']} epochs together, of which the first "
            f"{config['views']} fill the cache: {summary['ratio_whole_run']:.1f}×."
        )
    return said
