"""Video: the right frame by its number, times, rotation, colours, damage."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from medical_files import cut_film, number_of, numbered, trimmed_film, video_file

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers import find_sets, open_frames
from napari_attnseg.io.readers.facts import Assumed, FrameAxis, NotUsed
from napari_attnseg.io.readers.video import VideoFrames

#: In order, backwards, far, near, the last, and again.
ASKED = [0, 1, 2, 40, 39, 38, 5, 59, 30, 31, 12, 0, 59]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {"bf": "2", "g": "12"}),
        ("a.mkv", "libx264", {"bf": "3", "g": "250"}),
        ("a.mov", "mpeg4", {"g": "10"}),
        ("a.avi", "mjpeg", {}),
        ("a.m4v", "libx264", {"bf": "2", "g": "12"}),
        ("a.3gp", "mpeg4", {"g": "10"}),
        ("a.webm", "libvpx-vp9", {"g": "12"}),
        ("a.webm", "libvpx", {"g": "12"}),
        ("a.mpg", "mpeg1video", {"bf": "2", "g": "12"}),
        ("a.mpeg", "mpeg2video", {"bf": "2", "g": "12"}),
        ("a.wmv", "wmv2", {"g": "12"}),
        ("a.ts", "libx264", {"bf": "2", "g": "12"}),
        ("a.ts", "libx264", {"bf": "2", "g": "12", "x264-params": "open-gop=1"}),
        ("a.mts", "libx265", {"g": "12", "x265-params": "log-level=none"}),
        ("a.m2ts", "mpeg2video", {"bf": "2", "g": "12"}),
    ],
)
def test_a_frame_is_found_by_its_number(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = video_file(tmp_path / name, numbered(60), codec, pixels=pixels, **options)
    with open_frames(path) as frames:
        assert frames.shape == (60, 48, 64, 3) and frames.facts.axis is FrameAxis.TIME
        assert [number_of(frames[i]) for i in ASKED] == ASKED
        assert isinstance(frames, VideoFrames)
        assert frames.times == pytest.approx([i / 25 for i in range(60)], abs=1e-3)
        in_order = [np.array(frames[i]) for i in range(60)]
    with open_frames(path) as frames:
        for i in (*reversed(range(60)), *ASKED):
            frames._kept.clear()
            np.testing.assert_array_equal(frames[i], in_order[i])


def test_frames_from_before_a_key_frame_are_not_kept_half_decoded(
    tmp_path: Path,
) -> None:
    options = {"bf": "2", "g": "12", "flags": "-cgop", "x264-params": "open-gop=1"}
    path = video_file(tmp_path / "a.ts", numbered(60), **options)
    with open_frames(path) as frames:
        in_order = [np.array(frames[i]) for i in range(60)]
    for first in range(59, 0, -1):
        with open_frames(path) as frames:
            frames[first]
            for i in range(first, -1, -1):
                np.testing.assert_array_equal(frames[i], in_order[i])
                if first - i > 14:
                    break


def _sound(path: Path, codec: str) -> Path:
    """A film with sound, so that its container stores several frames per packet."""
    import av

    with av.open(str(path), "w") as container:
        pictures = container.add_stream(codec, rate=25, options={"g": "12", "bf": "2"})
        pictures.height, pictures.width = 48, 64
        tones = container.add_stream("mp2", rate=48000)
        for i, frame in enumerate(numbered(60)):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            container.mux(pictures.encode(picture))
            tone = av.AudioFrame.from_ndarray(
                np.zeros((2, 1920), np.int16), "s16p", "stereo"
            )
            tone.sample_rate, tone.pts = 48000, i * 1920
            container.mux(tones.encode(tone))
        container.mux(pictures.encode())
        container.mux(tones.encode())
    return path


@pytest.mark.parametrize("name", ["a.mpg", "a.ts"])
def test_frames_beside_sound_are_found(tmp_path: Path, name: str) -> None:
    path = _sound(tmp_path / name, "mpeg2video")
    with open_frames(path) as frames:
        assert NotUsed.SOUND in frames.facts.not_used and len(frames) == 60
        assert [number_of(frames[i]) for i in ASKED] == ASKED


def test_a_film_without_a_time_for_each_frame_is_refused(tmp_path: Path) -> None:
    path = video_file(tmp_path / "a.mpg", numbered(60))  # its packets hold several
    with pytest.raises(InputError, match=r"5\d are missing; convert it to MP4"):
        open_frames(path)
    video_file(tmp_path / "a.h264", numbered(9)).rename(tmp_path / "a.m4v")
    with pytest.raises(InputError, match="a bare stream of pictures; convert it"):
        open_frames(tmp_path / "a.m4v")


def test_joined_films_whose_times_start_anew_are_refused(tmp_path: Path) -> None:
    one = video_file(tmp_path / "one.ts", numbered(30)).read_bytes()
    (tmp_path / "two.ts").write_bytes(one + one)
    with pytest.raises(InputError, match="30 occur twice"):
        open_frames(tmp_path / "two.ts")


def test_a_film_cut_before_its_first_key_frame_begins_with_that(tmp_path: Path) -> None:
    data = video_file(tmp_path / "one.ts", numbered(60), g="12", bf="2").read_bytes()
    middle = len(data) // 188 // 3 * 188
    (tmp_path / "cut.ts").write_bytes(data[: 3 * 188] + data[middle:])
    with open_frames(tmp_path / "cut.ts") as frames:
        numbers = [number_of(frame) for frame in frames]
        assert numbers == list(range(numbers[0], 60)) and 20 < len(numbers) < 48
        assert NotUsed.START in frames.facts.not_used


def test_times_are_kept_where_they_are_uneven(tmp_path: Path) -> None:
    times = [Fraction(n, 600) for n in (0, 10, 60, 61, 300, 310)]
    path = video_file(tmp_path / "a.mkv", numbered(6), times=times, bf="0")
    with VideoFrames(path, "a") as frames:
        expected = [float(time) for time in times]
        assert frames.times == pytest.approx(expected, abs=1e-3)
        assert frames.step == pytest.approx(310 / 600 / 5, abs=1e-3)  # their mean
        assert [number_of(frames[i]) for i in (4, 1, 5)] == [4, 1, 5]


def test_times_of_all_frames_cost_little(tmp_path: Path) -> None:
    path = video_file(tmp_path / "a.mp4", np.zeros((3000, 16, 16, 3), np.uint8))
    with VideoFrames(path, "a") as frames:
        began = time.process_time()
        places = [frames.place_of(i) for i in range(3000)]
        assert time.process_time() - began < 2  # half a minute, if each listed all
        assert places == pytest.approx([i / 25 for i in range(3000)])


def test_a_phone_that_was_held_upright(tmp_path: Path) -> None:
    shown = numbered(3)
    stored = np.ascontiguousarray(np.rot90(shown, -1, (1, 2)))
    path = video_file(tmp_path / "a.mp4", stored, rotation=90)
    with open_frames(path) as frames:
        assert frames.shape == (3, 48, 64, 3)
        assert number_of(frames[2]) == 2
        assert frames.facts.said["rotation"] == 90


def test_colours_of_what_does_not_say_how_they_are_stored(tmp_path: Path) -> None:
    """Measured: the other matrix would be off by 20 levels and more."""
    red = np.broadcast_to(np.array([200, 30, 60], np.uint8), (2, 48, 64, 3))
    path = video_file(tmp_path / "a.mp4", np.ascontiguousarray(red), crf="1")
    with open_frames(path) as frames:
        middle = frames[1][24, 32].astype(int)
        assert np.abs(middle - [200, 30, 60]).max() <= 4
        assert frames.facts.assumed == (Assumed.COLOUR_MATRIX,)


def test_one_that_is_cut_short_says_so(tmp_path: Path) -> None:
    cut_film(tmp_path / "a.mp4", numbered(60))
    with open_frames(tmp_path / "a.mp4") as frames:
        assert len(frames) == 60 and number_of(frames[3]) == 3
        with pytest.raises(InputError, match="cut short"):
            for i in range(4, 60):
                frames[i]
        assert number_of(frames[7]) == 7


def test_an_avi_that_is_damaged_inside_is_refused(tmp_path: Path) -> None:
    """Frames behind the damage would be taken for earlier ones."""
    noise = np.random.default_rng(0).integers(0, 25, (40, 48, 64, 3), np.uint8)
    frames = numbered(40) + noise
    for codec, options in (("mpeg4", {"g": "6"}), ("mjpeg", {})):
        pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        path = video_file(
            tmp_path / f"{codec}.avi", frames, codec, pixels=pixels, **options
        )
        whole, half = path.read_bytes(), path.stat().st_size // 2
        with open_frames(path) as opened:
            assert number_of(opened[39]) == 39
        path.write_bytes(whole[:half] + whole[half + 3000 :])
        with pytest.raises(InputError, match=r"damaged inside: it holds \d+ of the 40"):
            open_frames(path)
        path.write_bytes(whole[:-1500])  # cut short: what is there is right
        with open_frames(path) as opened:
            assert [number_of(opened[i]) for i in range(12)] == list(range(12))
            with pytest.raises(InputError, match="cut short"):
                opened[39]


def test_what_was_trimmed_away_is_no_frame(tmp_path: Path) -> None:
    path = trimmed_film(tmp_path / "a.mp4", numbered(30), 10)
    with open_frames(path) as frames:
        assert len(frames) == 20
        assert [number_of(frames[i]) for i in range(20)] == list(range(10, 30))
        assert number_of(frames[3]) == 13 and frames.place_of(3) == 3 / 25
    with open_frames(path) as frames:  # not in order
        assert [number_of(frames[i]) for i in (0, 19, 7)] == [10, 29, 17]


def test_memory_stays_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_attnseg.io.readers import frames as module

    monkeypatch.setattr(module, "CACHE", 5 * 48 * 64 * 3)
    path = video_file(tmp_path / "a.mp4", numbered(60))
    with open_frames(path) as frames:
        for i in range(60):
            assert number_of(frames[i]) == i
        frames[20]
        assert len(frames._kept) == 5


def test_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video" * 40)
    with pytest.raises(InputError, match=r"a\.mp4 cannot be read as a video"):
        open_frames(tmp_path / "a.mp4")
    (only,) = find_sets([tmp_path])
    assert (only.name, only.kind) == ("a", "video")


def test_sound_is_left_out(tmp_path: Path) -> None:
    import av

    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height = 64, 48
        container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for frame in numbered(2):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    with open_frames(path) as frames:
        assert frames.facts.not_used == (NotUsed.SOUND,)


def test_a_mirrored_one_is_shown_as_it_asks(tmp_path: Path) -> None:
    """By the matrix of its track, whose angle alone would turn it upside down."""
    left_top = np.zeros((2, 48, 64, 3), np.uint8)
    left_top[:, :16, :16] = 220
    one = (1 << 16).to_bytes(4, "big")
    matrix = one + bytes(12) + one  # a, b, u, c, d
    for name, (a, b, c, d), corner in (
        ("plain", (1, 0, 0, 1), (0, 0)),
        ("mirrored", (-1, 0, 0, 1), (0, -1)),
        ("upside_down", (1, 0, 0, -1), (-1, 0)),
        ("transposed", (0, 1, 1, 0), (0, 0)),
        ("transverse", (0, -1, -1, 0), (-1, -1)),
    ):
        path = video_file(tmp_path / f"{name}.mp4", left_top)
        data = path.read_bytes()
        at = data.index(matrix, data.index(b"tkhd"))
        each = [(n << 16).to_bytes(4, "big", signed=True) for n in (a, b, 0, c, d)]
        path.write_bytes(data[:at] + b"".join(each) + data[at + 20 :])
        with open_frames(path) as frames:
            frame = frames[1][..., 0]
            assert frame.shape == ((64, 48) if a == 0 else (48, 64)), name
            bright = [c for c in ((0, 0), (0, -1), (-1, 0), (-1, -1)) if frame[c] > 128]
            assert bright == [corner], name
            assert frames.facts.said["mirrored"] is (name != "plain")


@pytest.mark.parametrize(("codec", "lossy"), [("ffv1", False), ("libx264", True)])
def test_a_codec_says_whether_it_loses_something(
    tmp_path: Path, codec: str, lossy: bool
) -> None:
    with open_frames(video_file(tmp_path / "a.mkv", numbered(2), codec)) as frames:
        assert frames.facts.said["lossy"] is lossy


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("transfer=arib-std-b67:colorprim=bt2020:colormatrix=bt2020nc", r"HDR \(HLG\)"),
        ("transfer=smpte2084:colorprim=bt2020:colormatrix=bt2020nc", r"HDR \(PQ\)"),
        ("colorprim=bt2020:colormatrix=bt2020nc", "BT.2020"),
        ("transfer=bt709:colorprim=bt709:colormatrix=bt709", ""),
    ],
)
def test_hdr_films_are_refused(tmp_path: Path, said: str, named: str) -> None:
    options = {"x264-params": said}
    path = video_file(tmp_path / "a.mov", numbered(2), **options)
    if named:
        with pytest.raises(InputError, match=f"a.mov is .*{named}.*convert the film"):
            open_frames(path)
    else:
        with open_frames(path) as frames:
            assert number_of(frames[1]) == 1
