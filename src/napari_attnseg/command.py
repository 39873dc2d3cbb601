"""One way to end a command: exit codes and messages of both command lines."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
import typer

from napari_attnseg.errors import AttnSegError

DONE, SOME_FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130


def main_for(app: typer.Typer) -> Callable[[], None]:
    """Entry point of a typer app with this project's exit codes.

    0 done; 1 some inputs failed (``raise typer.Exit(1)``); 2 wrong use or nothing could
    be done: an `AttnSegError` is one sentence on stderr, without a traceback; 130
    interrupted by Ctrl-C.
    """

    def main() -> None:
        try:
            code = app(standalone_mode=False)
        except AttnSegError as error:
            sys.exit(_fail(str(error), WRONG_USE))
        except click.ClickException as error:
            error.show()
            sys.exit(WRONG_USE)
        except (click.Abort, KeyboardInterrupt):
            sys.exit(_fail("Interrupted; what was finished is kept.", INTERRUPTED))
        sys.exit(code if isinstance(code, int) else DONE)

    return main


def _fail(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code
