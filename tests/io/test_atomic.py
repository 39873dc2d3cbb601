"""Files are written whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_attnseg.errors import InputError
from napari_attnseg.io.atomic import remove_leftovers, write_bytes


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
