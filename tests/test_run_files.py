"""The run folder as both packages see it: status, its old form, the log."""

import json
import platform
from pathlib import Path

import pytest

from napari_attnseg.run_files import (
    EndReason,
    LogRow,
    Place,
    ProcessRecord,
    RunFiles,
    RunState,
    RunStatus,
    log_text,
    read_log,
)

ROWS = tuple(LogRow(n, 0.5, 0.5, 0.1 * n, 0.1, 1e-3, 1.0, 8.0) for n in (1, 2))
PLACE = Place(2, 4, 1, 3, 0.5, 9.0)


def folder_of(
    path: Path, progress: dict | None, output: str = "", rows: int = 1, epochs: int = 4
) -> Path:
    path.mkdir(exist_ok=True)
    (path / "config.toml").write_text(f"epochs = {epochs}\n")
    (path / "log.csv").write_text(log_text(ROWS[:rows]))
    if progress is not None:
        (path / "progress.json").write_text(json.dumps(progress))
    if output:
        (path / "output.log").write_text(output)
    return path


def test_a_status_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = ProcessRecord.now(7)
    assert record.here and not ProcessRecord(7, "elsewhere", 0.0).here
    status = RunStatus(
        record, RunState.FAILED, EndReason.ERROR, "Expected a, got b.", PLACE, True
    )
    status.write(tmp_path)
    assert RunStatus.read(tmp_path) == status
    values = json.loads((tmp_path / "progress.json").read_text())
    # The keys of version 0.1.0, and three more.
    assert set(values) == {
        *("pid", "host", "time", "epoch", "epochs", "step", "steps", "loss"),
        *("measured", "seconds_left", "state", "reason", "message"),
    }
    assert values["host"] == platform.node() and values["state"] == "failed"
    for text in ("", "[1]", "{}", '{"pid": 1, "host": "a"}', "no JSON"):
        (tmp_path / "progress.json").write_text(text)
        assert RunStatus.read(tmp_path) is None


def test_a_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_log(tmp_path) == ()
    (tmp_path / "log.csv").write_text(log_text(ROWS))
    assert read_log(tmp_path) == ROWS
    (tmp_path / "log.csv").write_text("epoch,loss\n1,0.5\n")
    with pytest.raises(KeyError):
        read_log(tmp_path)
    assert RunFiles.read(tmp_path).epochs == ()


@pytest.mark.parametrize(
    ("recorded", "alive", "output", "state"),
    [
        ("starting", True, "", "starting"),
        ("running", True, "x", "running"),
        ("stopping", True, "x", "stopping"),
        # It has said its last and its process still exits.
        ("stopped", True, "x", "stopping"),
        ("failed", True, "x", "running"),
        ("failed", False, "x", "failed"),
        ("stopped", False, "x", "stopped"),
        ("done", False, "x", "done"),
        # Killed: by the system, by whoever asked it to stop, in a terminal.
        ("running", False, "x", "failed"),
        ("starting", False, "x", "failed"),
        ("stopping", False, "x", "stopped"),
        ("running", False, "", "stopped"),
        # What it printed has no meaning, whatever it is.
        ("running", True, "Stopping after this step", "running"),
        ("failed", False, "Interrupted; what was finished is kept.", "failed"),
    ],
)
def test_state_is_what_the_run_recorded(
    tmp_path: Path, recorded: str, alive: bool, output: str, state: str
) -> None:
    status = RunStatus(ProcessRecord.now(1), RunState(recorded), place=PLACE)
    status.write(tmp_path)
    files = RunFiles.read(folder_of(tmp_path, None, output))
    assert files.state(alive) == state
    assert files.place == PLACE
    (tmp_path / "stop").touch()
    assert (RunFiles.read(tmp_path).state(alive) == "stopping") == (
        alive or state == "stopping"
    )
    # All epochs are there: it is done, whatever came after.
    whole = RunFiles.read(folder_of(tmp_path, None, output, 2, 2))
    assert whole.state(False) == "done"


def test_message_of_a_failed_run(tmp_path: Path) -> None:
    record = ProcessRecord.now(1)
    folder_of(tmp_path, None, "Error: no such option\n")
    RunStatus(record, RunState.STARTING).write(tmp_path)
    assert RunFiles.read(tmp_path).message == "Error: no such option"
    RunStatus(record, RunState.RUNNING, place=PLACE).write(tmp_path)
    assert RunFiles.read(tmp_path).message == ""
    RunStatus(record, RunState.FAILED, EndReason.ERROR, "Too large.").write(tmp_path)
    assert RunFiles.read(tmp_path).message == "Too large."


OLD = {"pid": 4242, "host": "elsewhere", "time": 1.0}
OLD_PLACE = {"epoch": 2, "epochs": 4, "step": 1, "steps": 3, "loss": 0.5} | {
    "measured": False,
    "seconds_left": None,
}
INTERRUPTED = "Interrupted; what was finished is kept."


@pytest.mark.parametrize(
    ("progress", "alive", "output", "state", "message"),
    [
        (OLD, True, "", "starting", ""),
        (OLD | OLD_PLACE, True, "epoch 1/4: loss 1", "running", ""),
        (
            OLD | OLD_PLACE,
            True,
            "Stopping after this step; once more stops at once.\n",
            "stopping",
            None,
        ),
        (OLD | OLD_PLACE, False, f"Stopping\n{INTERRUPTED}\n", "stopped", None),
        (OLD, False, "Traceback …\nKeyboardInterrupt\n", "stopped", None),
        (OLD | OLD_PLACE, False, "Stopped at once from napari.", "stopped", None),
        (OLD | OLD_PLACE, False, "", "stopped", ""),
        (OLD | OLD_PLACE, False, "epoch 1/4: loss 1\n", "failed", ""),
        (OLD | OLD_PLACE, False, "epoch 1\nExpected a.\n", "failed", "Expected a."),
        # Nobody watched: ended, or nothing known.
        (None, False, "", "stopped", ""),
    ],
)
def test_runs_of_version_0_1_0_are_shown_as_they_were(
    tmp_path: Path,
    progress: dict | None,
    alive: bool,
    output: str,
    state: str,
    message: str | None,
) -> None:
    files = RunFiles.read(folder_of(tmp_path / "run", progress, output))
    assert files.state(alive) == state
    assert message is None or files.message == message
    whole = RunFiles.read(folder_of(tmp_path / "run", progress, output, 2, 2))
    assert whole.state(False) == "done"
    (tmp_path / "empty").mkdir()
    assert RunFiles.read(tmp_path / "empty").state(False) == "none"
