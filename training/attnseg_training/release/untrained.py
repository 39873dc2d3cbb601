"""Recognise state dicts of untrained weights: constant, or as they were initialised."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from napari_attnseg.checkpoints import expect_finite
from napari_attnseg.errors import CheckpointError

#: Ends of the names of parameters, and of the statistics of BatchNorm.
_PARAMETERS = (".weight", ".bias", ".running_mean", ".running_var")
_MEAN, _VARIANCE = ".running_mean", ".running_var"


def expect_trained(state: Mapping[str, Tensor], name: str) -> str:
    """Check that a state dict may hold trained weights.

    Parameters
    ----------
    state : mapping of str to Tensor
        Name of a tensor → the tensor.
    name : str
        Name of its file, for messages.

    Returns
    -------
    str
        One sentence if a part of it seems never to have been trained; else empty.

    Raises
    ------
    CheckpointError
        If its weights are integers, not finite, or each tensor is constant.
    """
    for key, value in state.items():
        if key.endswith(_PARAMETERS) and not value.is_floating_point():
            kind = str(value.dtype).removeprefix("torch.")
            raise CheckpointError(
                f"Expected floating-point weights in {name}, but its tensor {key} "
                f"is {kind}: they are quantised, and the scales to convert them back "
                "are not in the file; choose the weights before quantisation."
            )
    expect_finite(state, name)
    # Biases begin as 0, and scales as 1.
    kernels = [v for k, v in state.items() if k.endswith(".weight") and v.ndim > 1]
    if kernels and all(bool((v == v.flatten()[0]).all()) for v in kernels if v.numel()):
        raise CheckpointError(
            f"Expected trained weights in {name}, but each of its tensors holds one "
            f"number alone, such as {float(kernels[0].flatten()[0]):g}: these weights "
            "were never trained; choose those that a training saved."
        )
    means = [key for key in state if key.endswith(_MEAN)]
    fresh = [key for key in means if _is_fresh(state, key.removesuffix(_MEAN))]
    if not fresh:
        return ""
    which = "all" if len(fresh) == len(means) else f"{len(fresh)} of the {len(means)}"
    return (
        f"In {name} {which} BatchNorm layers have mean 0 and variance 1 throughout, as "
        f"before any training (such as {fresh[0].removesuffix(_MEAN)}): these weights "
        "were never trained, or their statistics were lost; choose those that a "
        "training saved, or evaluate these before using them."
    )


def _is_fresh(state: Mapping[str, Tensor], layer: str) -> bool:
    """Whether the statistics of a BatchNorm layer were never updated."""
    mean, variance = state[layer + _MEAN], state.get(layer + _VARIANCE)
    return (
        variance is not None and bool((mean == 0).all()) and bool((variance == 1).all())
    )
