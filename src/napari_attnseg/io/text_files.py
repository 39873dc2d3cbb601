"""Decode text that other programs saved: UTF-8 or, by its byte-order mark, UTF-16."""

from __future__ import annotations

from pathlib import Path

from napari_attnseg.errors import InputError

#: Byte-order marks of UTF-16: little-endian, as PowerShell writes it, and big-endian.
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


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
    utf_16 = data.startswith(_UTF_16)
    return data.decode("utf-16" if utf_16 else "utf-8-sig", errors)


def read_utf_8(path: Path) -> str:
    """Text of a file that people write, without a byte-order mark.

    Raises
    ------
    InputError
        If it is saved in another encoding.
    OSError
        If it cannot be opened.
    """
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        other = "another encoding, such as ANSI (Windows-1252)"
        raise InputError(
            f"{path} cannot be read, because it is saved as "
            f"{'UTF-16' if data.startswith(_UTF_16) else other}; save it as UTF-8."
        ) from error
