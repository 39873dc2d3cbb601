"""Damaged pictures in a film, of which FFmpeg's decoders say nothing by themselves."""

from __future__ import annotations

from typing import Any

#: Codecs whose decoders pass over damage unless they are told to stop there.
STRICT = ("mjpeg", "mpeg1video", "mpeg2video")
#: Codecs that decode bytes of 0 to some picture, and never write so many of them.
_NO_ZEROS = (
    "h264",
    "hevc",
    "vp8",
    "vp9",
    "av1",
    "mpeg4",
    "wmv1",
    "wmv2",
    "wmv3",
    "vc1",
    "ffv1",
)
_NEVER_FILLED = ("vp8", "wmv1", "wmv2", "ffv1")
#: A sector of a disk that could not be read.
_SECTOR = bytes(512)
#: What a JPEG picture ends with, and the most bytes of 0 of one that ends otherwise.
_JPEG_END, _FILLED = b"\xff\xd9", 16


def is_blank(packet: Any, decoder: Any) -> bool:
    """Return whether a part of a packet was lost and is filled with bytes of 0.

    Parameters
    ----------
    packet : av.Packet
    decoder : av.CodecContext
        Its decoder.
    """
    codec = decoder.codec.canonical_name
    if codec == "mjpeg":
        data = bytes(packet)
        picture = data.rstrip(b"\0")
        return len(data) - len(picture) > _FILLED and not picture.endswith(_JPEG_END)
    if codec not in _NO_ZEROS:
        return False
    data = bytes(packet)
    at = data.find(_SECTOR)
    # Bytes of 0 may fill up a packet, or the place before the next start code.
    filled = () if codec in _NEVER_FILLED else (b"", b"\1")
    return at >= 0 and data[at:].lstrip(b"\0")[:1] not in filled
