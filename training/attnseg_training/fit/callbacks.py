"""Callbacks of a run: `FitCallbacks`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from napari_attnseg.run_files import Watch
from napari_attnseg.spec import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class FitCallbacks:
    """Functions that a run calls; each does nothing unless it is given.

    Attributes
    ----------
    watch : callable
        Called after every step and every epoch.
    stopping : callable
        Called in a signal handler when a signal asks the run to stop, which it does
        after the current step.
    before_download : callable
        Called with the model, before weights of its encoders are downloaded.
    before_first_step : callable
        Called when everything is prepared. Errors of settings, data, weights or folder
        are raised before that.
    warn : callable
        Called before the first step, once for each finding in the data that does not
        stop the run or was allowed.
    """

    watch: Watch = lambda progress: None
    stopping: Callable[[], None] = lambda: None
    before_download: Callable[[ModelSpec], None] = lambda spec: None
    before_first_step: Callable[[], None] = lambda: None
    warn: Callable[[str], None] = lambda sentence: None


#: For a run that nobody watches.
SILENT = FitCallbacks()
