"""Recognise weights that are 0 throughout, as of a damaged or pruned layer."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def zero_kernels(state: Mapping[str, Tensor], name: str) -> str:
    """One sentence if layers have only weights of 0; empty if there are none.

    Only convolutions and linear layers count (weights of two or more axes): biases and
    BatchNorm may begin as 0. No kernel of this project's networks begins as 0.

    Parameters
    ----------
    state : mapping of str to Tensor
        Name of a tensor → the tensor.
    name : str
        Name of its file, for the message.
    """
    kernels = {k: v for k, v in state.items() if k.endswith(".weight") and v.ndim > 1}
    zero = [key for key, value in kernels.items() if value.numel() and not value.any()]
    if not zero:
        return ""
    are = "weight is" if len(zero) == 1 else "weights are"
    return (
        f"In {name} {len(zero)} convolution or linear {are} 0 throughout (such as "
        f"{zero[0]}), which no training leaves: the trained ones were lost before "
        "the file was saved, or the layer was pruned; get the file again, or evaluate "
        "these weights before using them."
    )
