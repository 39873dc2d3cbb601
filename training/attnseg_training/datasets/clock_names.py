"""Tell names of masks that are times of a film, such as ``film_00m01s.png``."""

from __future__ import annotations

import re

#: What follows the last number of a name: its unit of time.
_UNIT = re.compile(
    r" ?(h|m|s|ms)(?![a-z])|"
    r"[ _-]?(hrs?|hours?|mins?|minutes?|secs?|seconds?|sek|msecs?|millis)(?![a-z])",
    re.I,
)
#: Ends of what goes up to the last number: numbers with units before it, as VLC writes
#: milliseconds (12h03m22s012). A letter before them is another thing (p01s12).
_AFTER_UNITS = re.compile(
    r"(?<![a-z\d])(\d+[hms][ _-]?)*\d+[hms][.,]?\d+|(?<![a-z\d.])\d+[.,]\d{1,3}", re.I
)
#: Hours, minutes and seconds, and perhaps milliseconds.
_CLOCK = re.compile(r"(?<!\d)([01]\d|2[0-3])([-_.:꞉])[0-5]\d\2[0-5]\d([-_.,]\d{3})?")


def is_a_time(before: str, number: str, after: str) -> bool:
    """Whether a name is a time rather than the number of a frame.

    Parameters
    ----------
    before, number, after : str
        The last number of a name without its suffix, and what is around it.
    """
    to_number = before + number
    return bool(
        _UNIT.match(after)
        or any(
            hit.end() == len(to_number)
            for one in (_AFTER_UNITS, _CLOCK)
            for hit in one.finditer(to_number)
        )
    )
