"""Films joined byte by byte: only the first one would be read, so they are refused."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from medical_files import number_of, numbered, video_file

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers import open_frames

FRAMES = numbered(20)
IN_FRAGMENTS = "frag_keyframe+empty_moov+default_base_moof"


def mp4(path: Path, first: int, last: int, flags: str = IN_FRAGMENTS) -> Path:
    with av.open(str(path), "w", options={"movflags": flags}) as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "4"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for frame in FRAMES[first:last]:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def joined(path: Path, *films: Path, between: bytes = b"") -> Path:
    path.write_bytes(between.join(film.read_bytes() for film in films))
    return path


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mov", "mpeg4"), ("a.avi", "mjpeg"), ("a.wmv", "wmv2")],
)
def test_joined_films_are_refused(tmp_path: Path, name: str, codec: str) -> None:
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    one = video_file(tmp_path / f"1{name}", FRAMES[:8], codec, pixels=pixels)
    other = video_file(tmp_path / f"2{name}", FRAMES[8:], codec, pixels=pixels)
    path = joined(tmp_path / name, one, other)
    with pytest.raises(InputError, match=rf"Expected one film in {name}, but films .*"):
        open_frames(path)
    with open_frames(one) as frames:
        assert len(frames) == 8


def test_old_films_of_quicktime_without_a_type_are_refused(tmp_path: Path) -> None:
    parts = []
    for i, numbers in enumerate((slice(8), slice(8, 20))):
        film = video_file(tmp_path / f"{i}.mov", FRAMES[numbers], "mpeg4")
        data = film.read_bytes()
        film.write_bytes(data[int.from_bytes(data[:4], "big") :])
        parts.append(film)
    with pytest.raises(InputError, match="one after another"):
        open_frames(joined(tmp_path / "a.mov", *parts))


def test_films_in_fragments_among_joined_ones_are_refused(tmp_path: Path) -> None:
    one = mp4(tmp_path / "1.mp4", 0, 8)
    other = mp4(tmp_path / "2.mp4", 8, 20, "faststart")
    with pytest.raises(InputError, match="one after another"):
        open_frames(joined(tmp_path / "a.mp4", one, other))
    with pytest.raises(InputError):  # FFmpeg refuses it itself
        open_frames(joined(tmp_path / "a.mp4", other, one))


def test_films_whose_times_occur_twice_may_be_joined_ones(tmp_path: Path) -> None:
    parts = mp4(tmp_path / "1.mp4", 0, 8), mp4(tmp_path / "2.mp4", 8, 20)
    with pytest.raises(InputError, match=r"\d+ occur twice.*joined.*FFmpeg's concat"):
        open_frames(joined(tmp_path / "a.mp4", *parts))


@pytest.mark.parametrize(
    "more",
    [
        b"\0\0\0\x10free" + bytes(8),
        b"\0\0\0\x18uuid" + bytes(16),
        b"\0\0\0\x10mfra" + bytes(8),
        bytes(4096),
        b"\0\0\0\0free" + bytes(99),
        b"some trailing text",
    ],
)
def test_what_lies_behind_a_film_in_mp4_is_no_film(tmp_path: Path, more: bytes) -> None:
    film = video_file(tmp_path / "a.mp4", FRAMES)
    film.write_bytes(film.read_bytes() + more)
    with open_frames(film) as frames:
        assert [number_of(frame) for frame in frames] == list(range(20))


def test_whole_films_of_several_parts_are_read(tmp_path: Path) -> None:
    film = mp4(tmp_path / "a.mp4", 0, 20)
    with open_frames(film) as frames:
        assert len(frames) == 20
    # A stream may repeat its start between its seconds.
    data = film.read_bytes()
    start, at = data[: data.index(b"moof") - 4], data.rindex(b"moof") - 4
    film.write_bytes(data[:at] + start + data[at:])
    with open_frames(film) as frames:
        assert [number_of(frame) for frame in frames] == list(range(20))


def test_an_avi_of_more_than_a_gigabyte_goes_on(tmp_path: Path) -> None:
    film = video_file(tmp_path / "a.avi", FRAMES, "mjpeg", pixels="yuvj420p")
    # What OpenDML writes from there on.
    film.write_bytes(film.read_bytes() + b"RIFF\4\0\0\0AVIX")
    with open_frames(film) as frames:
        assert len(frames) == 20


def test_an_avi_that_was_never_finished_is_no_joined_one(tmp_path: Path) -> None:
    film = video_file(tmp_path / "a.avi", FRAMES, "mjpeg", pixels="yuvj420p")
    data = film.read_bytes()
    film.write_bytes(data[:4] + bytes(4) + data[8:] + bytes(1 << 20))
    with open_frames(film) as frames:
        assert [number_of(frame) for frame in frames] == list(range(20))
