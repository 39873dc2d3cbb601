"""Estimate how long a run takes, and the time left. No Qt."""

from __future__ import annotations

import time

#: Seconds: a shorter run needs no word on how long it takes.
WORTH_SAYING = 10.0
#: Seconds of one image through the network, until a run here has shown better.
_CPU, _GPU = 1.6, 0.05
#: Device → seconds of one image, as the last run here took.
_MEASURED: dict[str, float] = {}


def expected_seconds(passes: int, device: str) -> float:
    """Expected seconds of a run with this number of passes through the network."""
    guess = _GPU if device.startswith(("cuda", "mps")) else _CPU
    return passes * _MEASURED.get(device, guess)


class Pace:
    """Progress of one run, and the time left.

    Parameters
    ----------
    decodings : int
        How often the network is decoded until the end, about.
    passes : int
        How many images go through the network, about.
    device : str
        Compute device.
    """

    def __init__(self, decodings: int, passes: int, device: str) -> None:
        self._decodings, self._passes, self._device = decodings, passes, device
        self._done = 0
        self._started: float | None = None

    def decoded(self) -> None:
        """Count the start of one more decoding; the first one starts the clock."""
        if self._started is None:
            self._started = time.monotonic()
        else:
            self._done += 1

    def seconds_left(self) -> float:
        """Seconds until the end; 0 if the run takes longer than expected."""
        passed = 0.0 if self._started is None else time.monotonic() - self._started
        if self._done < 2:  # the first one is not like the others
            return max(expected_seconds(self._passes, self._device) - passed, 0.0)
        return max(passed / self._done * (self._decodings - self._done), 0.0)

    def finished(self) -> None:
        """Remember how long it took, for the next run on this device."""
        if self._started is not None and self._decodings > 3:
            took = time.monotonic() - self._started
            _MEASURED[self._device] = took / self._passes


def time_words(seconds: float) -> str:
    """Format a duration in seconds for people."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds // 3600:.0f} h {seconds % 3600 / 60:.0f} min"
