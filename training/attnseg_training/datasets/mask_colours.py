"""Which colours of a mask are lesion."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.rules import Rule, UnclearMaskError

Values = NDArray[Any]
Colours = NDArray[np.float64]
Plane = NDArray[np.bool_]

#: All colours are taken as of 0 to 255. Channels that differ by less are grey in a file
#: whose compression has changed them, and colours are the same colour.
SAME = 12
#: Colours that differ by less than this are one colour that a lossy file has spread.
APART = 60
#: Channels of black, in a lossy file.
BLACK = 32
#: Share of the border that its commonest colour has, if it is clearly background.
CLEAR = 0.75
#: Share of pixels that have one of the mask's colours; the others are edges.
DRAWN = 0.7
#: More colours than this are a picture.
MANY = 64


def split(page: Values) -> tuple[Colours, Colours | None]:
    """Colours (H, W, 1 or 3) and alpha (H, W), each of 0 to 255; None: all is opaque.

    Colours of a 16-bit or float file are scaled to that range.
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


def palette_numbers(
    page: Values, indices: Values, wanted: tuple[int, ...]
) -> Values | None:
    """Numbers of a file with a palette; None: it is read by its colours.

    Numbers are the greys, where the colours in use are as many greys as indices: then
    it is a grey picture that was saved with a palette, in any order. Else they are the
    indices, where classes are wanted or colours do not tell the indices apart.
    """
    alpha = page.shape[-1] == 4 and not (page[..., 3] == 255).all()
    used, first = np.unique(indices, return_index=True)
    colours = page.reshape(-1, page.shape[-1])[first]
    different = len(np.unique(colours, axis=0))
    grey = bool((colours[:, :3] == colours[:, :1]).all())
    if grey and not alpha and different == len(used):
        return page[..., 0]
    if wanted or (different == 1 and len(used) > 1):
        return indices
    return None


def is_shape(colours: Colours, alpha: Colours, name: str) -> bool:
    """Whether alpha alone carries the shape: it varies, and what is seen does not.

    Raises
    ------
    UnclearMaskError
        If all is transparent but has a shape in its colours, or the whole border is
        opaque, so that a hole may be the lesion.
    """
    opaque = alpha > 127
    seen = alpha > 0
    varies = bool(alpha.max() - alpha.min() > SAME)
    if not seen.any():
        if np.ptp(colours, (0, 1)).max() > SAME:
            raise _unclear(name, "a shape that is wholly transparent")
        return True
    if not varies:
        return False
    core = opaque if opaque.any() else seen
    spread = np.ptp(colours[core], axis=0).max()
    if spread > SAME:
        return False
    if border_of(alpha > alpha.max() / 2).all():
        raise _unclear(name, "an opaque sheet with a transparent hole")
    return True


def is_grey(colours: Colours, lossy: bool) -> bool:
    """Whether colours are greys, up to what compression changes."""
    chroma = np.ptp(colours, axis=-1).max()
    if not lossy and 0 < chroma <= SAME:
        # Few colours that differ by little were meant so.
        return len(np.unique(_codes(colours))) > MANY
    return bool(chroma <= (SAME if lossy else 0))


