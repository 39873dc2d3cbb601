"""Build networks without initial values, for parameters that come from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

#: How constructors give a parameter its first values, in place: functions of
#: `torch.nn.init`, and methods.
_FILLS = {name for name in dir(nn.init) if name.endswith("_") and name[0] != "_"}
_FILLS |= {"add_", "clamp_", "erfinv_", "fill_", "mul_", "zero_"}


class _NoFills(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        options = kwargs or {}
        filled = args[0] if args else options.get("tensor")
        if isinstance(filled, nn.Parameter) and func.__name__ in _FILLS:
            return filled
        return func(*args, **options)


@contextmanager
def without_initial_values() -> Iterator[None]:
    """Context in which the parameters of new modules are not initialised.

    It is for networks whose parameters are then all loaded from a file, because drawing
    random numbers takes longer than loading. Buffers are computed as usual. Some
    buffers, such as the window masks of a Swin, are in no file; therefore a network is
    not built on torch's meta device instead. The state of the random generator does not
    change.
    """
    state = torch.get_rng_state()
    try:
        with _NoFills():
            yield
    finally:
        torch.set_rng_state(state)
