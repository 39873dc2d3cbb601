"""Checkpoints with plain data, harmful objects or other things beside the tensors."""

from __future__ import annotations

import argparse
import collections
import datetime
import functools
import gzip
import os
import pathlib
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from attnseg_training.release.no_checkpoint import instead
from attnseg_training.release.plain_types import StandIn, load_plain
from attnseg_training.release.saved_state import read_state
from napari_attnseg.errors import CheckpointError

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}


class Reduced:
    """Is pickled as a call."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call


def save(content: object, path: Path, old: bool = False) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    return path


def is_state(found: dict[str, torch.Tensor]) -> bool:
    return found.keys() == STATE.keys() and all(
        torch.equal(found[name], value) for name, value in STATE.items()
    )


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_state(path)
    return str(caught.value)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(
    "beside",
    [
        np.float64(0.91),
        np.arange(3.0),
        np.array(["a", None], object),
        np.float32,
        np.random.RandomState(1).get_state(),
        argparse.Namespace(lr=1e-3, out=pathlib.PurePosixPath("/data")),
        pathlib.PureWindowsPath("C:/data"),
        Path("data"),
        datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC),
        datetime.timedelta(1),
        collections.defaultdict(list, {"loss": [0.5]}),
        collections.deque([1.0, 2.0], maxlen=5),
        collections.OrderedDict(a=1),
        torch.Size([2, 3]),
        torch.__version__,
        frozenset([1]),
        range(3),
    ],
    ids=lambda one: type(one).__name__,
)
def test_plain_data_beside_a_state_dict_is_no_reason_to_refuse_it(
    beside: object, old: bool, tmp_path: Path
) -> None:
    content = {"epoch": 3, "beside": beside, "state_dict": STATE}
    assert is_state(read_state(save(content, tmp_path / "best.pth", old)))


def test_a_path_of_another_system_is_not_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other:
        pass

    Other.__module__, Other.__name__, Other.__qualname__ = (
        "pathlib",
        *["WindowsPath"] * 2,
    )
    with monkeypatch.context() as patched:
        patched.setattr(pathlib, "WindowsPath", Other)
        path = save({"out": Reduced(Other, ()), "net": STATE}, tmp_path / "a.pth")
    assert is_state(read_state(path))


def test_a_defaultdict_may_be_the_state_dict(tmp_path: Path) -> None:
    content = {"model": collections.defaultdict(int, STATE)}
    assert is_state(read_state(save(content, tmp_path / "a.pth")))


def test_plain_data_is_not_built_and_nothing_stays_allowed(tmp_path: Path) -> None:
    path = save({"args": argparse.Namespace(a=1)}, tmp_path / "a.pth")
    assert isinstance(load_plain(path)["args"], StandIn)
    assert type(load_plain(path)["args"]) is not argparse.Namespace
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(
    ("call", "told"),
    [
        ((os.system, ("touch RAN",)), f"{os.name}.system"),
        ((eval, ("open('RAN', 'w')",)), "builtins.eval"),
        ((functools.partial, (open, "RAN", "w")), "functools.partial"),
        ((getattr, ("text", "upper")), "builtins.getattr"),
    ],
)
def test_what_could_run_code_is_refused_by_name(
    call: Any, told: str, old: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    args = argparse.Namespace(harm=Reduced(*call))
    content = {"args": args, "out": Path("x"), "model": STATE}
    message = refused(save(content, tmp_path / "bad.pth", old))
    assert "could run code" in message
    assert f"holds {told}" in message.replace("posix.", f"{os.name}.")
    assert "Namespace" not in message
    assert "torch.save(network.state_dict()" in message
    assert not (tmp_path / "RAN").exists()


def test_a_whole_network_is_refused_by_its_type(tmp_path: Path) -> None:
    path = save(torch.nn.Sequential(torch.nn.Linear(2, 2)), tmp_path / "net.pth")
    assert "holds torch.nn.modules.container.Sequential, torch.nn" in refused(path)


def test_a_pickle_of_another_protocol_is_refused_by_its_types(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(pickle.dumps({"x": Reduced(eval, ("1",))}, protocol=4))
    assert "holds builtins.eval" in refused(path)


def test_arrays_of_numpy_are_no_tensors(tmp_path: Path) -> None:
    content = {name: value.numpy() for name, value in STATE.items()}
    assert "holds no tensors" in refused(save(content, tmp_path / "a.pth"))


def zipped(path: Path) -> bytes:
    with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
        archive.write(path, "weights/best.pth")
    return path.with_suffix(".zip").read_bytes()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda _: b"", "is empty"),
        (lambda _: b"\n<!DOCTYPE html><html></html>", "download the file itself"),
        (lambda _: b'{"error": "not found"}', "download the file itself"),
        (lambda _: b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (lambda one: gzip.compress(one.read_bytes()), "compressed archive; unpack"),
        (zipped, "unpack it, and give the checkpoint inside, such as weights/best.pth"),
        (lambda one: one.read_bytes()[:700], "something else, or damaged"),
    ],
)
def test_a_file_in_the_place_of_a_checkpoint_is_named(
    make: Any, told: str, tmp_path: Path
) -> None:
    sound = save({"model": STATE}, tmp_path / "sound.pth")
    (tmp_path / "got.pth").write_bytes(make(sound))
    message = refused(tmp_path / "got.pth")
    assert told in message
    assert "code" not in message


@pytest.mark.parametrize("first", [b"<", b"{", b"\n<"])
def test_a_binary_file_is_no_web_page(first: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(first.ljust(8, b"\0") + b'{"a": 1}')
    assert instead(tmp_path / "a.pth") == ""


@pytest.mark.parametrize("old", [False, True])
def test_a_checkpoint_cut_anywhere_is_refused(old: bool, tmp_path: Path) -> None:
    data = save(
        {"a": np.float64(1), "model": STATE}, tmp_path / "a.pth", old
    ).read_bytes()
    for end in range(0, len(data) - 1, max(1, len(data) // 50)):
        (tmp_path / "cut.pth").write_bytes(data[:end])
        assert "code" not in refused(tmp_path / "cut.pth")
