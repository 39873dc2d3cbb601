"""Video: MP4, AVI, Matroska, MPEG and others through PyAV, a frame at a time.

Frames are numbered in the order in which they are shown. Seeking to a frame needs its
time stamp. All time stamps are listed, without decoding, when a frame is asked for that
does not follow the last one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers.avi import expect_whole_avi
from napari_attnseg.io.readers.facts import (
    DAMAGED_FROM,
    LEFT_OUT_AT_START,
    Assumed,
    FileFacts,
    FrameAxis,
    NotUsed,
)
from napari_attnseg.io.readers.film_damage import STRICT, is_blank
from napari_attnseg.io.readers.film_joins import expect_one_film
from napari_attnseg.io.readers.film_kinds import expect_sdr
from napari_attnseg.io.readers.film_times import (
    LATE,
    FrameTimes,
    frame_times,
    from_key,
)
from napari_attnseg.io.readers.formats import FileFormat
from napari_attnseg.io.readers.frames import Frames

#: Videos of at least so many rows that do not say how colours are stored are BT.709.
HIGH_DEFINITION = 720
#: ``AVColorSpace`` of FFmpeg: BT.709, and not said.
_BT709, _UNSPECIFIED = 1, 2
#: Frames that are decoded on the way to one that comes later, rather than to seek.
_ONWARD = 24
#: ``AVFMT_NOTIMESTAMPS`` of FFmpeg: a format that does not store times.
_NO_TIMES = 0x80
#: Formats in which times after a jump are guessed: frames are counted from the start.
_NO_JUMPS = ("mpeg", "asf")
#: Later than every time stamp.
_LAST = 2**63


class VideoFrames(Frames):
    """Frames of a video.

    Parameters
    ----------
    path : Path
    name : str
        Name for messages.

    Raises
    ------
    InputError
        If PyAV is missing or cannot decode the file as a video, its colours are HDR,
        or it holds several films one after another.
    """

    def __init__(self, path: Path, name: str) -> None:
        try:
            import av
        except ImportError as error:
            raise InputError(
                f"Reading {name} needs PyAV, which is not installed; run "
                'pip install "napari-attnseg[video]", or save its frames as PNG.'
            ) from error
        self._path, self._av = path, av
        self._times: FrameTimes | None = None
        #: Time stamp of frame 0, which is decoded first.
        self._first: int | None = None
        #: Whether the decoder has met damage; it still holds some frames then.
        self._broken = False
        #: Number of the frame that the decoder gives next; None: not known.
        self._next: int | None = 0
        try:
            self._container = av.open(str(path))
        except (self._av.FFmpegError, OSError) as error:
            raise self._unreadable(name, error) from error
        try:
            streams = self._container.streams.video
            if not streams:
                raise InputError(f"{name} holds no pictures; expected a video.")
            self._stream = streams[0]
            if int(self._container.format.flags) & _NO_TIMES:
                raise InputError(
                    f"Expected a film that says when each frame is shown, but {name} "
                    "is a bare stream of pictures; convert it to MP4."
                )
            expect_one_film(path, name, self._container.format.name)
            self._finds = self._container.format.name not in _NO_JUMPS
            if self._container.format.name == "avi":
                expect_whole_avi(path, self._stream, lambda: len(self._time_stamps()))
            self._frames = self._decoder()
            first = next(self._frames, None)
            if first is None:
                raise InputError(
                    f"{name} cannot be read as a video (no whole frame at its start): "
                    "it is cut short, or damaged; record or copy it again, or convert "
                    "it to MP4 if it is whole."
                )
            expect_sdr(name, self._stream.codec_context)
        except InputError:
            self._container.close()
            raise
        except (self._av.FFmpegError, OSError) as error:
            self._container.close()
            raise self._unreadable(name, error) from error
        self._first = first.pts
        #: Time stamps of frames that were decoded.
        self._seen: dict[int, int] = {0: first.pts or 0}
        self._mirrored, self._turns = _shown(first)
        self._next = 1
        super().__init__(name, self._described(first))
        self._keep(0, self._pixels(first))

    @staticmethod
    def _unreadable(name: str, error: BaseException) -> InputError:
        reason = getattr(error, "strerror", None) or str(error) or "no frame in it"
        return InputError(
            f"{name} cannot be read as a video ({reason}); expected a whole film that "
            "FFmpeg decodes, such as MP4: replace it."
        )

    def _described(self, first: Any) -> FileFacts:
        stream = self._stream
        kind = first.format
        grey = kind.name.startswith("gray")
        took: list[Assumed] = []
        left: list[NotUsed] = []
        if not grey and not kind.is_rgb and int(first.colorspace) == _UNSPECIFIED:
            took.append(Assumed.COLOUR_MATRIX)
        if max(part.bits for part in kind.components) > 8:
            left.append(NotUsed.BITS)
        if self._container.streams.audio:
            left.append(NotUsed.SOUND)
        if len(self._container.streams.video) > 1:
            left.append(NotUsed.OTHER_STREAMS)
        if first.interlaced_frame:
            left.append(NotUsed.INTERLACED)
        height, width = first.height, first.width
        ratio = stream.sample_aspect_ratio or Fraction(1)
        shape = (1.0, float(ratio)) if ratio > 0 and ratio != 1 else None
        if self._turns % 2:
            height, width = width, height
            shape = shape and shape[::-1]
        # What was trimmed away is counted too; some containers do not count.
        trimmed = sum(bool(one.is_discard) for one in stream.index_entries)
        count = max(stream.frames - trimmed, 0) or len(self._time_stamps())
        doubtful = None if self._times is None else self._times.doubtful
        if doubtful is not None:
            left.append(NotUsed.DAMAGED)
        left_out = 0 if self._times is None else self._times.left_out
        if left_out:
            left.append(NotUsed.START)
        said = {
            "codec": stream.codec_context.name,
            "pixel_format": kind.name,
            "rotation": 90 * self._turns,
            "mirrored": self._mirrored,
            "frame_rate": float(stream.average_rate) if stream.average_rate else None,
            "lossy": bool(stream.codec_context.codec.lossy),
        }
        said |= {} if doubtful is None else {DAMAGED_FROM: doubtful}
        said |= {LEFT_OUT_AT_START: left_out} if left_out else {}
        return FileFacts(
            FileFormat.VIDEO,
            count,
            height,
            width,
            1 if grey else 3,
            FrameAxis.TIME,
            spacing=shape,
            said=said,
            assumed=tuple(took),
            not_used=tuple(left),
        )

    @property
    def times(self) -> tuple[float, ...]:
        """Time of each frame, in seconds from the first; reads all time stamps."""
        stamps, base = self._time_stamps(), self._base
        return tuple(float((one - stamps[0]) * base) for one in stamps)

    @property
    def step(self) -> float | None:
        """Mean distance of the frames in seconds, computed from their own times.

        If the file has no such times, the distance follows from the frame rate in the
        header.
        """
        try:
            stamps = self._time_stamps()
        except (InputError, self._av.FFmpegError, OSError):
            return self.facts.step
        if len(stamps) < 2:
            return self.facts.step
        return float((stamps[-1] - stamps[0]) * self._base / (len(stamps) - 1))

    def place_of(self, index: int) -> float | None:
        """Seconds from the first frame; may read the file to find the time stamp."""
        if index in self._seen:
            return float((self._seen[index] - self._seen[0]) * self._base)
        stamps = self._time_stamps()
        if index >= len(stamps):
            raise self._ended(len(stamps))
        return float((stamps[index] - stamps[0]) * self._base)

    @property
    def _base(self) -> Fraction:
        return Fraction(self._stream.time_base or 1)

    def _time_stamps(self) -> list[int]:
        """Time stamp of each frame, in order; without decoding any.

        The file is opened once more: the decoder's place is not to be moved.
        """
        if self._times is None:
            self._times = frame_times(self._av, self._path, self._first)
        return self._times.stamps

    def _frame(self, index: int) -> NDArray[Any]:
        if self._next is not None and 0 <= index - self._next <= _ONWARD:
            while self._next < index:
                self._decode_next()
            return self._pixels(self._decode_next())
        stamps = self._time_stamps()
        if index >= len(stamps):
            raise self._ended(len(stamps))
        if not self._finds:
            if self._next is None or index < self._next:
                self._start_again()
                self._next = 0
            while self._next < index:
                self._decode_next()
            return self._pixels(self._decode_next())
        return self._decode_to(index, stamps, self._seek(stamps[index]))

    def _decode_next(self) -> Any:
        """The frame that follows in the order in which they are shown."""
        assert self._next is not None
        found = next(self._frames, None)
        if found is None:
            raise self._ended(self._next)
        if found.pts is not None:
            if self._broken and self._is_late(found.pts):
                raise self._ended(self._next)
            self._expect_in_order(found.pts)
            self._seen[self._next] = found.pts
        self._next += 1
        return found

    def _is_late(self, stamp: int) -> bool:
        """Whether frames before the next one are missing, by the usual rate."""
        last = self._seen.get((self._next or 0) - 1, stamp)
        rate = self._stream.average_rate
        return bool(rate) and stamp - last > LATE / rate / self._base

    def _expect_in_order(self, stamp: int) -> None:
        """Refuse a file whose frames do not come at the times that were listed.

        So it is with parts that were joined and count their times anew, with frames
        that cannot be decoded, and with fields that are stored one by one.
        """
        if self._times is None or self._next is None:
            return
        if self._next >= len(self._times.stamps):
            raise self._ended(self._next)
        if self._times.stamps[self._next] != stamp:
            raise InputError(
                f"Expected frames in the order of their times in {self.name}, but "
                f"frame {self._next} has another time than the file lists; it may be "
                "damaged from there on: record or copy it again, or convert it to MP4 "
                "if it is whole."
            )

    def _seek(self, stamp: int) -> int:
        """Go to a key frame from which the frame of a time stamp can be decoded.

        Returns the time stamp of the first frame from there on that is whole.
        """
        keys = [] if self._times is None else self._times.keys
        at = bisect_right(keys, (stamp, _LAST)) - 1
        self._next = None
        # MPEG-TS looks for the time of decoding, which is not after that of showing.
        key = min(keys[at]) if at >= 0 else stamp
        self._container.seek(key, stream=self._stream, backward=True)
        packets = self._container.demux(self._stream)
        with suppress(self._av.FFmpegError, OSError):
            # Some formats find a place near that time, not a key frame.
            first = next((one for one in packets if one.is_keyframe), None)
            if first is not None and first.pts is not None and first.pts <= stamp:
                self._frames = self._decoding(chain([first], packets), first.pts)
                return int(first.pts)
        return self._start_again()

    def _start_again(self) -> int:
        """Open the file anew, as some formats do not find their first frame by time."""
        self._container.close()
        self._container = self._av.open(str(self._path))
        self._stream = self._container.streams.video[0]
        self._frames = self._decoder()
        return -_LAST

    def _decode_to(self, index: int, stamps: list[int], start: int) -> NDArray[Any]:
        wanted, tried = stamps[index], False
        while True:
            found = next(self._frames, None)
            if found is not None and found.pts is not None and found.pts < wanted:
                # Who goes back a frame at a time gets it from what was kept. Frames
                # shown before the key frame may need others from before it.
                if found.pts >= start:
                    place = bisect_right(stamps, found.pts) - 1
                    self._keep(place, self._pixels(found))
                continue
            if found is not None and found.pts == wanted:
                self._seen[index], self._next = wanted, index + 1
                return self._pixels(found)
            if tried:
                raise self._ended(index)
            # The key frame was none, or frames before it are missing: from the start.
            tried = True
            self._next = None
            start = self._start_again()

    def _decoder(self) -> Iterator[Any]:
        """Frames from the start, of a stream that was just opened."""
        self._stream.thread_type = "AUTO"
        if self._stream.codec_context.name in STRICT:
            self._stream.codec_context.options = {"err_detect": "explode"}
        packets = self._container.demux(self._stream)
        # Of other formats, all frames that the header counts can be decoded.
        return self._decoding(packets if self._stream.frames else from_key(packets))

    def _decoding(self, packets: Iterator[Any], start: int = -_LAST) -> Iterator[Any]:
        """Frames of packets, up to the end or to where the file is damaged.

        Those that are shown before a key frame at `start` may need others.
        """
        for frame in self._decoded(packets):
            early = frame.pts is not None and frame.pts < start
            if frame.is_corrupt and not early:
                return
            yield frame

    def _decoded(self, packets: Iterator[Any]) -> Iterator[Any]:
        decoder = self._stream.codec_context
        try:
            for packet in packets:
                # Cut short: what came before is still in the decoder.
                self._broken = packet.is_corrupt or is_blank(packet, decoder)
                if self._broken:
                    break
                yield from decoder.decode(packet)
        except (self._av.FFmpegError, OSError):
            self._broken = True
        with suppress(self._av.FFmpegError, OSError):
            yield from decoder.decode(None)

    def _ended(self, index: int) -> InputError:
        self._next = None
        return InputError(
            f"{self.name} ends before frame {index}, and is said to have "
            f"{self.facts.frames}; it is cut short, or damaged inside, and then the "
            "last frames before that place may be damaged too, and those behind it "
            "have wrong numbers and times: record or copy it again."
        )

    def _pixels(self, frame: Any) -> NDArray[Any]:
        if self.facts.channels == 1:
            values = frame.to_ndarray(format="gray")
        else:
            # What is not said, FFmpeg takes for BT.601.
            high = frame.height >= HIGH_DEFINITION
            said = int(frame.colorspace) != _UNSPECIFIED
            matrix = _BT709 if high and not said else None
            values = frame.reformat(
                format="rgb24", src_colorspace=matrix, dst_colorspace=matrix
            ).to_ndarray()
        if self._mirrored:
            values = values[:, ::-1]
        turned = np.rot90(values, self._turns)
        return np.ascontiguousarray(turned)

    def close(self) -> None:
        """Close the file."""
        self._container.close()


def _shown(frame: Any) -> tuple[bool, int]:
    """Whether a frame is to be mirrored left to right, and quarter turns after that.

    FFmpeg's angle of a mirrored frame is that of its columns alone: half a turn off.
    """
    side = next((d for d in frame.side_data if d.type.name == "DISPLAYMATRIX"), None)
    if side is None:
        return False, round((frame.rotation or 0) / 90) % 4
    a, b, _, c, d = (int(one) for one in np.frombuffer(bytes(side)[:20], np.int32))
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    return mirrored, round(-np.degrees(np.arctan2(b, a)) / 90) % 4
