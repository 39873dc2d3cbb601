"""Decide which colours of a mask are lesion."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.colour_errors import one_colour, picture, unclear
from attnseg_training.datasets.colour_maps import foreground_along_a_map
from attnseg_training.datasets.drawn_colours import (
    APART,
    MANY,
    SAME,
    are_along_a_curve,
    are_objects,
    are_of_many_hues,
    beside_lines,
    border_of,
    codes,
    distance,
    drawn_colours,
)
from attnseg_training.datasets.mask_scale import scale_of_colours
from attnseg_training.datasets.mask_slopes import are_slopes
from attnseg_training.datasets.mask_traits import MaskTraits, traits_of_colours
from attnseg_training.datasets.pictures import is_colour_picture
from attnseg_training.datasets.shadows import casts_shadow, has_shadow, without_shades

Values = NDArray[Any]
Colours = NDArray[np.float64]
Plane = NDArray[np.bool_]

#: Channels of black, in a lossy file.
BLACK = 32
#: Share of the border that its commonest colour has, if it is clearly background.
CLEAR = 0.75
#: Colours of 0 and of the largest number where matplotlib saved a mask as it is wont to
#: (`imsave`); they tell which is background where the border does not.
VIRIDIS = np.array([(68, 1, 84), (253, 231, 36)], np.float64)
#: Share of pixels that have one of the mask's colours; the others are edges.
DRAWN = 0.7
#: Share of neighbours of different colours in an area that was dithered, and the words.
MIXED = 0.3
_DITHERED = (
    ", as where a program that saved it with a palette dithered it (Pillow: "
    "convert('P'), GIF), so that the colours of one area alternate"
)
#: In a file that compression has changed, no more colours than this are no photo.
FEW = 4


def split(page: Values) -> tuple[Colours, Colours | None]:
    """Split a page into colours (H, W, 1 or 3) and alpha (H, W), each 0 to 255.

    Alpha is None if all pixels are opaque. Colours of a 16-bit or float file are scaled
    to 0 to 255.
    """
    scale = 1.0
    if page.dtype.kind == "f":
        scale = 255 / max(float(np.nan_to_num(page).max()), 1e-12)
    elif page.dtype == bool:
        scale = 255.0
    elif page.dtype != np.uint8:
        scale = 255 / max(float(page.max()), 1.0)
    values = page.astype(np.float64) * scale
    if page.shape[-1] not in (2, 4):
        return values, None
    alpha = values[..., -1]
    return values[..., :-1], None if (alpha == 255).all() else alpha


def luma(page: Values) -> Values:
    """Grey values (H, W) of colours, as Pillow's mode L; alpha is left out."""
    colours = page[..., :3] if page.shape[-1] >= 3 else page[..., :1]
    if (colours == colours[..., :1]).all():
        first: Values = colours[..., 0]
        if first.dtype.kind == "f" and (first == np.round(first)).all():
            return first.astype(np.int64)
        return first
    if colours.dtype.kind == "f" or colours.dtype == np.uint8:
        from PIL import Image

        eight = np.ascontiguousarray(colours.round().astype(np.uint8))
        return np.asarray(Image.fromarray(eight).convert("L"))
    return np.asarray(colours @ np.array([0.299, 0.587, 0.114]))


def is_shape(colours: Colours, alpha: Colours, name: str) -> bool:
    """Whether only alpha has a shape: it varies, while the visible colour does not.

    Raises
    ------
    UnclearMaskError
        If all pixels are transparent but the colours have a shape, or if the whole
        border is opaque, so that a hole may be the lesion.
    """
    opaque = alpha > 127
    seen = alpha > 0
    varies = bool(alpha.max() - alpha.min() > SAME)
    if not seen.any():
        if np.ptp(colours, (0, 1)).max() > SAME:
            raise unclear(name, "a shape that is wholly transparent")
        return True
    if not varies:
        return False
    core = opaque if opaque.any() else seen
    spread = np.ptp(colours[core], axis=0).max()
    if spread > SAME and not _varies_with(colours, alpha):
        return False
    if border_of(alpha > alpha.max() / 2).all():
        raise unclear(name, "an opaque sheet with a transparent hole")
    return True


def _varies_with(colours: Colours, alpha: Colours) -> bool:
    """Whether colours are a shape that alpha has too, as if the mask were in both."""
    share = (alpha / alpha.max())[..., None]
    return bool(np.abs(colours - share * colours.max((0, 1))).max() <= SAME)


