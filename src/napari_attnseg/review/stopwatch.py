"""Time on a case, with the window active and with another one active."""

from __future__ import annotations

import time
from collections.abc import Callable


class Stopwatch:
    """Stopwatch that can be paused, on a monotonic clock.

    Parameters
    ----------
    now : callable
        Returns the seconds of a monotonic clock.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._active = self._away = 0.0
        self._since = now()
        self.paused = False

    def restart(self) -> None:
        """Begin at 0; if the stopwatch is paused, it stays paused."""
        self._active = self._away = 0.0
        self._since = self._now()

    def pause(self) -> None:
        """Count the following time as time away."""
        self._settle()
        self.paused = True

    def resume(self) -> None:
        """Count the following time as active time again."""
        self._settle()
        self.paused = False

    def _settle(self) -> None:
        now = self._now()
        if self.paused:
            self._away += now - self._since
        else:
            self._active += now - self._since
        self._since = now

    @property
    def facts(self) -> dict[str, float]:
        """Return active ``seconds`` and ``seconds_away``, for an event."""
        self._settle()
        return {"seconds": round(self._active, 3), "seconds_away": round(self._away, 3)}
