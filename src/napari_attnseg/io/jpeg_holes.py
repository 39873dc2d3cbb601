"""Find holes of zeros in the pixels of a JPEG, as broken transfers or disks leave them.

Decoders go on behind a hole, with other colours and shifted blocks, without a word.
"""

from __future__ import annotations

from napari_attnseg.io.jpeg_markers import SOS, pixels_end, segments

#: Bytes of 0 in a row: a sector of a disk. Compressed pixels hardly have 5 of them.
HOLE = 512
_DHT = 0xC4
#: Frames whose pixels are not in Huffman codes of blocks.
_OTHER_FRAMES = (0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))


def expect_no_hole(data: bytes) -> None:
    """Raise ValueError if the pixels of a JPEG have a hole of zeros.

    Zeros may mean an even area, if the tables have the shortest codes for it: such
    scans are left out.
    """
    if bytes(HOLE) not in data:
        return
    first: dict[int, int] = {}
    for marker, payload, end in segments(data):
        if marker in _OTHER_FRAMES:
            return
        if marker == _DHT:
            first |= _first_symbols(payload)
        elif (
            marker == SOS
            and not _may_be_even(payload, first)
            and bytes(HOLE) in data[end : pixels_end(data, end)]
        ):
            raise ValueError(
                "it is damaged: its pixels have a hole of zeros, as a broken transfer "
                "leaves it"
            )


def _first_symbols(tables: bytes) -> dict[int, int]:
    """Class and number of each table → the symbol whose code is all zeros."""
    found: dict[int, int] = {}
    while len(tables) > 17:
        count = sum(tables[1:17])
        found[tables[0]] = tables[17]
        tables = tables[17 + count :]
    return found


def _may_be_even(scan: bytes, first: dict[int, int]) -> bool:
    """Whether zeros in this scan may mean blocks that are like the one before."""
    count = scan[0]
    start, end, bits = scan[1 + 2 * count : 4 + 2 * count]
    if bits >> 4:  # single bits of what earlier scans sent
        return True
    for table in scan[2 : 2 + 2 * count : 2]:
        if start == 0 and first.get(table >> 4, 0) != 0:
            return False
        # 0, 16 … 224: the block, or many of them, end here.
        symbol = first.get(0x10 | table & 15, 0)
        if end and (symbol & 15 or symbol == 0xF0):
            return False
    return True
