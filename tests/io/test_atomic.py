"""Files are written whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_attnseg.errors import InputError
from napari_attnseg.io.atomic import remove_leftovers, write_bytes
from napari_attnseg.io.overlay_video import OverlayVideo


def test_full_disk_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept"
    write_bytes(path, b"old")

    def full_disk(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(InputError, match="No space left"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")
def test_written_files_have_usual_permissions(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    write_bytes(tmp_path / "ours", b"x")
    assert (tmp_path / "ours").stat().st_mode == usual.stat().st_mode


KILLED = """
import os, sys
from pathlib import Path
from napari_attnseg.io.atomic import write_bytes
os.fsync = lambda handle: os._exit(9)  # as SIGKILL: nothing is cleared away
write_bytes(Path(sys.argv[1]), b"half")
"""


def test_what_a_killed_process_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, foreign = tmp_path / "mask.png", tmp_path / ".own.partial"
    foreign.touch()
    assert subprocess.call([sys.executable, "-c", KILLED, target]) == 9
    (left,) = set(tmp_path.iterdir()) - {foreign}
    elsewhere = left.with_name(f".abcdefgh.00000000-{left.name.rpartition('-')[2]}")
    elsewhere.touch()  # of another machine, where the process may still run
    seen = []

    def while_it_is_written(handle: int) -> None:
        remove_leftovers(tmp_path)
        seen.extend(set(tmp_path.iterdir()) - {foreign, elsewhere})

    monkeypatch.setattr(os, "fsync", while_it_is_written)
    write_bytes(target, b"whole")
    assert len(seen) == 1 and seen[0] != left  # but its own stayed
    assert set(tmp_path.iterdir()) == {foreign, elsewhere, target}


def test_an_overlay_of_a_full_disk_or_a_killed_process_does_not_stay(
    tmp_path: Path,
) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no file limit")
    frames = np.random.default_rng(0).integers(0, 255, (12, 240, 320, 3), np.uint8)
    video = OverlayVideo(tmp_path / "film_overlay.mp4")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(InputError, match=r"film_overlay\.mp4 cannot be written"):
            for frame in frames:
                video.add(frame)
            video.close()
        assert video.close() is None  # as after every run
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.iterdir())
    OverlayVideo(tmp_path / "film_overlay.mp4").add(frames[0])
    (partial,) = tmp_path.iterdir()
    remove_leftovers(tmp_path)
    assert partial.exists()  # its process is this one
    gone = partial.with_name(partial.name.replace(f"-{os.getpid()}.", "-999999999."))
    partial.rename(gone)
    remove_leftovers(tmp_path)
    assert not gone.exists()
