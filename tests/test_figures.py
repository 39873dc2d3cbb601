"""The summary picture: a fixed scale for gates, contours where the masks are."""

import dataclasses
import io

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.figure import Figure
from PIL import Image

from napari_attnseg.colormaps import MASK_COLOUR, TRUTH_COLOUR
from napari_attnseg.figures import (
    GATE_CMAP,
    explanation_png,
    gate_caption,
    gate_title,
    map_heading,
    shared_caption,
    summary_png,
)
from napari_attnseg.png import png_bytes
from napari_attnseg.results import (
    AttentionMap,
    EffectiveShare,
    Explanation,
    PatternValue,
    Segmentation,
    ShareState,
)


def picture(
    psi: float, mask: np.ndarray, truth: np.ndarray | None = None
) -> np.ndarray:
    gates = tuple(
        AttentionMap(np.full((64 // s, 64 // s), psi, np.float32), s, (s, s))
        for s in (4, 8, 16, 32)
    )
    result = Segmentation(mask, mask[None].astype(np.float32), gates)
    image = np.zeros((64, 64, 3), np.uint8)
    return np.asarray(
        Image.open(io.BytesIO(summary_png(image, result, "t", truth))).convert("RGB")
    )


def count(pixels: np.ndarray, colour: str | tuple[float, ...]) -> int:
    from matplotlib.colors import to_rgb

    wanted = np.array(to_rgb(colour)) * 255
    return int((np.abs(pixels - wanted).max(-1) < 3).sum())


@pytest.fixture
def disc() -> np.ndarray:
    y, x = np.mgrid[:64, :64]
    return (((y - 30) ** 2 + (x - 30) ** 2) < 200).astype(np.uint8)


def test_gates_are_drawn_on_a_fixed_scale(disc: np.ndarray) -> None:
    # Each map is constant: stretched to its own range, all would look the same.
    pictures = {psi: picture(psi, disc) for psi in (0.0, 0.5, 1.0)}
    for psi, other in ((0.0, 1.0), (0.5, 0.0), (1.0, 0.0)):
        colour = GATE_CMAP(psi)[:3]
        drawn = count(pictures[psi], colour)
        assert drawn > count(pictures[other], colour) + 50_000


def test_a_gate_map_says_plainly_whether_it_affected_the_mask() -> None:
    numbers = "1/4: decorative in this model, spatial value +0.000 [-0.001, 0.001]."
    gate = AttentionMap(np.zeros((1, 1), np.float32), 4, (4, 4), finding=numbers)
    measured = dataclasses.replace(gate, pattern=PatternValue.DECORATIVE)
    caption = gate_caption(measured)
    assert caption.startswith("Where this map is high or low did not")
    assert "[" not in caption and len(caption.splitlines()) < 4
    # An earlier version left nothing but its own sentence.
    earlier = dataclasses.replace(gate, pattern=PatternValue.UNKNOWN)
    assert " ".join(gate_caption(earlier).split()) == numbers


def test_gate_maps_of_one_verdict_share_one_sentence() -> None:
    blank = np.zeros((2, 2), np.float32)
    of = PatternValue.DECORATIVE
    gates = [AttentionMap(blank, s, (s, s), pattern=of) for s in (32, 16, 4)]
    caption = shared_caption(gates)
    assert caption.startswith("Where each of these maps is high or low did not affect")
    gates[0] = dataclasses.replace(gates[0], pattern=PatternValue.MATTERS)
    assert shared_caption(gates) == "" and shared_caption(gates[:1]) == ""
    assert [gate_title(gate, gates) for gate in gates] == [
        "Gate at scale 1/32 (coarsest, 2×2)",
        "Gate at scale 1/16 (2×2)",
        "Gate at scale 1/4 (finest, 2×2)",
    ]


def test_contours_are_drawn(disc: np.ndarray) -> None:
    with_truth = picture(0.5, disc, np.roll(disc, 9, 0))
    assert count(with_truth, MASK_COLOUR) > 300
    assert count(with_truth, TRUTH_COLOUR) > 100
    assert count(picture(0.5, disc), TRUTH_COLOUR) == 0


@pytest.mark.parametrize("value", [0, 1])
def test_empty_and_full_masks_are_drawn_without_a_contour(value: int) -> None:
    mask = np.full((64, 64), value, np.uint8)
    # Only the legend's line is left.
    assert count(picture(0.5, mask), MASK_COLOUR) < 300


@pytest.mark.parametrize(
    ("scale", "limits"),
    [("gate", (0, 1)), ("unit", (0, 1)), ("signed", (-0.25, 0.25))],
)
def test_explanations_are_drawn_on_the_scale_of_their_kind(
    disc: np.ndarray, scale: str, limits: tuple[float, float]
) -> None:
    values = np.zeros((16, 16), np.float32)
    values[:2, :8] = 0.25
    found = Explanation("m", 8, values, (4, 4), scale, "It means.", "", low="a")
    assert found.limits == limits
    positive = dataclasses.replace(found, scale="positive")
    assert positive.limits == (0, 0.25)
    share = EffectiveShare(ShareState.MEASURED, 0.865)
    of_a_gate = dataclasses.replace(found, effective_share=share)
    assert "effective share of the CNN: mean 0.86." in map_heading(of_a_gate)
    assert "share" not in map_heading(found)
    flat = dataclasses.replace(positive, values=values * 0)
    assert flat.limits == (0, 1)
    image = np.zeros((64, 64, 3), np.uint8)
    data = explanation_png(image, [found, flat], disc, "the disc", "t")
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    zero = (0 - limits[0]) / (limits[1] - limits[0])
    colours = colormaps["magma"] if scale == "unit" else GATE_CMAP
    assert count(pixels, colours(zero)[:3]) > 20_000
    assert count(pixels, MASK_COLOUR) > 300


def test_a_figure_that_is_laid_out_first_has_the_same_pixels() -> None:
    def figure() -> Figure:
        drawn = Figure(figsize=(6, 3), layout="constrained")
        drawn.suptitle("two maps")
        for axes in drawn.subplots(1, 2):
            shown = axes.imshow(np.arange(12).reshape(3, 4))
            drawn.colorbar(shown, ax=axes, location="bottom")
        return drawn

    plain = io.BytesIO()
    figure().savefig(plain, format="png", dpi=60)
    ours = io.BytesIO(png_bytes(figure(), 60))
    assert np.array_equal(Image.open(ours), Image.open(plain))
