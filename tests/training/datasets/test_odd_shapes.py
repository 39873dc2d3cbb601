"""Masks of captions, cuts, boxes, ellipses, noise, runs in the wrong order are told."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, zoom

from attnseg_training.datasets.check import check
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.rules import Rule, RuleError
from attnseg_training.datasets.run_order import is_out_of_order
from attnseg_training.datasets.shown_masks import shapes_of
from attnseg_training.datasets.straight_cuts import StraightCuts

H, W = 160, 200
Y, X = np.mgrid[:H, :W]


def lesion(seed: int, large: int = 1) -> np.ndarray:
    """An uneven blob anywhere."""
    rng = np.random.default_rng(seed)
    y, x = rng.uniform(0.3, 0.7, 2) * (H, W)
    angle = np.arctan2(Y - y, X - x)
    waves = sum(
        rng.uniform(-0.12, 0.12) * np.sin(k * angle + rng.uniform(0, 6)) for k in (2, 3)
    )
    found: np.ndarray = np.hypot(Y - y, X - x) < large * rng.uniform(22, 38) * (
        1 + waves
    )
    return found


def jpeg(mask: np.ndarray) -> np.ndarray:
    """The mask as it comes back from a JPEG file, its edges softened before."""
    file = io.BytesIO()
    soft = gaussian_filter(255.0 * mask, 1.5).astype(np.uint8)
    Image.fromarray(soft).save(file, "JPEG", quality=70)
    back: np.ndarray = np.asarray(Image.open(file)) > 127
    return back


def captioned(mask: np.ndarray, seed: int, text: str, size: int) -> np.ndarray:
    """A mask with text below or above its lesion."""
    rows, columns = np.nonzero(mask)
    image = Image.fromarray(mask)
    top = int(rows.max()) + 3 if rows.max() + size < H else int(rows.min()) - size - 4
    left = min(int(columns.min()), W - size * len(text) // 2)
    font = ImageFont.load_default(size=size)
    ImageDraw.Draw(image).text((left, top), text, fill=1, font=font)
    return np.asarray(image)


def seen(masks: list[np.ndarray]) -> MasksSeen:
    """Masks of one class, read as two splits."""
    parts = MasksSeen(), MasksSeen()
    for i, mask in enumerate(masks):
        parts[i % 2].add(f"a{i}", mask[None].astype(np.uint8))
    return parts[0].joined(parts[1])


def told(masks: list[np.ndarray]) -> dict[Rule, tuple[str, ...]]:
    """Rules that are told of masks of one class → names."""
    return {hint.rule: hint.names for hint in seen(masks).hints()}


def test_uneven_blobs_are_no_odd_shapes() -> None:
    assert told([lesion(i) for i in range(12)]) == {}
    assert told([jpeg(lesion(i)) for i in range(12)]) == {}


@pytest.mark.parametrize(
    ("text", "size"),
    [("polyp 0.{}", 18), ("0.{}", 16), ("adenoma", 14), ("ID {}", 22)],
)
def test_captions_that_move_with_lesions_are_told(text: str, size: int) -> None:
    masks = [lesion(i) for i in range(10)]
    for i in range(4, 10):
        masks[i] = captioned(masks[i], i, text.format(81 + i), size)
    found = seen(masks)
    (hint,) = (one for one in found.shapes.hints(10) if one.rule == Rule.TEXT)
    assert set(hint.names) <= {f"a{i}" for i in range(4, 10)}
    # Characters that recur pixel for pixel stop training: one sentence is enough.
    stopped = Rule.BURNT_IN_TEXT in {error.rule for error in found.broken()}
    assert stopped != (Rule.TEXT in told(masks))


def test_rows_of_cells_are_no_text() -> None:
    cells = [
        (np.hypot((Y - 20 - i) % 16 - 8, (X - 3 * i) % 14 - 7) < 5) & (60 + 2 * i > Y)
        for i in range(8)
    ]
    assert Rule.TEXT not in told(cells)


@pytest.mark.parametrize("store", [np.asarray, jpeg])
def test_straight_ends_at_one_row_are_told(store) -> None:
    def below(i: int) -> np.ndarray:
        """What lies below row 84 is missing, if anything does."""
        return store(lesion(i) & (Y < 84))

    masks = [below(i) for i in range(10)]
    cut = {f"a{i}" for i in range(10) if (lesion(i)[84].sum() >= 16)}
    found = StraightCuts()
    for i, mask in enumerate(masks):
        found.add(f"a{i}", mask)
    (hint,) = found.hints()
    assert cut <= set(hint.names) and len(cut) >= 5
    assert f"before row 84 in {len(hint.names)} of 10 masks" in str(hint)


@pytest.mark.parametrize("store", [np.asarray, jpeg])
def test_tiles_in_the_wrong_order_end_at_one_place(store) -> None:
    masks = []
    for i in range(10):
        tiles = [np.hsplit(part, 2) for part in np.vsplit(lesion(i), 2)]
        masks.append(store(np.block([list(part) for part in zip(*tiles, strict=True)])))
    assert Rule.STRAIGHT_CUTS in told(masks)
    strips = [np.array_split(lesion(i), 4, axis=1) for i in range(10)]
    masks = [store(np.hstack([b, a, d, c])) for a, b, c, d in strips]
    assert Rule.STRAIGHT_CUTS in told(masks)


def test_straight_ends_of_masks_of_several_sizes_are_told() -> None:
    masks = []
    for i in range(12):
        mask = lesion(i)
        mask[H // 2 :] = False
        masks.append(zoom(mask, (1 + i % 3 / 4, 1), order=0))
    assert Rule.STRAIGHT_CUTS in told(masks)


def turned(i: int, box: bool) -> np.ndarray:
    """A filled box or an ellipse, turned by any angle."""
    rng = np.random.default_rng(i)
    y, x = rng.uniform(0.4, 0.6, 2) * (H, W)
    angle, a, b = rng.uniform(0, 3), rng.uniform(18, 25), rng.uniform(26, 45)
    u = ((Y - y) * np.cos(angle) + (X - x) * np.sin(angle)) / a
    v = ((X - x) * np.cos(angle) - (Y - y) * np.sin(angle)) / b
    found: np.ndarray = np.maximum(abs(u), abs(v)) < 1 if box else np.hypot(u, v) < 1
    return found


@pytest.mark.parametrize("store", [np.asarray, jpeg])
@pytest.mark.parametrize("box", [True, False])
def test_turned_boxes_and_ellipses_are_told(box: bool, store) -> None:
    rule = Rule.BOXES if box else Rule.ELLIPSES
    masks = [store(turned(i, box)) for i in range(9)]
    assert set(told(masks)) == {rule}
    assert shapes_of(np.hstack(masks[:2])) == [rule]
    few = masks[:4] + [lesion(i) for i in range(5)]
    assert told(few) == {}


def test_single_pixels_alone_are_told() -> None:
    masks = [lesion(i) for i in range(8)]
    rng = np.random.default_rng(0)
    masks[3] = rng.random((H, W)) > 0.998
    assert told(masks) == {Rule.SPECKS: ("a3",)}


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(160, 200), (240, 320), (200, 150)])
def test_runs_in_the_wrong_order_stop(order, shape: tuple[int, int]) -> None:
    masks = []
    for i in range(6):
        mask = lesion(i)[: shape[0], : shape[1]]
        mask = np.pad(
            mask, [(0, n - m) for n, m in zip(shape, mask.shape, strict=True)]
        )
        other = "F" if order == "C" else "C"
        masks.append(mask.ravel(order).reshape(shape, order=other))
        assert is_out_of_order(masks[-1]) and not is_out_of_order(mask)
    seen = MasksSeen()
    for i, mask in enumerate(masks):
        seen.add(f"a{i}", mask[None].astype(np.uint8))
    with pytest.raises(RuleError, match="columns are read for rows") as error:
        seen.expect(())
    assert error.value.rule == Rule.MOSTLY_OUT_OF_ORDER
    assert [e.rule for e in seen.expect((Rule.MOSTLY_OUT_OF_ORDER,))] == [
        Rule.MOSTLY_OUT_OF_ORDER
    ]


@pytest.mark.parametrize("move", [(H // 2, W // 2), (0, W // 2), (70, 0)])
def test_masks_that_were_moved_round_are_told(move: tuple[int, int]) -> None:
    masks = [np.roll(lesion(i), move, (0, 1)) for i in range(8)]
    assert Rule.ROLLED in told(masks)
    layers = [(abs(Y - 60 - 5 * i) < 9) | lesion(i) for i in range(8)]
    assert Rule.ROLLED not in told(layers)


def write(root: Path, masks: list[np.ndarray]) -> Path:
    """A data folder of these masks (uint8)."""
    for part in ("images", "masks"):
        (root / part).mkdir()
    for i, mask in enumerate(masks):
        rng = np.random.default_rng(i)
        image = rng.integers(0, 255, (*mask.shape, 3)).astype(np.uint8)
        Image.fromarray(image).save(root / "images" / f"a{i}.png")
        Image.fromarray(mask).save(root / "masks" / f"a{i}.png")
    return root


@pytest.mark.parametrize("limited", [True, False])
def test_values_that_wrapped_around_are_told(tmp_path: Path, limited: bool) -> None:
    masks = []
    for i in range(6):
        large = zoom(255.0 * lesion(i)[::2, ::2], 3, order=3)
        large = large.clip(0, 255) if limited else large
        masks.append(np.rint(large).astype(np.int64).astype(np.uint8))
    rules = {hint.rule for hint in check(write(tmp_path, masks)).questions}
    assert (Rule.WRAPPED in rules) != limited


@pytest.mark.parametrize(("threshold", "refused"), [(0.5, True), (127, False)])
def test_a_threshold_of_probabilities_on_0_to_255_is_refused(
    tmp_path: Path, threshold: float, refused: bool
) -> None:
    masks = [gaussian_filter(255 * lesion(i).astype(np.uint8), 2) for i in range(4)]
    (write(tmp_path, masks) / "dataset.toml").write_text(f"threshold = {threshold}\n")
    texts = [text for _, _, text in check(tmp_path).found]
    assert any("write threshold = 127" in text for text in texts) == refused
