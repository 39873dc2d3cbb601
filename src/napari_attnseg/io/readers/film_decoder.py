"""Decode the frames of a film one after another, from its start or from a key frame."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from napari_attnseg.io.readers.film_damage import STRICT, is_blank
from napari_attnseg.io.readers.film_times import from_key

#: Later than every time stamp.
LAST = 2**63


class FilmDecoder:
    """An open film whose frames come in the order in which they are shown.

    Parameters
    ----------
    av : module
        PyAV.
    path : Path

    Attributes
    ----------
    container : av.container.InputContainer
        The open file.
    broken : bool
        Whether the decoder has met damage; it still holds some frames then.

    Raises
    ------
    av.FFmpegError, OSError
        If the file cannot be opened.
    """

    def __init__(self, av: Any, path: Path) -> None:
        self._av, self._path = av, path
        self.broken = False
        self.container = av.open(str(path))
        self._frames: Iterator[Any] = iter(())

    @property
    def stream(self) -> Any:
        """The first stream of pictures."""
        return self.container.streams.video[0]

    def start(self) -> None:
        """Begin with the first frame of a file that was just opened."""
        stream = self.stream
        stream.thread_type = "AUTO"
        if stream.codec_context.name in STRICT:
            stream.codec_context.options = {"err_detect": "explode"}
        packets = self.container.demux(stream)
        # Of other formats, all frames that the header counts can be decoded.
        self._frames = self._whole(packets if stream.frames else from_key(packets))

    def start_again(self) -> int:
        """Open the file anew, as some formats do not find their first frame by time.

        Returns what `seek` returns: a time stamp before that of every frame.
        """
        self.container.close()
        self.container = self._av.open(str(self._path))
        self.start()
        return -LAST

    def seek(self, stamp: int, keys: Sequence[tuple[int, int]]) -> int:
        """Go to a key frame from which the frame of a time stamp can be decoded.

        Parameters
        ----------
        stamp : int
        keys : sequence of (int, int)
            As in `FrameTimes`.

        Returns
        -------
        int
            Time stamp of the first frame from there on that is whole.
        """
        at = bisect_right(keys, (stamp, LAST)) - 1
        # MPEG-TS looks for the time of decoding, which is not after that of showing.
        key = min(keys[at]) if at >= 0 else stamp
        self.container.seek(key, stream=self.stream, backward=True)
        packets = self.container.demux(self.stream)
        with suppress(self._av.FFmpegError, OSError):
            # Some formats find a place near that time, not a key frame.
            first = next((one for one in packets if one.is_keyframe), None)
            if first is not None and first.pts is not None and first.pts <= stamp:
                self._frames = self._whole(chain([first], packets), first.pts)
                return int(first.pts)
        return self.start_again()

    def following(self) -> Any | None:
        """The next frame; None at the end, or where the file is damaged."""
        return next(self._frames, None)

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    def _whole(self, packets: Iterator[Any], start: int = -LAST) -> Iterator[Any]:
        """Frames of packets, up to the end or to where the file is damaged.

        Those that are shown before a key frame at `start` may need others.
        """
        for frame in self._decoded(packets):
            early = frame.pts is not None and frame.pts < start
            if frame.is_corrupt and not early:
                return
            yield frame

    def _decoded(self, packets: Iterator[Any]) -> Iterator[Any]:
        decoder = self.stream.codec_context
        try:
            for packet in packets:
                # Cut short: what came before is still in the decoder.
                self.broken = packet.is_corrupt or is_blank(packet, decoder)
                if self.broken:
                    break
                yield from decoder.decode(packet)
        except (self._av.FFmpegError, OSError):
            self.broken = True
        with suppress(self._av.FFmpegError, OSError):
            yield from decoder.decode(None)