def is_grey(colours: Colours, lossy: bool) -> bool:
    """Whether all colours are grey, apart from small changes by compression."""
    chroma = np.ptp(colours, axis=-1).max()
    if not lossy and 0 < chroma <= SAME:
        # Few colours that differ by little were meant so.
        return len(np.unique(codes(colours))) > MANY
    return bool(chroma <= (SAME if lossy else 0))


def foreground(
    colours: Colours,
    alpha: Colours | None,
    lossy: bool,
    name: str,
    void: Plane | None = None,
) -> tuple[Plane, MaskTraits]:
    """Find the lesion, every colour that is not background, and the traits of a mask.

    Background is what is transparent; without transparency it is black; without black
    it is the most common colour of the border, if that is clear. At a soft edge, a
    pixel belongs to the nearest of the mask's colours. Many flat colours on black are
    objects.

    Parameters
    ----------
    colours : ndarray, shape (H, W, 1 or 3)
        Colours from 0 to 255.
    alpha : ndarray, shape (H, W), or None
    lossy : bool
        Whether compression has changed them.
    name : str
        Name of the file, for messages.
    void : ndarray of bool, shape (H, W), optional
        Pixels that are ignored and never lesion.

    Raises
    ------
    UnclearMaskError
        If it is not clear which colour is background, or the file is a picture.
    """
    if not np.isfinite(colours).all():
        raise unclear(name, "colours that are NaN or infinite")
    rgb = colours if colours.shape[-1] == 3 else np.repeat(colours, 3, -1)
    hidden = np.zeros(rgb.shape[:2], bool)
    if alpha is not None:
        hidden = alpha <= alpha.max() / 2
    transparent = bool(hidden.any())
    hidden = hidden if void is None else hidden | void
    if hidden.all():
        return np.zeros(hidden.shape, bool), MaskTraits()
    if not lossy and are_objects(rgb, hidden):
        return np.asarray(rgb.any(-1)), MaskTraits(None, 0, (0, 0, 0), several=True)
    mapped = foreground_along_a_map(rgb, hidden, lossy, CLEAR, name)
    if mapped is not None:
        return mapped
    drawn, changed = drawn_colours(rgb, hidden, lossy)
    few, file_lossy, lossy = lossy and len(drawn) <= FEW, lossy, changed
    if len(drawn) == 0 or len(drawn) > MANY:
        raise picture(name)
    # First: of a picture it makes no sense to say which colour is background.
    _refuse_picture(rgb, drawn, hidden, lossy, few, name)
    ground = _background(rgb, drawn, hidden, transparent, lossy, name)
    if ground is not None:
        aside = beside_lines(rgb, drawn, hidden, lossy)
        if are_of_many_hues(rgb, ground, hidden, aside):
            raise picture(name)
        if are_along_a_curve(rgb, drawn, ground, hidden, aside, lossy):
            came = "soft edges whose colours lie neither between two that are drawn"
            raise unclear(name, f"{came} nor along a colour map that is known")
        drawn = without_shades(rgb, drawn, ground, hidden, file_lossy)
    lesion = _classified(rgb, drawn, ground, hidden, lossy, name)
    if ground is not None:
        if not file_lossy and has_shadow(rgb, drawn, ground, lesion, hidden, lossy):
            raise unclear(
                name,
                "colours that fade into the background beside those that are drawn, "
                "as a soft shadow or a glow does",
            )
        if lesion.any() and casts_shadow(rgb, ground, hidden, file_lossy):
            raise unclear(name, "a sharp shadow beside what is drawn")
        drawn = drawn[np.abs(drawn - ground).max(-1) > (APART / 2 if lossy else 0)]
    which = np.zeros(hidden.shape, np.int64)
    nearest = distance(rgb, drawn).min(-1) if len(drawn) else np.zeros(hidden.shape)
    if len(drawn):
        which[lesion] = 1 + distance(rgb[lesion], drawn).argmin(-1)
    traits = traits_of_colours(which, drawn, ground)
    if ground is not None:
        away = distance(rgb, ground[None])[..., 0]
        edges = ~hidden & (np.minimum(away, nearest) > APART / 2)
        sloped = are_slopes(away, nearest, lesion, hidden, len(drawn))
        scale = scale_of_colours(away, lesion, edges)
        traits = replace(traits, scale=scale, sloped=sloped)
    return lesion, traits


def _refuse_picture(
    rgb: Colours, drawn: Colours, hidden: Plane, lossy: bool, few: bool, name: str
) -> None:
    """Most pixels of a mask have one of its colours, and nearly so in a photo's."""
    visible, tolerance = ~hidden, SAME if lossy else 2
    nearest = distance(rgb, drawn).min(-1)
    near = np.count_nonzero((nearest <= tolerance * 1.8) & visible)
    if not few and not hidden.any() and is_colour_picture(rgb):
        near = np.count_nonzero(nearest <= tolerance)
    if near < DRAWN * np.count_nonzero(visible):
        raise picture(name)