def foreground(
    colours: Colours,
    alpha: Colours | None,
    lossy: bool,
    name: str,
    void: Plane | None = None,
) -> Plane:
    """Lesion (H, W): every colour that is not background.

    Background is what is transparent; else black; else the commonest colour of the
    border, if it is clearly so. At a soft edge a pixel belongs to that of the mask's
    colours to which it is nearest.

    Parameters
    ----------
    colours : ndarray, shape (H, W, 1 or 3)
        Of 0 to 255.
    alpha : ndarray, shape (H, W), or None
    lossy : bool
        Whether compression has changed them.
    name : str
        Of the file, for messages.
    void : ndarray of bool, shape (H, W), optional
        Pixels that are not looked at and never lesion.

    Raises
    ------
    UnclearMaskError
        If it is not clear which colour is background, or the file is a picture.
    """
    if not np.isfinite(colours).all():
        raise _unclear(name, "colours that are NaN or infinite")
    rgb = colours if colours.shape[-1] == 3 else np.repeat(colours, 3, -1)
    hidden = np.zeros(rgb.shape[:2], bool)
    if alpha is not None:
        hidden = alpha <= alpha.max() / 2
    transparent = bool(hidden.any())
    hidden = hidden if void is None else hidden | void
    if hidden.all():
        return np.zeros(hidden.shape, bool)
    drawn = np.empty((0, 3)) if lossy else _exact_colours(rgb, hidden)
    if lossy or _are_noisy(drawn) or _are_missing(drawn, rgb, hidden):
        drawn, lossy = _lossy_colours(rgb, hidden), True
    if len(drawn) == 0 or len(drawn) > MANY:
        raise _picture(name)
    # First: of a picture it makes no sense to say which colour is background.
    _refuse_picture(rgb, drawn, hidden, lossy, name)
    ground = _background(rgb, drawn, hidden, transparent, lossy, name)
    return _classified(rgb, drawn, ground, hidden, lossy, name)


def _refuse_picture(
    rgb: Colours, drawn: Colours, hidden: Plane, lossy: bool, name: str
) -> None:
    """Most pixels of a mask have one of its colours."""
    visible = ~hidden
    tolerance = SAME if lossy else 2
    nearest = _distance(rgb, drawn).min(-1)
    near = np.count_nonzero((nearest <= tolerance * 1.8) & visible)
    if near < DRAWN * np.count_nonzero(visible):
        raise _picture(name)


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
        raise _unclear(name, "a colour that hardly differs from the background")
    others = drawn[away > (APART / 2 if lossy else 0)]
    if len(others) == 0:
        _refuse_missed(rgb, ground, visible, name)
        return np.zeros(hidden.shape, bool)
    own = _distance(rgb, ground[None])[..., 0]
    to_others = _distance(rgb, others)
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
    if (np.abs(rgb - ground).max(-1)[visible] > APART).any():
        raise _unclear(name, "other colours, but none in an area of its own")


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
            raise _unclear(name, "both black and transparent pixels beside colours")
        return None
    black: Colours | None = drawn[dark][0] if dark.any() else None
    if black is not None and len(drawn) == 2:
        return black
    which = _distance(rgb, drawn).argmin(-1)
    border = border_of(which)[border_of(~hidden)]
    counts = np.bincount(border, minlength=len(drawn))
    common = int(counts.argmax())
    area = np.bincount(which[~hidden], minlength=len(drawn)) / np.count_nonzero(~hidden)
    if black is not None:
        share = area[dark].sum()
        if share >= 0.5 or (dark[common] and share >= area.max()):
            return black
        raise _unclear(name, "black, but another colour that may be background")
    if len(drawn) == 1:
        raise _unclear(name, "one colour alone, which is not black")
    if counts[common] < CLEAR * max(len(border), 1):
        raise _unclear(name, "no black, and no colour along most of the border")
    if len(drawn) > 2 and area[common] < area.max():
        raise _unclear(name, "a frame around a larger area of another colour")
    return np.asarray(drawn[common])


def _are_noisy(drawn: Colours) -> bool:
    """Whether colours are some that a lossy format has spread, although not this file.

    Most of them then have another one beside them.
    """
    if not 1 < len(drawn) <= 4096 or np.ptp(drawn, axis=0).max() <= APART:
        return False
    gaps = np.stack([np.abs(drawn - one).max(-1) for one in drawn])
    np.fill_diagonal(gaps, np.inf)
    return bool((gaps.min(0) <= SAME).mean() >= 0.5)


