"""Times of all frames of a film, without decoding any, and signs that it is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers.film_ends import ends_early
from napari_attnseg.io.readers.film_joins import ADVICE

#: Formats of which a header that was written at the end says how long the film is.
_SAY_LENGTH = ("matroska,webm", "asf")
#: Steps from this multiple of the usual one on may hold frames that are missing.
_GAP = 2.5
#: The same where a film ends early, and the most frames that a codec reorders.
LATE, _REORDERED = 1.5, 16
#: Share of even steps from which on a film is taken for one of a constant rate, and how
#: much of the usual one they may differ.
_EVEN, _NEAR = 0.9, 0.1
#: Frames of a film whose rate can be told.
_SOME = 8
#: Frames in which the first key frame of a film that was cut comes: some ten seconds.
_WAIT = 600


class NoTimesError(InputError):
    """A film of which some frames have no time of their own."""


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """Times of the frames of a film, in its unit.

    Attributes
    ----------
    stamps : list of int
        Time stamp of each frame, rising.
    keys : list of (int, int)
        Times at which each key frame is shown and decoded, rising.
    doubtful : int or None
        Number of the first frame that may be damaged, or behind which frames may be
        missing; None: no sign of damage.
    left_out : int
        Number of frames before the first one that can be decoded; the others are
        counted from there.
    """

    stamps: list[int]
    keys: list[tuple[int, int]]
    doubtful: int | None
    left_out: int = 0


def frame_times(av: Any, path: Path, first: int | None = None) -> FrameTimes:
    """Read the times of all frames of a film.

    Parameters
    ----------
    av : module
        PyAV.
    path : Path
    first : int, optional
        Time of the first frame that the decoder gives. Of a film that was cut between
        key frames, as by recorders, it gives none before the first key frame.

    Raises
    ------
    NoTimesError
        If a frame has no time of its own.
    """
    stamps: list[int] = []
    keys: list[tuple[int, int]] = []
    damaged: list[int] = []
    without, discarded, end = 0, 0, 0.0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        counted = not stream.frames
        # Sound may end after the pictures.
        packets = container.demux() if counted else container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError):
                damaged.append(stamps[-1] if stamps else 0)
                break
            if packet is None:
                break
            stamp = packet.pts
            if stamp is not None and packet.size:
                last = stamp + (packet.duration or 0)
                end = max(end, float(last * packet.time_base))
            if packet.stream_index != stream.index:
                continue
            if stamp is None or packet.is_discard:
                without += stamp is None and packet.size > 0
                discarded += packet.is_discard
                continue
            if packet.is_corrupt or not (stamps or packet.is_keyframe):
                damaged.append(stamp)
            stamps.append(stamp)
            if packet.is_keyframe:
                keys.append((stamp, stamp if packet.dts is None else packet.dts))
        twice = len(stamps) - len(set(stamps))
        # Without a number of frames in the header, those with a time would be all.
        if twice or not stamps or (without and counted):
            raise NoTimesError(
                f"Expected a time stamp for each frame of {path.name}, but "
                f"{twice} occur twice and {without} are missing; "
                + (f"if films were joined in it, {ADVICE}; else " if twice else "")
                + "convert it to MP4, or record or copy it again if it is damaged."
            )
        stamps.sort()
        left_out = 0
        if counted and first is not None:
            left_out = sum(one < first for one in stamps)
            stamps = stamps[left_out:]
            damaged = [one for one in damaged if one >= first]
        doubtful = [stamps.index(one) for one in damaged]
        second = float(1 / stream.time_base)
        if counted:  # else what is decoded is compared with the header's number
            said = container.duration
            length = said / av.time_base - end if said else 0
            kind = container.format.name
            more = length * second if kind in _SAY_LENGTH else 0
            doubtful += _doubtful(stamps, second, more, ends_early(path, kind))
        elif len(stamps) + discarded < stream.frames:
            # Cut short: frames stored behind others that are shown later are missing.
            stamps = stamps[: _doubtful(stamps, second)[-1] + 1]
    return FrameTimes(stamps, sorted(keys), min(doubtful, default=None), left_out)


def from_key(packets: Iterator[Any]) -> Iterator[Any]:
    """Packets from the first key frame on; all of them if it does not come soon.

    Some decoders make grey pictures of those before it.
    """
    before: list[Any] = []
    for packet in packets:
        before.append(packet)
        if packet.is_keyframe:
            before = [packet]
            break
        if len(before) == _WAIT:
            break
    yield from before
    yield from packets


def _doubtful(
    stamps: list[int], second: float, more: float = 0, early: bool = True
) -> list[int]:
    """Frames behind which others may be missing.

    Parameters
    ----------
    stamps : list of int
        Times of the frames, rising.
    second : float
        One second in the unit of these times, for one that has a single frame.
    more : float
        Time behind the last packet that the header promises.
    early : bool
        Whether the file ends early.
    """
    steps = [b - a for a, b in pairwise(stamps)]
    usual = median(steps) if steps else second
    near = sum(abs(one - usual) <= max(1, _NEAR * usual) for one in steps)
    even = near >= _EVEN * len(steps)
    found: list[int] = []
    if even and len(stamps) >= _SOME:
        found += [i for i, one in enumerate(steps) if one > _GAP * usual][:1]
    if early or (even and more > _GAP * usual):
        # Of the last frames, those shown before others may be stored later.
        last = range(max(len(steps) - _REORDERED, 0), len(steps))
        late = [i for i in last if steps[i] > LATE * usual]
        found += late[:1] or [len(steps)]
    return found
