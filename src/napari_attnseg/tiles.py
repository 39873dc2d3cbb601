"""Segment an image in overlapping tiles at its own resolution, and stitch the parts.

One pass sees the whole image at the network's size, in which small structures of a
large image disappear. A tile has the network's size in pixels of the image. The maps of
the tiles are averaged with Gaussian weights that sum to 1 at every pixel. Time grows
linearly with the number of pixels. MONAI's ``sliding_window_inference`` does the same
for one tensor, but it takes longer to import than torch and cannot stitch gate maps.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from napari_attnseg.boxes import Box, put_back
from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.intensity import (
    MAPPING,
    RULE,
    WHOLE_RANGE,
    Intensity,
    parse_intensity,
    rule_to_json,
)
from napari_attnseg.masks import MaskRules, make_mask
from napari_attnseg.preprocessing import RgbImage
from napari_attnseg.reliability.estimate import EstimateState
from napari_attnseg.reliability.rule import not_estimated
from napari_attnseg.results import (
    AttentionMap,
    EffectiveShare,
    GateKey,
    Segmentation,
    ShareState,
    gate_label,
)
from napari_attnseg.several_pictures import PICTURES, pictures_on_page
from napari_attnseg.tiling import OVERLAP, SPREAD, Axis, Stitched

if TYPE_CHECKING:
    from napari_attnseg.forced_gates import Forced
    from napari_attnseg.inference import Segmenter
    from napari_attnseg.prepared_image import PreparedImage

#: Key, in the provenance of a run, of how it was tiled.
TILES = "tiles"
#: Tiles that a GPU computes at once, at most.
AT_ONCE_ON_GPU = 8
#: Why something that needs one pass over the whole image is refused.
NEEDS_ONE_PASS = (
    "This result was made of tiles, and this needs one pass over the whole image; "
    "segment it without tiles."
)


@dataclass(slots=True, eq=False)
class _Gate:
    """Psi and effective share of one gate; of the share also where it is defined."""

    first: AttentionMap
    psi: Stitched
    share: Stitched
    defined: Stitched

    @classmethod
    def of(cls, first: AttentionMap, rows: Axis, columns: Axis) -> _Gate:
        shape = first.values.shape
        return cls(first, *(Stitched(rows, columns, shape) for _ in range(3)))

    def add(self, row: int, column: int, gate: AttentionMap) -> None:
        self.psi.add(row, column, gate.values)
        share = gate.effective_share.values
        if share is not None:
            self.share.add(row, column, np.nan_to_num(share))
            self.defined.add(row, column, np.isfinite(share))

    def result(self, shape: tuple[int, int]) -> AttentionMap:
        values = self.psi.values.clip(0, 1)
        stride = shape[0] / values.shape[0], shape[1] / values.shape[1]
        share = self.first.effective_share
        if share.state is ShareState.MEASURED:
            there = self.defined.values
            mean = np.full(there.shape, np.nan, np.float32)
            np.divide(self.share.values, there, out=mean, where=there > 0)
            share = EffectiveShare.measured(mean.clip(0, 1))
        return replace(self.first, values=values, stride=stride, effective_share=share)


def check_tiled(gates: Mapping[GateKey, Forced], readers: bool) -> None:
    """Refuse options that tiles do not support.

    Raises
    ------
    InputError
        If a gate is forced to its mean or to a map, or if `readers` is true.
    """
    if readers:
        raise InputError(
            "The masks by one encoder alone need the whole image at once; leave "
            "out the readers or the tiles."
        )
    for key, psi in gates.items():
        if isinstance(psi, str) or np.ndim(psi):
            raise InputError(
                f"With tiles a gate can be forced to a number or an encoder, but "
                f"{gate_label(key)} was given the mean or a map of the whole image; "
                "leave out that gate or the tiles."
            )


def segment_tiles(
    segmenter: Segmenter,
    image: ArrayLike,
    rgb: bool | None = None,
    flip: bool = False,
    intensity: Intensity | str | None = None,
    box: Box | None = None,
    gates: Mapping[GateKey, Forced] | None = None,
    threshold: float | None = None,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> Segmentation:
    """Segment one 2D image in overlapping tiles of the network's size.

    Intensities are mapped as those of the whole image. An image that is smaller than a
    tile is continued by its last row or column. The expected Dice has no number: it was
    measured on whole images.

    Parameters
    ----------
    segmenter : Segmenter
    image, rgb, flip, intensity, box
        As for `Segmenter.segment`.
    gates, threshold
        As for `Segmenter.decode`; a gate can be forced to a number or an end only.
    watch : callable
        Called with (tiles done, tiles in all) before each tile and after the last one.
        An error that it raises stops the work.

    Raises
    ------
    InputError, DeviceError
        As `Segmenter.segment` and `Segmenter.decode`.
    """
    how = rgb, flip, intensity, box, gates, threshold
    steps = tile_steps(segmenter, image, *how)
    while True:
        try:
            done, total = next(steps)
        except StopIteration as end:
            found: Segmentation = end.value
            return found
        watch(done, total)


def tile_steps(
    segmenter: Segmenter,
    image: ArrayLike,
    rgb: bool | None = None,
    flip: bool = False,
    intensity: Intensity | str | None = None,
    box: Box | None = None,
    gates: Mapping[GateKey, Forced] | None = None,
    threshold: float | None = None,
) -> Generator[tuple[int, int], None, Segmentation]:
    """Segment in tiles as `segment_tiles` does, step by step.

    Yields
    ------
    (int, int)
        Number of tiles done, and of all tiles, before each tile and after the last one.
    """
    forced, limit = segmenter.check(gates, threshold)
    check_tiled(forced, False)
    whole = np.asarray(image)
    part = whole
    if box is not None and whole.ndim > 1:  # else refused below
        box.expect_inside(whole.shape[:2])
        part = whole[box.slices]
    rule = parse_intensity(intensity, segmenter.card.preprocessing.intensity)
    source = RgbImage(part, rgb, rule)
    for _ in source.strips():
        pass  # counts what the mapping says of the whole image
    # The rule was measured on whole images.
    plain = replace(segmenter, card=replace(segmenter.card, expected_dice={}))
    size = segmenter.card.preprocessing.size
    rows, columns = (Axis(length, size) for length in source.shape)
    total = len(rows.starts) * len(columns.starts)
    stitched: Stitched | None = None
    maps: list[_Gate] = []
    facts: Mapping[str, Any] = {}
    done = 0
    for row, prepared in _tiles(plain, source, rows, columns):
        yield done, total
        for encoded in plain.encode_prepared(prepared, flip):
            found = plain.decode(encoded, forced, limit)
            if stitched is None:
                facts = found.provenance
                stitched = Stitched(rows, columns, found.probability.shape)
                maps = [_Gate.of(gate, rows, columns) for gate in found.attention]
            column = done % len(columns.starts)
            stitched.add(row, column, found.probability)
            for gate, of_tile in zip(maps, found.attention, strict=True):
                gate.add(row, column, of_tile)
            done += 1
    yield total, total
    assert stitched is not None  # there is at least one tile
    probability = stitched.values.clip(0, 1, out=stitched.values)
    mask = make_mask(probability, MaskRules(limit))
    mapping = source.mapping()
    card = segmenter.card
    own_mask = not forced and limit == card.threshold
    expected = not_estimated(card.expected_dice, EstimateState.TILES)
    known = expected.to_provenance() if expected is not None and own_mask else {}
    if box is None and (pictures := pictures_on_page(whole)):
        known[PICTURES] = pictures
    facts = {
        **facts,
        "intensity": str(mapping),
        RULE: rule_to_json(rule),
        MAPPING: mapping.to_json(),
        "image_sha256": array_sha256(whole),
        "mask_sha256": array_sha256(mask),
        TILES: _story(rows, columns),
        **known,
        "date": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    attention = tuple(gate.result(source.shape) for gate in maps)
    result = Segmentation(mask, probability, attention, facts)
    return result if box is None else put_back(result, box, whole.shape[:2])


def _story(rows: Axis, columns: Axis) -> dict[str, Any]:
    """Facts about the tiling of an image, for its provenance."""
    return {
        "size": rows.size,
        "overlap": OVERLAP,
        "weights": "gaussian",
        "spread": SPREAD,
        "rows": len(rows.starts),
        "columns": len(columns.starts),
        "continued": [max(0, axis.size - axis.length) for axis in (rows, columns)],
    }


def _tiles(
    segmenter: Segmenter, source: RgbImage, rows: Axis, columns: Axis
) -> Iterator[tuple[int, list[PreparedImage]]]:
    """Tiles that are computed at once, and their row of tiles: row by row."""
    at_once, size = _at_once(segmenter.device), rows.size
    for row, top in enumerate(rows.starts):
        strip = source.rows(top, min(top + size, rows.length))
        missing = ((0, max(0, size - len(strip))), (0, max(0, size - strip.shape[1])))
        strip = np.pad(strip, (*missing, (0, 0)), mode="edge")
        lefts = iter(columns.starts)
        while some := list(islice(lefts, at_once)):
            parts = [strip[:, left : left + size] for left in some]
            how = True, WHOLE_RANGE, None, True
            yield row, [segmenter.prepare(part, *how) for part in parts]


def _at_once(device: str) -> int:
    return AT_ONCE_ON_GPU if device.startswith("cuda") else 1
