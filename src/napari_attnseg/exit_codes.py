"""Exit codes and last messages of both command lines."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from napari_attnseg.errors import AttnSegError
from napari_attnseg.threads import wait_passively

SOME_FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130


def main_for(app: typer.Typer) -> Callable[[], None]:
    """Make the entry point of a typer app, with the exit codes of this project.

    0: done. 1: some inputs failed (``raise typer.Exit(1)``). 2: wrong use, or nothing
    could be done; an `AttnSegError` is printed on stderr as one sentence, without a
    traceback. 130: interrupted by Ctrl-C.

    The threads of torch wait passively in the process of a command; see `threads`.
    """

    def main() -> None:
        wait_passively()
        try:
            app()
        except AttnSegError as error:
            print(error, file=sys.stderr)
            sys.exit(WRONG_USE)
        except SystemExit as stop:
            if stop.code == INTERRUPTED:  # typer's answer to Ctrl-C
                print("Interrupted; what was finished is kept.", file=sys.stderr)
            raise

    return main
