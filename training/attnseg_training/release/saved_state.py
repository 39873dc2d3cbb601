"""Read the state dict of a network from a checkpoint (.pth), running no code of it."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from attnseg_training.release.joined_states import AVERAGED, networks_of
from attnseg_training.release.no_checkpoint import instead
from attnseg_training.release.plain_types import load_plain, other_types
from attnseg_training.release.wrapping_keys import expect_weights
from attnseg_training.release.zip_checksums import expect_undamaged
from napari_attnseg.errors import CheckpointError

#: Before tensors' names of a network in DataParallel, or of an average of weights.
MODULE = "module."
#: In tensors' names of a network, or a part of one, that torch.compile wrapped.
COMPILED = "_orig_mod."
_WANT = "Expected a PyTorch checkpoint (.pth) of tensors and plain data"
#: How to write a file that can be read, and number of types that a message lists.
_SAVE, _TOLD = 'torch.save(network.state_dict(), "weights.pth")', 3


def read_state(
    path: Path, name: str = "", tell: Callable[[str], None] = lambda _: None
) -> dict[str, Tensor]:
    """State dict of the network in a checkpoint.

    Parameters
    ----------
    path : Path
        The ``.pth`` file.
    name : str
        Name of the state dict in the file, if it holds several, such as those of raw
        and averaged weights; empty if it holds one.
    tell : callable
        Called with a sentence if the key of the state dict is an unusual one.

    Raises
    ------
    CheckpointError
        If the file is damaged or cannot be read without running code, it is not clear
        which state dict is meant, or its key says that it holds differences.
    """
    expect_undamaged(path)
    content = _content(path)
    if not isinstance(content, dict):
        raise CheckpointError(
            f"{_WANT}, but {path.name} holds a {type(content).__name__}; save its "
            "state_dict."
        )
    found = _states(content) or networks_of(content, MODULE)
    if name and name not in found:
        named = ", ".join(found) or "none that has a name"
        raise CheckpointError(
            f"Expected one of the state dicts of {path.name} ({named}), got "
            f"{name!r}; choose one of them with --state."
        )
    distinct = [one for i, one in enumerate(found) if not _repeats(found, i)]
    if not name and len(distinct) > 1:
        raise CheckpointError(
            f"Expected one network in {path.name}, found the state dicts "
            f"{', '.join(distinct)}; say which with --state, such as --state "
            f"{distinct[-1]}."
        )
    if name or distinct:
        key = name or distinct[0]
        if told := expect_weights(key, path.name, chosen=bool(name)):
            tell(told)
        content = found[key]
    state = {
        str(key).replace(COMPILED, ""): value
        for key, value in content.items()
        if isinstance(value, Tensor)
    }
    if not state:
        raise CheckpointError(
            f"{_WANT}, but {path.name} holds no tensors, or none by the names of a "
            f"network; save its state_dict: {_SAVE}."
        )
    bare = {key.removeprefix(MODULE): v for key, v in state.items()}
    if all(key.startswith(MODULE) for key in state if key != AVERAGED):
        bare.pop(AVERAGED, None)
    return bare


def _content(path: Path) -> Any:
    try:
        told = instead(path)
    except OSError as error:
        raise CheckpointError(
            f"{_WANT}, but {path} cannot be read ({error.strerror}); check the path."
        ) from error
    if told:
        raise CheckpointError(f"{_WANT}, but {path.name} is {told}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of TorchScript, told below
            return load_plain(path)
    except Exception as error:  # torch.load raises many kinds of them
        raise CheckpointError(f"{_WANT}, but {path.name} {_why(path)}.") from error


def _why(path: Path) -> str:
    """Why a file is not loaded, and what to do."""
    if _is_program(path):
        return (
            "is a program of TorchScript, which is never run; save the state_dict of "
            "the network that it was made of"
        )
    if types := other_types(path):
        listed = ", ".join(types[:_TOLD]) + (" …" if len(types) > _TOLD else "")
        return (
            f"holds {listed}, of which loading could run code, so it is not loaded; "
            "where that code is known, load it, and save the state_dict alone: "
            f"{_SAVE}"
        )
    return (
        "is something else, or damaged; download or copy it again, or save the "
        f"state_dict alone: {_SAVE}"
    )


def _is_program(path: Path) -> bool:
    """Whether a file is one of TorchScript, which has its constants aside."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as file:
        return any(name.endswith("/constants.pkl") for name in file.namelist())


def _states(content: Mapping[Any, Any], before: str = "") -> dict[str, dict[Any, Any]]:
    """Dicts of tensors under a checkpoint's keys, without those of optimizers."""
    found: dict[str, dict[Any, Any]] = {}
    for key, value in content.items():
        if not isinstance(value, dict) or "param_groups" in value:
            continue
        if any(isinstance(one, Tensor) and one.ndim > 0 for one in value.values()):
            apart = networks_of(value, MODULE) or {"": value}
            for name, state in apart.items():
                found[".".join(filter(None, (f"{before}{key}", name)))] = state
        else:
            found |= _states(value, f"{before}{key}.")
    return found


def _repeats(found: Mapping[str, Mapping[Any, Any]], index: int) -> bool:
    """Whether an earlier state dict has the same tensors."""
    states = list(found.values())
    return any(_same(one, states[index]) for one in states[:index])


def _same(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(value, other[key])
        for key, value in one.items()
        if isinstance(value, Tensor) and isinstance(other[key], Tensor)
    )
