"""Decode text that other programs saved: UTF-8 or, by its byte-order mark, UTF-16."""

from __future__ import annotations


def decoded(data: bytes, errors: str = "strict") -> str:
    """Text without a byte-order mark.

    Parameters
    ----------
    data : bytes
        UTF-8 with or without a byte-order mark, or UTF-16 with one.
    errors : str
        As of ``bytes.decode``.

    Raises
    ------
    UnicodeDecodeError
        If it is neither, unless `errors` says otherwise.
    """
    utf_16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    return data.decode("utf-16" if utf_16 else "utf-8-sig", errors)
