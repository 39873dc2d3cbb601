"""``fit``: train one model, and ``settings``: list the settings of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attnseg_training.commands.options import (
    Data,
    Given,
    configured,
    settings_line,
    with_settings,
)
from attnseg_training.config import TrainConfig
from attnseg_training.runs.continuation import continued
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.exit_codes import INTERRUPTED
from napari_attnseg.run_files import BEST_WEIGHTS, CONFIG_FILE
from napari_attnseg.usage import output_folder

if TYPE_CHECKING:
    from attnseg_training.runs.progress import ProgressFile
    from napari_attnseg.spec import ModelSpec


@with_settings()
def fit_command(
    data: Data,
    out: Annotated[
        Path,
        typer.Option(
            help="Run folder, for weights, log, curves and settings.",
            callback=output_folder,
        ),
    ],
    config: Annotated[
        str | None,
        typer.Option(
            help="Recipe (compact, compact-352 …) or TOML file; options override it."
        ),
    ] = None,
    *,
    given: Given,
    num_processes: Annotated[
        int,
        typer.Option(
            min=1,
            help="Number of processes that share each batch, each with its own "
            "GPU. For several machines, use accelerate launch.",
        ),
    ] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume from the last training state.")
    ] = False,
    train_on: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a finished run: continue training its best weights in "
            "the new folder --out, with its settings, except options that are "
            "given here."
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Do a few steps, report what the run would cost, and stop.",
        ),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print the report of --dry-run as JSON."),
    ] = False,
) -> None:
    """Train one model, whose best and last weights can be used in the napari widget.

    `attnseg-train settings` lists all settings, including those for TOML files only.
    """
    import os
    import time

    from attnseg_training.fit.distributed import started
    from attnseg_training.runs.progress import ProgressFile

    rank, _ = started()
    if as_json and not dry_run:
        raise InputError("--json prints the report of --dry-run; add --dry-run.")
    given = {"data": str(data.expanduser()), **given}
    if train_on is not None:
        if config or resume or "init" in given:
            raise InputError(
                "--train-on takes settings and weights of the earlier run; leave out "
                "--config, --init and --resume."
            )
        given = continued(train_on, given)
    # A resumed run keeps its own settings; only what is given here differs.
    own = out / CONFIG_FILE
    recipe = config or (own if resume and own.is_file() else None)
    if rank:  # only the main process reports
        from attnseg_training.fit.fit import fit

        try:
            fit(configured(recipe, given), out, resume)
        except KeyboardInterrupt:
            os._exit(INTERRUPTED)
        except AttnSegError:
            # The main process reports what all of them fail of, and then ends this one.
            time.sleep(2)
            raise
        return
    if dry_run:
        _rehearse(configured(recipe, given), as_json)
        return
    with ProgressFile(out) as progress:
        _train(configured(recipe, given), out, resume, num_processes, progress)


def _rehearse(run: TrainConfig, as_json: bool) -> None:
    import json

    from attnseg_training.commands.console import console, rehearsal_words
    from attnseg_training.fit.dry_run import rehearse

    found = rehearse(run, announce)
    if as_json:
        print(json.dumps(found.to_json(), indent=1))
        return
    _print_settings(run)
    console.print(rehearsal_words(found, run))


def _train(
    run: TrainConfig,
    out: Path,
    resume: bool,
    num_processes: int,
    progress: ProgressFile,
) -> None:
    import os
    import sys

    from attnseg_training.commands.console import ON_ALL, FitBars, console, result_words
    from attnseg_training.fit.distributed import launch, started

    _, count = started()
    if num_processes > 1 and count == 1:
        # The processes have reported it all, the status too.
        os._exit(launch(num_processes, sys.argv[1:], run))
    # Only now: who starts others does not need what takes seconds to import.
    from attnseg_training.fit.callbacks import FitCallbacks
    from attnseg_training.fit.fit import fit

    with FitBars() as bars:
        progress.watch = bars

        def begin() -> None:
            _print_settings(run)
            if run.on_all:
                console.print(ON_ALL)
            bars.show()
            progress.begin()

        callbacks = FitCallbacks(
            watch=progress,
            stopping=progress.stopping,
            before_download=announce,
            before_first_step=begin,
            warn=_warn,
        )
        result = fit(run, out, resume, callbacks)
    console.print(result_words(result, run))
    print(out / BEST_WEIGHTS)


def announce(spec: ModelSpec) -> None:
    """Print which weights are about to be downloaded."""
    from attnseg_training.commands.console import console
    from attnseg_training.fit.initial_weights import announce_download

    console.print(announce_download(spec))


def _warn(sentence: str) -> None:
    from attnseg_training.commands.console import console

    console.print(sentence, markup=False)


def _print_settings(run: TrainConfig) -> None:
    import dataclasses

    from attnseg_training.commands.console import console

    fields = dataclasses.fields(run)
    defaults = {field.name: field.default for field in fields if field.name != "data"}
    line = settings_line(dataclasses.asdict(run), defaults)
    console.print(f"Training settings: {line}; all others as by default")


def settings_command(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON instead of a Markdown table.")
    ] = False,
) -> None:
    """List all settings of a training run: type, range, unit, default and option."""
    import json

    from attnseg_training.settings import reference, reference_markdown

    rows = reference(TrainConfig)
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        print(reference_markdown(rows), end="")
