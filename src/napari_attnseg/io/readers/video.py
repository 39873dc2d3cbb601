"""Video: MP4, AVI, Matroska, MPEG and others through PyAV, a frame at a time.

Frames are numbered in the order in which they are shown. Seeking to a frame needs its
time stamp. All time stamps are listed, without decoding, when a frame is asked for that
does not follow the last one.
"""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from pathlib import Path
from typing import Any

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
from napari_attnseg.io.readers.film_decoder import FilmDecoder
from napari_attnseg.io.readers.film_joins import expect_one_film
from napari_attnseg.io.readers.film_kinds import expect_sdr
from napari_attnseg.io.readers.film_pixels import as_shown, pixels_of, says_colours
from napari_attnseg.io.readers.film_times import LATE, FrameTimes, frame_times
from napari_attnseg.io.readers.formats import FileFormat
from napari_attnseg.io.readers.frames import Frames

#: Frames that are decoded on the way to one that comes later, rather than to seek.
_ONWARD = 24
#: ``AVFMT_NOTIMESTAMPS`` of FFmpeg: a format that does not store times.
_NO_TIMES = 0x80
#: Formats in which times after a jump are guessed: frames are counted from the start.
_NO_JUMPS = ("mpeg", "asf")


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
        #: Number of the frame that the decoder gives next; None: not known.
        self._next: int | None = 0
        try:
            self._film = FilmDecoder(av, path)
        except (self._av.FFmpegError, OSError) as error:
            raise self._unreadable(name, error) from error
        try:
            container = self._film.container
            if not container.streams.video:
                raise InputError(f"{name} holds no pictures; expected a video.")
            if int(container.format.flags) & _NO_TIMES:
                raise InputError(
                    f"Expected a film that says when each frame is shown, but {name} "
                    "is a bare stream of pictures; convert it to MP4."
                )
            expect_one_film(path, name, container.format.name)
            self._finds = container.format.name not in _NO_JUMPS
            if container.format.name == "avi":
                expect_whole_avi(
                    path, self._film.stream, lambda: len(self._time_stamps())
                )
            self._film.start()
            first = self._film.following()
            if first is None:
                raise InputError(
                    f"{name} cannot be read as a video (no whole frame at its start): "
                    "it is cut short, or damaged; record or copy it again, or convert "
                    "it to MP4 if it is whole."
                )
            expect_sdr(name, self._film.stream.codec_context)
        except InputError:
            self._film.close()
            raise
        except (self._av.FFmpegError, OSError) as error:
            self._film.close()
            raise self._unreadable(name, error) from error
        self._first = first.pts
        #: Time stamps of frames that were decoded.
        self._seen: dict[int, int] = {0: first.pts or 0}
        self._mirrored, self._turns = as_shown(first)
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
        stream = self._film.stream
        kind = first.format
        grey = kind.name.startswith("gray")
        took: list[Assumed] = []
        left: list[NotUsed] = []
        if not grey and not kind.is_rgb and not says_colours(first):
            took.append(Assumed.COLOUR_MATRIX)
        if max(part.bits for part in kind.components) > 8:
            left.append(NotUsed.BITS)
        if self._film.container.streams.audio:
            left.append(NotUsed.SOUND)
        if len(self._film.container.streams.video) > 1:
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
        return Fraction(self._film.stream.time_base or 1)

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
                self._film.start_again()
                self._next = 0
            while self._next < index:
                self._decode_next()
            return self._pixels(self._decode_next())
        keys = [] if self._times is None else self._times.keys
        self._next = None
        return self._decode_to(index, stamps, self._film.seek(stamps[index], keys))

    def _decode_next(self) -> Any:
        """The frame that follows in the order in which they are shown."""
        assert self._next is not None
        found = self._film.following()
        if found is None:
            raise self._ended(self._next)
        if found.pts is not None:
            if self._film.broken and self._is_late(found.pts):
                raise self._ended(self._next)
            self._expect_in_order(found.pts)
            self._seen[self._next] = found.pts
        self._next += 1
        return found

    def _is_late(self, stamp: int) -> bool:
        """Whether frames before the next one are missing, by the usual rate."""
        last = self._seen.get((self._next or 0) - 1, stamp)
        rate = self._film.stream.average_rate
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

    def _decode_to(self, index: int, stamps: list[int], start: int) -> NDArray[Any]:
        wanted, tried = stamps[index], False
        while True:
            found = self._film.following()
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
            start = self._film.start_again()

    def _ended(self, index: int) -> InputError:
        self._next = None
        return InputError(
            f"{self.name} ends before frame {index}, and is said to have "
            f"{self.facts.frames}; it is cut short, or damaged inside, and then the "
            "last frames before that place may be damaged too, and those behind it "
            "have wrong numbers and times: record or copy it again."
        )

    def _pixels(self, frame: Any) -> NDArray[Any]:
        return pixels_of(frame, self.facts.channels == 1, self._mirrored, self._turns)

    def close(self) -> None:
        """Close the file."""
        self._film.close()
