"""The key under which a checkpoint holds a state dict, and what it says of it."""

from __future__ import annotations

import re

from napari_attnseg.errors import CheckpointError

#: Words of keys under which differences and states of optimizers are saved.
_NO_WEIGHTS = {
    *("delta", "deltas", "diff", "diffs", "difference", "update", "updates", "lora"),
    *("grad", "grads", "gradient", "gradients", "momentum", "velocity", "residual"),
    *("exp_avg", "exp_avg_sq", "task_vector"),
}
#: Words of keys under which networks are saved.
_WEIGHTS = {
    *("state", "dict", "statedict", "model", "module", "net", "network", "weights"),
    *("weight", "params", "parameters", "ema", "swa", "teacher", "student", "raw"),
    *("averaged", "average", "avg", "best", "last", "final", "generator", "encoder"),
    *("segmenter", "segmentation", "unet", "checkpoint", "shadow", "online", "target"),
}


def expect_weights(key: str, file: str) -> str:
    """Return a sentence to tell if a key is unusual; empty if it is a known one.

    Raises
    ------
    CheckpointError
        If the key says that its tensors are differences from a network, or of an
        optimizer.
    """
    words = set(re.split(r"[._\s-]+", key.lower()))
    names = {part.lower() for part in key.split(".")}
    if (words | names) & _NO_WEIGHTS:
        raise CheckpointError(
            f"Expected the weights of a network in {file}, but its tensors lie under "
            f"{key!r}, as differences from another network or an optimizer's numbers "
            "do; add them to that network, and save the state_dict of the sum."
        )
    if not key or words & _WEIGHTS:
        return ""
    return (
        f"The tensors of {file} lie under {key!r}, and were taken as the weights of "
        "the network; evaluate them before use."
    )
