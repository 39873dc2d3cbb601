"""Graceful shutdown: SIGINT and SIGTERM take effect between training steps."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

logger = logging.getLogger(__name__)

#: Ctrl-C, and what batch systems send before they kill.
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class GracefulShutdown:
    """Record the first signal in `requested`; a second one interrupts at once.

    Outside the main thread, where Python handles no signals, it does nothing.

    Parameters
    ----------
    notify : callable, optional
        Called in the signal handler when the first signal arrives.
    """

    def __init__(self, notify: Callable[[], None] = lambda: None) -> None:
        self.requested = False
        self._notify = notify
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._before[number] = signal.signal(number, self._request)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        logger.warning("Stopping after this step; once more stops at once.")
        self._notify()