def _are_missing(drawn: Colours, rgb: Colours, hidden: Plane) -> bool:
    """Whether most pixels of other colours than these lie in regions, not at edges."""
    if len(drawn) == 0 or len(drawn) > MANY:
        return False
    other = (_distance(rgb, drawn).min(-1) > SAME) & ~hidden
    regions = _lossy_colours(rgb, ~other)
    if len(regions) == 0:
        return False
    near = _distance(rgb[other][None], regions).min(-1) <= 2 * SAME
    return bool(near.mean() > 0.4)


def _exact_colours(rgb: Colours, hidden: Plane) -> Colours:
    """The colours that are drawn: all, if they are few; else those of flat regions."""
    codes = _codes(rgb)
    seen, counts = np.unique(codes[~hidden], return_counts=True)
    flat = np.unique(codes[1:-1, 1:-1][_flat(codes) & ~hidden[1:-1, 1:-1]])
    if len(seen) <= 3 or (len(seen) <= MANY and len(flat) == len(seen)):
        flat = seen
    elif len(flat) == 0:
        flat = seen[counts > 0.02 * counts.sum()]
    colours = np.stack([flat // 2**32, flat // 2**16 % 2**16, flat % 2**16], -1)
    return colours.astype(np.float64) / 256


def _lossy_colours(rgb: Colours, hidden: Plane) -> Colours:
    """Centres of the colours of flat regions, the commonest first."""
    size = 1 + 2 * (min(rgb.shape[:2]) >= 3)
    views = np.lib.stride_tricks.sliding_window_view(rgb, (size, size), (0, 1))
    flat = np.ptp(views, (-2, -1)).max(-1) <= 2 * SAME
    edge = size // 2
    inner = slice(edge, rgb.shape[0] - edge), slice(edge, rgb.shape[1] - edge)
    pixels = rgb[inner][flat & ~hidden[inner]]
    centres: list[Colours] = []
    least = max(4, 0.0002 * rgb.shape[0] * rgb.shape[1])
    while len(pixels) >= least and len(centres) <= MANY:
        bins = (pixels // 16).astype(np.int64) @ np.array([256, 16, 1])
        centre = np.median(pixels[bins == np.bincount(bins).argmax()], axis=0)
        centres.append(centre)
        pixels = pixels[np.abs(pixels - centre).max(-1) > APART]
    return np.array(centres).reshape(-1, 3)


def _codes(rgb: Colours) -> NDArray[np.int64]:
    """One number per colour, exact to 1/256 of a level."""
    whole = (rgb * 256).round().astype(np.int64)
    if whole.shape[-1] == 1:
        whole = np.repeat(whole, 3, -1)
    return np.asarray((whole[..., 0] * 2**16 + whole[..., 1]) * 2**16 + whole[..., 2])


def _flat(codes: NDArray[np.int64]) -> Plane:
    """Inner pixels whose 3×3 neighbourhood has one colour."""
    if min(codes.shape) < 3:
        return np.zeros((max(codes.shape[0] - 2, 0), max(codes.shape[1] - 2, 0)), bool)
    views = np.lib.stride_tricks.sliding_window_view(codes, (3, 3))
    same: Plane = (views == views[..., 1:2, 1:2]).all((-2, -1))
    return same


def _distance(rgb: Colours, colours: Colours) -> Colours:
    """Euclidean, from each pixel to each colour: (H, W, colours)."""
    return np.stack([np.linalg.norm(rgb - one, axis=-1) for one in colours], -1)


def border_of(values: NDArray[Any]) -> NDArray[Any]:
    """Values along the border of (H, W, …), each pixel once."""
    return np.concatenate([values[0], values[-1], values[1:-1, 0], values[1:-1, -1]])


def _picture(name: str) -> UnclearMaskError:
    return _unclear(
        name,
        "as many colours as in a picture, which may be a photo with an outline drawn "
        "on it",
    )


def _unclear(name: str, came: str) -> UnclearMaskError:
    return UnclearMaskError(
        Rule.UNCLEAR_COLOURS,
        "Expected black or one colour along the border, and any other for lesions, in "
        f"the mask {name}, found {came}; export it as a mask of 0 and 255.",
    )
