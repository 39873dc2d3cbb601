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
        About how many decodings the run takes; the first one, for the image itself, is
        faster than the others.
    passes : int
        About how many images go through the network.
    device : str
        Compute device.
    """

    def __init__(self, decodings: int, passes: int, device: str) -> None:
        self._decodings, self._passes, self._device = decodings, passes, device
        #: When each decoding began.
        self._began: list[float] = []

    def decoded(self) -> None:
        """Count the start of one more decoding; the first one starts the clock."""
        self._began.append(time.monotonic())

    def seconds_left(self) -> float:
        """Seconds until the end; 0 if more decodings were counted than expected.

        If the present decoding already takes longer than those before, the estimate
        expects the same of all that follow.
        """
        expected = expected_seconds(self._passes, self._device)
        if not self._began:
            return expected
        passed = time.monotonic() - self._began[-1]
        done = len(self._began) - 1
        if not done:
            return max(expected - passed, 0.0)
        each = expected / max(self._decodings - 1, 1)
        if done > 1:
            each = (self._began[-1] - self._began[1]) / (done - 1)
        left = max(each, passed) * (self._decodings - done) - passed
        return max(left, 0.0)

    def finished(self) -> None:
        """Remember how long the run took, for the next run on this device."""
        if self._began and self._decodings > 3:
            took = time.monotonic() - self._began[0]
            _MEASURED[self._device] = took / self._passes


def time_words(seconds: float) -> str:
    """Format a duration in seconds as words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds // 3600:.0f} h {seconds % 3600 / 60:.0f} min"
