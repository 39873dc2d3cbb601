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
#: Words that may follow them: a `delta_state_dict` holds a delta.
_HOLDERS = {
    *("state", "dict", "statedict", "weight", "weights", "params", "parameters"),
    *("buffer", "buffers"),
}
#: Words of keys under which networks are saved.
_WEIGHTS = {
    *("state", "dict", "statedict", "model", "module", "net", "network", "weights"),
    *("weight", "params", "parameters", "ema", "swa", "teacher", "student", "raw"),
    *("averaged", "average", "avg", "best", "last", "final", "generator", "encoder"),
    *("segmenter", "segmentation", "unet", "checkpoint", "shadow", "online", "target"),
}


def expect_weights(key: str, file: str, chosen: bool) -> str:
    """Return a sentence to tell if a key is unusual; empty if it is a known one.

    Parameters
    ----------
    key : str
        Key, and those around it, with dots between them; empty if there is none.
    file : str
        Name of the file, for the message.
    chosen : bool
        Whether the user chose the key; then nothing is refused.

    Raises
    ------
    CheckpointError
        If the key says that its tensors are differences from a network, or of an
        optimizer.
    """
    none = any(map(_says_no_weights, key.lower().split(".")))
    if none and not chosen:
        raise CheckpointError(
            f"Expected the weights of a network in {file}, but its tensors lie under "
            f"{key!r}, as differences from another network or an optimizer's numbers "
            "do; add them to that network, and save the state_dict of the sum, or give "
            f"--state {key} if they are weights."
        )
    if not none and (not key or set(_words(key.lower())) & _WEIGHTS):
        return ""
    return (
        f"The tensors of {file} lie under {key!r}, and were taken as the weights of "
        "the network; evaluate them before use."
    )


def _says_no_weights(part: str) -> bool:
    """Whether a part of a key is such a word, or ends in it.

    In `residual_unet` or `momentum_encoder`, such a word says which network it is.
    """
    named = [word for word in _words(part) if word not in _HOLDERS]
    return not _NO_WEIGHTS.isdisjoint({"_".join(named), *named[-1:]})


def _words(key: str) -> list[str]:
    return [word for word in re.split(r"[._\s-]+", key) if word]
