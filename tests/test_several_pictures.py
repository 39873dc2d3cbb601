"""Pages of several pictures: reports, slides, contact sheets."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from napari_attnseg.several_pictures import pictures_on_page


def _photo(seed: int, rows: int = 200, columns: int = 240) -> Image.Image:
    """A smooth picture in colour with dark corners, as of an endoscope."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(60, 255, (6, 6, 3), np.uint8))
    pixels = np.array(coarse.resize((columns, rows), Image.Resampling.BICUBIC))
    y, x = np.mgrid[:rows, :columns]
    corner = abs(y / rows - 0.5) + abs(x / columns - 0.5) > 0.85
    pixels[corner] = 4
    return Image.fromarray(pixels)


def _as_jpeg(page: Image.Image) -> np.ndarray:
    file = io.BytesIO()
    page.save(file, "JPEG", quality=80)
    return np.asarray(Image.open(file))


def _report(paper: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """A4 at 150 dpi: text above, four frames below."""
    page = Image.new("RGB", (1240, 1754), paper)
    draw = ImageDraw.Draw(page)
    for row in range(100, 700, 30):
        draw.text((100, row), "Colonoscopy report, sessile polyp " * 4, fill=0)
    for i in range(4):
        photo = _photo(i, 380, 460)
        page.paste(photo, (120 + i % 2 * 520, 760 + i // 2 * 440))
    return page


def _sheet(count: int, gutter: int, colour: int, margin: int = 0) -> Image.Image:
    rows = -(-count // 3)
    size = (
        min(count, 3) * (240 + gutter) - gutter + 2 * margin,
        rows * (200 + gutter) - gutter + 2 * margin,
    )
    page = Image.new("RGB", size, (colour,) * 3)
    for i in range(count):
        at = margin + i % 3 * (240 + gutter), margin + i // 3 * (200 + gutter)
        page.paste(_photo(i), at)
    return page


def test_frames_of_a_report_are_counted() -> None:
    assert pictures_on_page(_as_jpeg(_report())) == 4
    # A scan: grey paper, noise, and a little turned.
    scan = _report((238, 236, 230)).rotate(
        0.5, Image.Resampling.BICUBIC, fillcolor=(238, 236, 230)
    )
    noise = np.random.default_rng(0).normal(0, 4, (1754, 1240, 1))
    pixels = np.clip(np.asarray(scan, float) + noise, 0, 255).astype(np.uint8)
    assert pictures_on_page(_as_jpeg(Image.fromarray(pixels))) == 4


@pytest.mark.parametrize("colour", [0, 255])
@pytest.mark.parametrize(
    ("count", "gutter", "margin"), [(2, 4, 0), (9, 6, 6), (5, 20, 0)]
)
def test_contact_sheets(count: int, gutter: int, margin: int, colour: int) -> None:
    sheet = _as_jpeg(_sheet(count, gutter, colour, margin))
    assert pictures_on_page(sheet) == count
    assert pictures_on_page(sheet[..., 0]) == count  # grey
    assert pictures_on_page(sheet.astype(np.uint16) * 200) == count


def test_a_slide_of_another_colour() -> None:
    page = Image.new("RGB", (1280, 720), (20, 40, 90))
    ImageDraw.Draw(page).text((60, 30), "Polyps", fill=(230,) * 3, font_size=48)
    for i in range(3):
        page.paste(_photo(i, 300, 360), (60 + 400 * i, 200))
    assert pictures_on_page(_as_jpeg(page)) == 3


@pytest.mark.parametrize("light", [1.0, 0.4])
def test_frames_side_by_side_whose_corners_are_black(light: float) -> None:
    """Of an endoscopy processor: less than 0.4 of the edges of a frame are not black.

    Two round pictures of the same size are none, see below.
    """
    rows = columns = 400
    y, x = np.mgrid[:rows, :columns] / rows
    black = abs(y - 0.5) + abs(x - 0.5) > 0.68  # corners
    black |= (y > 0.66) & (x < 0.3)  # where a processor shows its own scheme
    page = np.zeros((540, 960, 3), np.uint8)
    for i, left in enumerate((60, 470)):
        frame = np.asarray(_photo(i, rows, columns)) * np.float32(light)
        page[70:470, left : left + columns] = frame * ~black[..., None]
    assert pictures_on_page(_as_jpeg(Image.fromarray(page))) == 2


def test_one_picture_is_no_page() -> None:
    photo = _photo(0, 480, 560)
    assert pictures_on_page(_as_jpeg(photo)) == 0
    # On a canvas, with the name and the clock of a screenshot.
    canvas = Image.new("RGB", (1000, 700))
    canvas.paste(photo, (300, 100))
    ImageDraw.Draw(canvas).text((20, 30), "12:30:05", fill=(255,) * 3, font_size=40)
    assert pictures_on_page(_as_jpeg(canvas)) == 0
    # With a small navigator beside it, as some endoscopes show it.
    canvas.paste(_photo(1, 180, 190), (50, 400))
    assert pictures_on_page(_as_jpeg(canvas)) == 0


def test_a_ramp_is_no_page() -> None:
    # The middle of its border cuts it in two, but is no colour of a page.
    ramp = np.linspace(0, 255, 300)[:, None].repeat(400, 1)
    noise = np.random.default_rng(0).normal(0, 40, ramp.shape)
    for image in (ramp, ramp.T, np.clip(ramp + noise, 0, 255)):
        assert pictures_on_page(image.astype(np.uint8)) == 0


def test_pages_of_text_shapes_and_masks_hold_no_pictures() -> None:
    page = _report()
    page.paste((255, 255, 255), (0, 740, 1240, 1754))
    assert pictures_on_page(_as_jpeg(page)) == 0
    mask = np.zeros((300, 600), np.uint8)
    mask[40:260, 40:260] = mask[40:260, 340:560] = 255
    assert pictures_on_page(mask) == 0
    # Both knees, or two round fields of view.
    y, x = np.mgrid[:300, :600]
    round_ = np.minimum(np.hypot(y - 150, x - 150), np.hypot(y - 150, x - 450)) < 140
    noise = np.random.default_rng(0).integers(60, 200, (300, 600), np.uint8)
    assert pictures_on_page(noise * round_) == 0
    # Both legs from edge to edge, as a radiograph shows them.
    noise = np.random.default_rng(0).integers(60, 200, (400, 900), np.uint8)
    y, x = np.mgrid[:400, :900]
    for narrower in (0.2, 0.4, 0.6):
        wide = 190 * (1 - narrower * y / 400)
        legs = (abs(x - 220) < wide) | (abs(x - 680) < wide)
        assert pictures_on_page(noise * legs) == 0
    assert pictures_on_page(np.zeros((40, 50), np.uint8)) == 0
    assert pictures_on_page(np.zeros((1, 1, 3), np.float32)) == 0
