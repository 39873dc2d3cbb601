"""Kinds of films that are refused (HDR) or told (interlaced)."""

from __future__ import annotations

from typing import Any

from napari_attnseg.errors import InputError

#: ``AVColorTransferCharacteristic`` of FFmpeg: brightness as HDR stores it.
_HDR = {16: "PQ", 18: "HLG"}
#: ``AVColorPrimaries`` of FFmpeg: the wide range of colours of BT.2020.
_BT2020 = 9

#: Sentence on an interlaced film, with its name.
INTERLACED_WORDS = (
    "{} is interlaced: each frame holds the rows of two moments, which are not "
    "separated, so that what moves has combed edges; deinterlace it first, for example "
    "with FFmpeg's filter bwdif."
)


def expect_sdr(name: str, decoder: Any) -> None:
    """Refuse a film whose numbers are not those of ordinary (SDR) colours.

    Parameters
    ----------
    name : str
        Name of the film.
    decoder : av.CodecContext
        Its decoder, after the first frame.

    Raises
    ------
    InputError
    """
    kind = _HDR.get(int(decoder.color_trc or 0))
    if kind is None and int(decoder.color_primaries or 0) != _BT2020:
        return
    what = f"HDR ({kind})" if kind else "in the wide range of colours of BT.2020"
    raise InputError(
        f"Expected a film in ordinary colours (SDR, BT.709), but {name} is {what}, "
        "and its frames would be pale; convert the film to SDR (BT.709) first."
    )
