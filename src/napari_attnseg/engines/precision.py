"""In which precision PyTorch computes on a device."""

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
        By torch's name.
    wanted : str
        ``fp32``, or ``auto``: float16 on a GPU, float32 on a CPU, where less was
        measured to be slower. Not bfloat16, whose masks are not those of float32: it
        has 8 significant bits, float16 has 11.

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
