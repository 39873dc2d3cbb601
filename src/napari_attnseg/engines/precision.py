"""Choose the precision in which PyTorch computes on a device."""

from __future__ import annotations

from napari_attnseg.errors import InputError

#: What can be asked for. float32 unless asked otherwise: that fewer bits give the same
#: masks was not measured on a GPU yet.
PRECISIONS = ("fp32", "auto")


def precision_on(device: str, wanted: str) -> str:
    """Precision that a device computes in.

    Parameters
    ----------
    device : str
        Name of the device in torch, such as ``cuda:0``.
    wanted : str
        ``fp32``, or ``auto``, which means float16 on a GPU and float32 on a CPU. On a
        CPU, lower precision was measured to be slower. bfloat16 is not used, because
        its masks differ from those of float32: it has 8 significant bits, and float16
        has 11.

    Raises
    ------
    InputError
        If `wanted` is neither.
    """
    if wanted not in PRECISIONS:
        raise InputError(
            f"Expected the precision {' or '.join(PRECISIONS)}, got {wanted!r}; leave "
            "it out for fp32."
        )
    return "float32" if wanted == "fp32" or device == "cpu" else "float16"
