"""Take apart a state dict that holds one network several times, such as its average.

Lightning saves all networks of a module in one state dict, as ``model.…`` and
``ema_model.…``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

#: A group of at most so many tensors is no network, but for example weights of a loss.
_FEW = 2
#: What torch's average of weights (SWA) counts beside its network.
AVERAGED = "n_averaged"
#: What networks are called, unlike their blocks.
_NETWORK = re.compile(r"model|net|ema|teacher|student|average|swa")


def networks_of(state: Mapping[Any, Any], wrapper: str) -> dict[str, dict[str, Any]]:
    """First part of the names → tensors of that network, by the rest of their names.

    Parameters
    ----------
    state : mapping
        State dict.
    wrapper : str
        Prefix that some of the networks may have in addition.

    Returns
    -------
    dict
        Two or more networks of the same names and shapes; empty if there is only one.
    """
    groups: dict[str, dict[str, Any]] = {}
    for name, value in state.items():
        first, dot, rest = str(name).partition(".")
        # A count beside an average of weights is no part of its network.
        if isinstance(value, Tensor) and dot and rest != AVERAGED:
            groups.setdefault(first, {})[rest.removeprefix(wrapper)] = value
    large = {first: one for first, one in groups.items() if len(one) > _FEW}
    kinds = {
        frozenset((name, value.shape) for name, value in one.items())
        for one in large.values()
    }
    called = all(_NETWORK.search(first.lower()) for first in large)
    return large if len(large) > 1 and len(kinds) == 1 and called else {}
