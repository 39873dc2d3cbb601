"""Films cut between key frames, as by recorders: numbers count from what is decoded."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from medical_files import number_of, numbered, video_file

from napari_attnseg.io.readers import open_frames
from napari_attnseg.io.readers.facts import LEFT_OUT_AT_START, NotUsed
from napari_attnseg.io.readers.facts_words import facts_sentences
from napari_attnseg.io.readers.film_times import from_key

FRAMES = numbered(60)
#: Bytes at the start of a transport stream that say what is in it.
HEAD = 3 * 188
X265 = "log-level=none:keyint=12:min-keyint=12:open-gop="
X264 = "keyint=12:scenecut=0:bframes=2:b-adapt=0:open-gop="


def cut(path: Path, kind: str) -> Path:
    """Cut a film: at its second key frame, inside of its 6th picture, or anywhere."""
    with av.open(str(path)) as container:
        packets = [one for one in container.demux(video=0) if one.size]
        places = [one.pos for one in packets]
        second = [one.pos for one in packets if one.is_keyframe][1]
    data = path.read_bytes()
    if kind == "key":
        path.write_bytes(data[:HEAD] + data[second:])
    elif kind == "inside":
        path.write_bytes(data[:HEAD] + data[places[5] :])
    else:  # not at the start of a packet
        path.write_bytes(data[places[5] + 188 + 77 :])
    return path


@pytest.mark.parametrize("kind", ["key", "inside", "anywhere"])
@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"x264-params": X264 + "1"}),
        ("libx264", {"x264-params": X264 + "0"}),
        ("libx265", {"x265-params": X265 + "1"}),
        ("libx265", {"x265-params": X265 + "0"}),
        ("mpeg2video", {"bf": "2", "g": "12"}),
        ("mpeg4", {"bf": "2", "g": "12"}),
    ],
)
def test_frames_count_from_the_first_that_can_be_decoded(
    tmp_path: Path, codec: str, options: dict[str, str], kind: str
) -> None:
    path = cut(video_file(tmp_path / "a.ts", FRAMES, codec, **options), kind)
    with av.open(str(path)) as container:
        packets = [one for one in container.demux(video=0) if one.size]
    with open_frames(path) as frames:
        count, facts = len(frames), frames.facts
        assert 40 <= count <= 48
        expected = list(range(60 - count, 60))
        assert [number_of(frame) for frame in frames] == expected
        frames._kept.clear()
        backwards = [number_of(frames[i]) for i in reversed(range(count))]
        assert backwards == expected[::-1]
        times = [frames.place_of(i) for i in range(count)]
        assert times == pytest.approx([i / 25 for i in range(count)], abs=1e-3)
        assert frames.times == pytest.approx(times)  # type: ignore[attr-defined]
        said = list(facts_sentences([("a.ts", frames.to_provenance())]))
    left_out = len(packets) - count
    assert facts.said.get(LEFT_OUT_AT_START, 0) == left_out
    assert (NotUsed.START in facts.not_used) == bool(left_out)
    assert NotUsed.DAMAGED not in facts.not_used
    if left_out:
        assert len(said) == 1 and f"its first {left_out} frames need others" in said[0]
        assert kind == "key" or left_out > 5
    else:
        assert not said and kind == "key"


class Packet:
    def __init__(self, is_keyframe: bool) -> None:
        self.is_keyframe = is_keyframe


def test_a_film_without_key_frames_is_decoded_from_its_start() -> None:
    packets = [Packet(False) for _ in range(1000)]
    assert list(from_key(iter(packets))) == packets
    packets[7] = Packet(True)
    assert list(from_key(iter(packets))) == packets[7:]
    assert list(from_key(iter(packets[:5]))) == packets[:5]
