"""Processes that start in a tenth of a second: forked from one that has imported torch.

A process of the trainer keeps a core busy for five seconds before it begins. A test
that needs a process, to stop, kill or watch it, but not its start, takes one of these:
the same command in a process of its own, with its own environment and output. That each
command also starts from a shell is tested once for each (``in_a_process``, `train`).
"""

import functools
import importlib
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

#: What takes long to import; nothing of ours that reads the environment when imported.
HEAVY = ("attnseg_training.fit.fit", "torch._dynamo", "matplotlib.figure")


class ForkedPopen:
    """What we use of `subprocess.Popen`, for commands ``python -m MODULE …``.

    Parameters
    ----------
    words : Sequence of str
        ``[sys.executable, "-m" or "-Pm", MODULE, …]``; the module has a ``main``.
    stdout, stderr
        An open file, `subprocess.PIPE` or, for errors, `subprocess.STDOUT`. What goes
        to a pipe is kept in a file, so that nobody has to read it.
    env : Mapping of str to str, optional
        The whole environment; else that of this process.
    cwd : str or path, optional
        Working directory; else that of this process.
    text : bool
        Whether pipes hold text.
    """

    def __init__(
        self,
        words: Sequence[str],
        *,
        stdout: IO[Any] | int | None = None,
        stderr: IO[Any] | int | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        text: bool = False,
        **_: object,
    ) -> None:
        assert words[0] == sys.executable and words[1] in ("-m", "-Pm"), words
        self.args = list(words)
        command = words[2], list(words[3:]), dict(env or os.environ)
        folder = os.fspath(cwd or Path.cwd())
        with ExitStack() as files:
            self.stdout, out = _target(stdout, text, 1, files)
            self.stderr, err = None, out
            if stderr != subprocess.STDOUT:
                self.stderr, err = _target(stderr, text, 2, files)
            self._process = _server().Process(
                target=_run, args=(*command, folder, _Sent((out, err)))
            )
            self._process.start()
        self.pid = self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[Any, Any]:
        self.wait(timeout)
        return _rest(self.stdout), _rest(self.stderr)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()


# Windows cannot fork: there such a process starts as any other.
Popen: Any = subprocess.Popen if sys.platform == "win32" else ForkedPopen


def run(words: Sequence[str], **how: Any) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run` does when it captures text."""
    pipe = subprocess.PIPE
    process = Popen(words, stdout=pipe, stderr=pipe, text=True, **how)
    out, err = process.communicate()
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def _target(
    where: IO[Any] | int | None, text: bool, number: int, files: ExitStack
) -> tuple[IO[Any] | None, int]:
    """Return what the parent reads, if anything, and the descriptor to write to."""
    if where is None:
        return None, number
    if where != subprocess.PIPE:
        assert not isinstance(where, int)
        return None, where.fileno()
    # Read through a name of its own: two descriptors of one file share a position.
    folder = Path(files.enter_context(tempfile.TemporaryDirectory()))
    written = files.enter_context((folder / "written").open("wb"))
    return (folder / "written").open("r" if text else "rb"), written.fileno()


def _rest(stream: IO[Any] | None) -> Any:
    if stream is None:
        return None
    with stream:
        return stream.read()


class _Sent:
    """Descriptors of this process; they arrive as a tuple of their copies."""

    def __init__(self, numbers: tuple[int, int]) -> None:
        self._numbers = numbers

    def __reduce__(self) -> Any:
        from multiprocessing.reduction import DupFd

        return tuple, ([DupFd(number) for number in self._numbers],)


@functools.cache
def _server() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(HEAVY))
    return context


def _run(
    module: str, words: list[str], env: dict[str, str], folder: str, targets: Any
) -> None:
    """Become the command; `targets` are where output and errors go."""
    os.setsid()
    # A shell that runs the tests in the background has it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    for number, target in enumerate(targets, start=1):
        os.dup2(target.detach(), number)
        stream = io.TextIOWrapper(
            os.fdopen(number, "wb", closefd=False), "utf-8", line_buffering=True
        )
        setattr(sys, ("stdout", "stderr")[number - 1], stream)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = [module, *words]
    importlib.import_module(module).main()
