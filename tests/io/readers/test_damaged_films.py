"""Films that were cut short or are damaged inside: never read without a word."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from medical_files import number_of, numbered, video_file
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers import open_frames
from napari_attnseg.io.readers.facts import DAMAGED_FROM, NotUsed
from napari_attnseg.io.readers.facts_words import facts_sentences

#: Name, codec and its options; MJPEG and MPEG of many bytes for each frame.
KINDS = {
    "b_frames.mkv": ("libx264", {"bf": "3", "g": "12"}),
    "one_key.mkv": ("libx264", {"bf": "0", "g": "250"}),
    "jpeg.mkv": ("mjpeg", {"qmax": "3"}),
    "a.webm": ("libvpx", {"g": "12"}),
    "a.wmv": ("wmv2", {"g": "12"}),
    "a.ts": ("libx264", {"bf": "0", "g": "12"}),
    "b_frames.ts": ("libx264", {"bf": "3", "g": "12"}),
    "a.m2ts": ("mpeg2video", {"bf": "2", "g": "12"}),
    "a.mpg": ("mpeg2video", {"bf": "0", "g": "12", "qscale": "3"}),
    "one.mpg": ("mpeg1video", {"bf": "2", "g": "12"}),
    "jpeg.avi": ("mjpeg", {"qmax": "3"}),
    "a.mp4": ("libx264", {"bf": "2", "g": "12"}),
    "a.mov": ("mpeg4", {"g": "12"}),
}
COUNT = 60


def _film(path: Path, count: int = COUNT) -> Path:
    codec, options = KINDS[path.name]
    noise = np.random.default_rng(0).integers(0, 25, (count, 48, 64, 3), np.uint8)
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    return video_file(path, numbered(count) + noise, codec, pixels=pixels, **options)


def _read(path: Path) -> tuple[list[NDArray[np.uint8]], int | None, str]:
    """Frames up to the first that is refused, the one in doubt, and what was said."""
    read: list[NDArray[np.uint8]] = []
    try:
        with open_frames(path) as frames:
            facts = frames.facts.to_provenance()
            said = " ".join(facts_sentences([(path.name, facts)]))
            assert (NotUsed.DAMAGED in frames.facts.not_used) == bool(said)
            try:
                for i in range(len(frames)):
                    frames.place_of(i)
                    read.append(np.array(frames[i]))
            except InputError as error:
                said += str(error)
            return read, facts.get(DAMAGED_FROM), said
    except InputError as error:
        return read, None, str(error)


@pytest.mark.parametrize("name", KINDS)
def test_a_whole_film_is_read_without_a_word(tmp_path: Path, name: str) -> None:
    read, doubtful, said = _read(_film(tmp_path / name))
    assert [number_of(one) for one in read] == list(range(COUNT))
    assert doubtful is None and said == ""


@pytest.mark.parametrize("name", [one for one in KINDS if one not in ("a.mov",)])
@pytest.mark.parametrize("share", [0.453, 0.607, 0.83])
def test_a_film_that_was_cut_is_told(tmp_path: Path, name: str, share: float) -> None:
    path = _film(tmp_path / name)
    whole, _, _ = _read(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    read, doubtful, said = _read(path)
    assert "cut short" in said or "damaged" in said or "cannot be read" in said
    sure = read if doubtful is None else read[:doubtful]
    for one, right in zip(sure, whole):
        np.testing.assert_array_equal(one, right)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("share", [0.35, 0.5, 0.7])
def test_a_damaged_place_is_told(tmp_path: Path, name: str, share: float) -> None:
    """As where a sector of a disk could not be read."""
    path = _film(tmp_path / name)
    whole, _, _ = _read(path)
    data = bytearray(path.read_bytes())
    at = int(len(data) * share)
    size = min(4096, len(data) // 10)
    data[at : at + size] = bytes(size)
    path.write_bytes(data)
    read, doubtful, said = _read(path)
    assert "damaged" in said or "time stamp" in said or "cannot be read" in said
    sure = read if doubtful is None else read[:doubtful]
    for one, right in zip(sure, whole):
        np.testing.assert_array_equal(one, right)


def test_frames_of_a_cut_film_have_their_numbers_in_any_order(tmp_path: Path) -> None:
    """Where frames that are stored later, and shown earlier, are missing."""
    import av

    path, first = tmp_path / "a.mp4", {"movflags": "faststart"}
    noise = np.random.default_rng(0).integers(0, 25, (COUNT, 48, 64, 3), np.uint8)
    with av.open(str(path), "w", options=first) as container:
        three = "b-adapt=0:b-pyramid=none:scenecut=0"  # B frames after each other one
        options = {"bf": "3", "g": "250", "x264-params": three}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for frame in numbered(COUNT) + noise:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        middles = [p.pos + p.size // 2 for p in container.demux(video=0) if p.size]
    data = path.read_bytes()
    for count in range(34, 40):  # packets, of which the last one is cut
        path.write_bytes(data[: middles[count]])
        with open_frames(path) as frames:
            assert number_of(frames[count - 5]) == count - 5
        for i in range(count - 4, count + 2):
            with suppress(InputError), open_frames(path) as frames:
                assert number_of(frames[i]) == i


def test_the_word_names_the_first_frame_that_is_not_sure(tmp_path: Path) -> None:
    path = _film(tmp_path / "one_key.mkv")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 5])
    read, doubtful, said = _read(path)
    assert doubtful == len(read) - 1
    assert f"damaged inside: from frame {doubtful} on, frames are missing" in said


def test_a_recording_that_was_never_finished_is_told(tmp_path: Path) -> None:
    """Of a recorder without power; one that was sent live looks alike, but is whole."""
    import av

    shape = (96, 128, 3)  # more than what is kept in memory before it is written
    noise = np.random.default_rng(0).integers(0, 255, (400, *shape), np.uint8)
    path = tmp_path / "a.mkv"
    for live in (True, False):
        options = {"live": "1"} if live else {}
        with av.open(str(path), "w", options=options) as container:
            stream = container.add_stream("mjpeg", rate=25)
            stream.height, stream.width, stream.pix_fmt = *shape[:2], "yuvj420p"
            for frame in noise:
                picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
                container.mux(stream.encode(picture))
            unfinished = path.read_bytes()
        whole = path.read_bytes()
        if live:
            assert _read(path)[1:] == (None, "")
        path.write_bytes(whole[: len(whole) // 2] if live else unfinished)
        read, doubtful, said = _read(path)
        assert doubtful == len(read) - 1 > 50 and "cut short" in said


def test_a_film_with_uneven_times_is_not_taken_for_damaged(tmp_path: Path) -> None:
    steps = np.random.default_rng(1).integers(15, 60, 40)
    steps[20] = 2000  # it paused
    times = [Fraction(int(one), 600) for one in np.cumsum(steps)]
    for name in ("a.mkv", "a.ts"):
        path = video_file(tmp_path / name, numbered(40), times=times, bf="2")
        assert len(_read(path)[0]) == 40 and _read(path)[1:] == (None, "")
    few = [0, 24, 48, 500, 524]
    times = [Fraction(one, 600) for one in few]
    assert _read(video_file(tmp_path / "b.mkv", numbered(5), times=times))[2] == ""


@pytest.mark.parametrize("name", ["jpeg.avi", "a.mpg", "a.mov"])
def test_a_film_that_is_damaged_in_its_first_frame_is_refused(
    tmp_path: Path, name: str
) -> None:
    import av

    path = _film(tmp_path / name)
    with av.open(str(path)) as container:
        first = next(container.demux(video=0))
        at, size = first.pos or 0, first.size
    data = bytearray(path.read_bytes())
    data[at + size // 2 : at + size - 8] = bytes(size - 8 - size // 2)
    path.write_bytes(data)
    read, _, said = _read(path)
    assert read == [] and ("damaged" in said or "cannot be read" in said)


@pytest.mark.parametrize("name", ["one_key.mkv", "a.wmv", "a.mpg", "a.mp4"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_film_of_few_frames_is_read_without_a_word(
    tmp_path: Path, name: str, count: int
) -> None:
    read, doubtful, said = _read(_film(tmp_path / name, count))
    assert len(read) == count and doubtful is None and said == ""
