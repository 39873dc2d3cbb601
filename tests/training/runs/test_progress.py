"""What a run writes of itself while it goes on, and how it is asked to stop."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from attnseg_training.fit.shutdown import GracefulShutdown
from attnseg_training.runs.progress import ProgressFile
from napari_attnseg.errors import InputError
from napari_attnseg.run_files import (
    STOP_FILE,
    EndReason,
    Place,
    ProcessRecord,
    Progress,
    RunState,
    RunStatus,
)

STEP = Progress(epoch=1, epochs=2, step=3, steps=3, loss=0.5)


def status_in(folder: Path) -> RunStatus:
    status = RunStatus.read(folder)
    assert status is not None
    return status


def recorded_by_a_parent(folder: Path) -> None:
    """As the Train widget does after it has started this process."""
    RunStatus(ProcessRecord.now(os.getpid()), RunState.STARTING).write(folder)


def test_a_run_says_where_it_is_and_that_it_is_done(tmp_path: Path) -> None:
    seen: list[Progress] = []
    with ProgressFile(tmp_path, seen.append) as progress:
        assert RunStatus.read(tmp_path) is None  # nobody has recorded it
        progress(replace(STEP, step=1))
        first = status_in(tmp_path)
        assert first.state is RunState.RUNNING and first.process.pid == os.getpid()
        assert first.place == Place(1, 2, 1, 3, 0.5, None) and not first.measured
        progress(replace(STEP, step=2))  # within a second: not written
        assert status_in(tmp_path).place == first.place
        progress(replace(STEP, dice=0.7))  # the end of an epoch: at once
        assert status_in(tmp_path).measured
    done = status_in(tmp_path)
    assert done.state is RunState.DONE and done.reason is None
    assert done.place is not None and done.place.step == 3
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("error", "state", "reason", "message"),
    [
        (InputError("Give b."), "failed", EndReason.ERROR, "Give b."),
        (KeyboardInterrupt(), "stopped", EndReason.INTERRUPT, ""),
        (KeyError("x"), "failed", EndReason.FAULT, "KeyError: 'x'"),
    ],
)
def test_how_a_run_ends_travels_as_data(
    tmp_path: Path,
    error: BaseException,
    state: str,
    reason: EndReason,
    message: str,
) -> None:
    recorded_by_a_parent(tmp_path)
    with pytest.raises(type(error)), ProgressFile(tmp_path):
        assert status_in(tmp_path).state is RunState.STARTING
        raise error
    status = status_in(tmp_path)
    assert (status.state, status.reason, status.message) == (state, reason, message)


def test_a_refused_command_leaves_the_status_of_another_run(tmp_path: Path) -> None:
    other = RunStatus(ProcessRecord(1, "elsewhere", 5.0), RunState.RUNNING)
    other.write(tmp_path)
    with pytest.raises(InputError), ProgressFile(tmp_path):
        raise InputError("There is already a run.")
    assert RunStatus.read(tmp_path) == other
    # And no folder is made for it.
    with pytest.raises(InputError), ProgressFile(tmp_path / "new"):
        raise InputError("No such data.")
    assert not (tmp_path / "new").exists()


def test_the_stop_file_and_signals_stop_after_the_step(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with (
        pytest.raises(KeyboardInterrupt),
        ProgressFile(tmp_path) as progress,
        GracefulShutdown(progress.stopping) as shutdown,
    ):
        progress(replace(STEP, step=1))
        assert not shutdown.requested
        (tmp_path / STOP_FILE).touch()
        progress(replace(STEP, step=2))
        assert shutdown.requested and not (tmp_path / STOP_FILE).exists()
        assert status_in(tmp_path).state is RunState.STOPPING
        progress(STEP)  # what it writes later does not take that back
        assert status_in(tmp_path).state is RunState.STOPPING
        assert "Stopping after this step" in caplog.text
        signal.raise_signal(signal.SIGTERM)  # the second one interrupts
    assert status_in(tmp_path).state is RunState.STOPPED
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_stop_file_counts_while_a_run_starts_unless_it_is_an_earlier_one(
    tmp_path: Path,
) -> None:
    stop = tmp_path / STOP_FILE
    stop.touch()
    with ProgressFile(tmp_path) as progress, GracefulShutdown() as shutdown:
        progress.obey()  # started by hand: left by an earlier run
        assert not shutdown.requested and not stop.exists()
    recorded_by_a_parent(tmp_path)
    stop.touch()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), ProgressFile(tmp_path) as progress:
            with GracefulShutdown(progress.stopping) as shutdown:
                progress.obey()
                assert shutdown.requested and not stop.exists()
                stop.touch()  # as well as a signal: the step is still saved
                progress(STEP)
                assert not stop.exists()
            signal.raise_signal(signal.SIGINT)  # no longer ignored
    finally:
        signal.signal(signal.SIGINT, before)
    assert status_in(tmp_path).state is RunState.STOPPED


def test_a_signal_during_a_write_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = ProgressFile(tmp_path)
    write, written = RunStatus.write, []

    def interrupted(status: RunStatus, folder: Path) -> None:
        if not written:
            written.append(status.state)
            progress.stopping()
        write(status, folder)

    monkeypatch.setattr(RunStatus, "write", interrupted)
    progress(STEP)
    assert written == [RunState.RUNNING]
    assert status_in(tmp_path).state is RunState.STOPPING
