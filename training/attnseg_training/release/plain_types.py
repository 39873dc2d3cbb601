"""Plain data types that may lie beside the tensors of a checkpoint, and others.

What they hold is not needed. So none of them is built: each name stands for a class or
function of this module, which ignores what it is given. So no code of NumPy, of pathlib
or of the file runs, and a ``WindowsPath`` can be read on every system.
"""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self

import torch

#: Module → its types that hold data only. Never a pattern: other types may be networks,
#: whose weights would then be left out without a word.
_PLAIN = {
    # Options of a command, which hold numbers and text.
    "argparse": ("Namespace",),
    "types": ("SimpleNamespace",),
    # Paths to data and results.
    "pathlib": (
        *("Path", "PosixPath", "WindowsPath"),
        *("PurePath", "PurePosixPath", "PureWindowsPath"),
    ),
    # The same ones as Python 3.13 names them.
    "pathlib._local": (
        *("Path", "PosixPath", "WindowsPath"),
        *("PurePath", "PurePosixPath", "PureWindowsPath"),
    ),
    # When it was saved.
    "datetime": ("datetime", "date", "time", "timedelta", "timezone"),
    # Numbers of a validation; numpy.core is what NumPy before 2 calls numpy._core.
    "numpy": (
        *("dtype", "ndarray", "bool", "bool_", "str_", "float16", "float32"),
        *("float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"),
        "uint64",
    ),
    "numpy.core.multiarray": ("scalar", "_reconstruct"),
    "numpy._core.multiarray": ("scalar", "_reconstruct"),
    "decimal": ("Decimal",),
    "uuid": ("UUID",),
    # What a defaultdict makes new values of, and plain containers. In files, range is
    # called xrange.
    "builtins": (
        *("bool", "int", "float", "str", "bytes", "list", "dict", "tuple"),
        *("frozenset", "range", "xrange", "slice"),
    ),
    # torch.__version__, which is a text.
    "torch.torch_version": ("TorchVersion",),
}
#: Modules whose types `torch.load` itself reads; never named as what is refused.
_TORCH = {
    *("torch", "torch._tensor", "torch._utils", "torch.nn.parameter"),
    *("torch.serialization", "_codecs", "collections"),
}
_READ = {
    *("torch.storage.TypedStorage", "torch.storage.UntypedStorage"),
    *("builtins.set", "builtins.bytearray", "builtins.complex"),
}
#: Pickles in a file of PyTorch before 1.6: a number, version, system and content.
_OLD_PICKLES = 4


class StandIn:
    """Take the place of an object that is not built."""

    def __new__(cls, *_: object) -> Self:
        """Ignore what the object would be made of."""
        return object.__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Ignore what the object would hold."""


def _defaultdict(*_: object) -> dict[Any, Any]:
    """Return the dict into which what a defaultdict holds is put."""
    return {}


def _deque(*_: object) -> list[Any]:
    """Return the list to which what a deque holds is appended."""
    return []


def _stand_ins() -> list[Any]:
    """One stand-in for each plain type, with the type's module and name."""
    # PyTorch before 2.6 takes no other name than that of the class or function itself.
    for function, name in ((_defaultdict, "defaultdict"), (_deque, "deque")):
        function.__module__ = "collections"
        function.__name__ = function.__qualname__ = name
    return [_defaultdict, _deque] + [
        type(name, (StandIn,), {"__module__": module})
        for module, names in _PLAIN.items()
        for name in names
    ]


_STAND_INS = _stand_ins()


def load_plain(path: Path) -> Any:
    """Content of a checkpoint; plain data other than tensors are `StandIn` objects.

    Raises
    ------
    Exception
        Those of `torch.load`, for example if it names any other type.
    """
    with torch.serialization.safe_globals(_STAND_INS):
        return torch.load(path, map_location="cpu", weights_only=True)


def other_types(path: Path) -> list[str]:
    """Types in a checkpoint that are never built, in their order; empty if unknown.

    The file is only looked through: nothing of it is built.
    """
    plain = {f"{module}.{name}" for module, names in _PLAIN.items() for name in names}
    found: dict[str, None] = {}
    try:
        for module, name in _named(path):
            full = f"{module}.{name}"
            if module not in _TORCH and full not in plain | _READ:
                found[full] = None
    except Exception:  # pickletools raises many kinds of them for damaged files
        pass
    return list(found)


def _named(path: Path) -> Iterator[tuple[str, str]]:
    """Modules and names that the pickles of a file name."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            for _ in range(_OLD_PICKLES):
                yield from _named_in(file)
        return
    with zipfile.ZipFile(path) as archive:
        for part in archive.namelist():
            if part.endswith("data.pkl"):
                with archive.open(part) as file:
                    yield from _named_in(file)


def _named_in(file: IO[bytes]) -> Iterator[tuple[str, str]]:
    texts: list[str] = []
    for opcode, value, _ in pickletools.genops(file):
        if opcode.name in ("GLOBAL", "INST"):
            module, _, name = str(value).partition(" ")
            yield module.replace("__builtin__", "builtins"), name
        elif opcode.name == "STACK_GLOBAL" and len(texts) > 1:
            yield texts[-2], texts[-1]
        elif isinstance(value, str):
            texts.append(value)
