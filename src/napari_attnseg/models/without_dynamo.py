"""Import libraries without torch's compiler, which takes longer than all of timm."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

NAME = "torch._dynamo"


class _StandIn(ModuleType):
    """`torch._dynamo` or a module of it; what it lacks comes from the real one."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what the import system asks any module for
            raise AttributeError(name)
        return getattr(_real(self.__name__), name)


@contextmanager
def without_dynamo() -> Iterator[None]:
    """Within it, `torch._dynamo` is a stand-in; afterwards it is imported when needed.

    torchvision and timm import torch's compiler for two functions: `disable`, which
    keeps a function from being compiled, and `is_compile_supported`, which torchvision
    asks when one of its operators runs. The stand-in has both. They do as the real ones
    from the moment in which somebody imports the compiler or asks. Does nothing where
    it is imported already.
    """
    if NAME in sys.modules:
        yield
        return
    package, utilities = _StandIn(NAME), _StandIn(f"{NAME}.utils")
    package.__path__ = []
    package.__dict__.update(utils=utilities, disable=_disable)
    utilities.__dict__.update(is_compile_supported=_is_compile_supported)
    modules = {one.__name__: one for one in (package, utilities)}
    sys.modules.update(modules)
    try:
        yield
    finally:
        _forget()


def _forget() -> None:
    for name in (NAME, f"{NAME}.utils"):
        if isinstance(sys.modules.get(name), _StandIn):
            del sys.modules[name]


def _real(name: str) -> ModuleType:
    _forget()
    return importlib.import_module(name)


def _disable(
    fn: Callable[..., Any] | None = None, recursive: bool = True, **options: Any
) -> Callable[..., Any]:
    """As `torch._dynamo.disable`, once there is something that compiles."""
    if fn is None:
        return functools.partial(_disable, recursive=recursive, **options)

    @functools.wraps(fn)
    def uncompiled(*args: Any, **kwargs: Any) -> Any:
        if NAME not in sys.modules:
            return fn(*args, **kwargs)
        return _real(NAME).disable(fn, recursive, **options)(*args, **kwargs)

    return uncompiled


def _is_compile_supported(device_type: str) -> bool:
    utilities = _real(f"{NAME}.utils")
    return bool(utilities.is_compile_supported(device_type))
