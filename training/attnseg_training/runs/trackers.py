"""Optional logging to an experiment tracker that accelerate supports."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_attnseg.errors import InputError, UnknownNameError

logger = logging.getLogger(__name__)

#: Name of the project for trackers that need one.
PROJECT = "napari-attnseg"

Log = Callable[[dict[str, float], int], None]


def check_tracker(name: str) -> None:
    """Check that a tracker can be used here; ``""`` means no tracker.

    Raises
    ------
    UnknownNameError
        If accelerate supports no tracker of that name.
    InputError
        If its package is not installed.
    """
    if not name:
        return
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers
    from accelerate.utils import LoggerType

    if name not in LOGGER_TYPE_TO_CLASS:
        raise UnknownNameError.for_name("tracker", name, list(LOGGER_TYPE_TO_CLASS))
    known = {str(kind) for kind in LoggerType}
    if name in known and name not in {str(kind) for kind in get_available_trackers()}:
        raise InputError(
            f"The tracker {name!r} needs a package that is not installed; install it "
            f"(pip install {name.replace('_', '-')}), or leave --tracker out: "
            "log.csv and curves.png are always written."
        )


@contextmanager
def tracker(name: str, folder: Path, settings: dict[str, Any]) -> Iterator[Log]:
    """Yield a function that logs the numbers of an epoch to a tracker.

    Files of the tracker are written to ``tracker/`` in `folder`. If the tracker fails
    later, for example because its server is unreachable, there is a warning and the
    run continues without it.
    """
    if not name:
        yield lambda values, epoch: None
        return
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    kind = LOGGER_TYPE_TO_CLASS[name]
    where = (str(folder / "tracker"),) if kind.requires_logging_directory else ()
    working = True

    def attempt(method: str, *values: object) -> None:
        nonlocal working
        if not working:
            return
        try:
            getattr(made, method)(*values)
        except Exception as error:  # each tracker has its own kinds
            working = False
            logger.warning(
                "The tracker %r failed (%s: %s) and gets nothing more; the run goes "
                "on.",
                name,
                type(error).__name__,
                error,
            )

    made = kind(PROJECT, *where)
    attempt("start")
    attempt("store_init_configuration", {k: _plain(v) for k, v in settings.items()})
    try:
        yield lambda values, epoch: attempt("log", values, epoch)
    finally:
        attempt("finish")


def _plain(value: object) -> object:
    return value if isinstance(value, (bool, int, float, str)) else str(value)