def _classified(
    rgb: Colours,
    drawn: Colours,
    ground: Colours | None,
    hidden: Plane,
    lossy: bool,
    name: str,
) -> Plane:
    """Pixels that are nearer to another colour than to the background."""
    visible = ~hidden
    if ground is None:
        return visible
    away = np.abs(drawn - ground).max(-1)
    if not lossy and (away <= SAME).sum() > 1 and away.max() > APART:
        raise unclear(name, "a colour that hardly differs from the background")
    others = drawn[away > (APART / 2 if lossy else 0)]
    if len(others) == 0:
        _refuse_missed(rgb, ground, visible, name)
        return np.zeros(hidden.shape, bool)
    own = distance(rgb, ground[None])[..., 0]
    to_others = distance(rgb, others)
    lesion: Plane = to_others.min(-1) < own
    reach = float(np.linalg.norm(others - ground, axis=-1).max())
    lesion |= own > reach / 2
    if not lossy:
        lesion |= _of_another_hue(rgb, others, ground) & (own > 2 * SAME)
    lesion &= visible
    if not lesion.any():
        _refuse_missed(rgb, ground, visible, name)
    return lesion


def _refuse_missed(rgb: Colours, ground: Colours, visible: Plane, name: str) -> None:
    """A mask is empty only if nothing in it differs much from the background."""
    far = (np.abs(rgb - ground).max(-1) > APART) & visible
    if far.any():
        came = "other colours, but none in an area of its own"
        raise unclear(name, came + _DITHERED * _is_dithered(rgb, far))


def _is_dithered(rgb: Colours, far: Plane) -> bool:
    """Whether many neighbours in an area have different colours."""
    both = far[:, 1:] & far[:, :-1]
    change = np.abs(rgb[:, 1:] - rgb[:, :-1]).max(-1) > SAME
    pairs = np.count_nonzero(both)
    return bool(2 * pairs > np.count_nonzero(far) and change[both].mean() > MIXED)


def _of_another_hue(rgb: Colours, others: Colours, ground: Colours) -> Plane:
    """Colours far from every line between background and a colour of the mask."""
    least = np.full(rgb.shape[:2], np.inf)
    for colour in others:
        line = colour - ground
        along = ((rgb - ground) @ line / (line @ line)).clip(0, 1)
        away = np.linalg.norm(rgb - ground - along[..., None] * line, axis=-1)
        least = np.minimum(least, away)
    own = np.linalg.norm(rgb - ground, axis=-1)
    far: Plane = least > np.maximum(0.5 * own, 2 * SAME)
    return far


def _background(
    rgb: Colours,
    drawn: Colours,
    hidden: Plane,
    transparent: bool,
    lossy: bool,
    name: str,
) -> Colours | None:
    """Colour of the background; None: it is what is hidden alone."""
    dark = drawn.max(-1) <= (BLACK if lossy else 0)
    if transparent:
        if dark.any():
            raise unclear(name, "both black and transparent pixels beside colours")
        return None
    black: Colours | None = drawn[dark][0] if dark.any() else None
    if black is not None and len(drawn) == 2:
        return black
    which = distance(rgb, drawn).argmin(-1)
    border = border_of(which)[border_of(~hidden)]
    counts = np.bincount(border, minlength=len(drawn))
    common = int(counts.argmax())
    area = np.bincount(which[~hidden], minlength=len(drawn)) / np.count_nonzero(~hidden)
    if black is not None:
        share = area[dark].sum()
        if share >= 0.5 or (dark[common] and share >= area.max()):
            return black
        raise unclear(name, "black, but another colour that may be background")
    if len(drawn) == 1:
        _refuse_missed(rgb, drawn[0], ~hidden, name)
        raise one_colour(name, drawn[0])
    if counts[common] < CLEAR * max(len(border), 1):
        apart = np.abs(drawn[:, None] - VIRIDIS).max(-1)
        near = apart <= (SAME if lossy else 2)
        if len(drawn) == 2 and near.any(0).all():
            return np.asarray(drawn[near[:, 0]][0])
        raise unclear(name, "no black, and no colour along most of the border")
    if len(drawn) > 2 and area[common] < area.max():
        raise unclear(name, "a frame around a larger area of another colour")
    return np.asarray(drawn[common])
