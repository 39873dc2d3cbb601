"""Ask which frames numbered masks are of, if the times of a film are uneven.

Programs that write a film as pictures at a constant rate (FFmpeg) repeat and leave out
frames there, so that later numbers are not those of the film's own frames.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from attnseg_training.datasets.frame_numbers import OWN
from napari_attnseg.errors import InputError
from napari_attnseg.io.readers import Frames
from napari_attnseg.io.readers.film_times import NoTimesError
from napari_attnseg.io.readers.formats import FileFormat

#: Steps from this multiple of the usual one on are too long, those below the other too
#: short: a constant rate repeats a frame, or leaves one out.
LONG, SHORT = 1.5, 0.5


def expect_own_frames(frames: Frames, masks: Iterable[int], name: str) -> None:
    """Raise if masks are numbered beyond a place where times of a film are uneven.

    Parameters
    ----------
    frames : Frames
        A film, or other frames, which are never uneven.
    masks : iterable of int
        Frame, counted from 0, that each mask is taken for.
    name : str
        Name of the masks, for the message.

    Raises
    ------
    InputError
        If the times are uneven, or the film is damaged.
    """
    last = max(masks, default=0)
    if frames.facts.kind is not FileFormat.VIDEO or len(frames) < 3 or not last:
        return
    try:
        times = [frames.place_of(i) or 0.0 for i in range(len(frames))]
    except NoTimesError:  # without times there is nothing to compare
        return
    steps = np.diff(times)
    usual = float(np.median(steps))
    odd = np.flatnonzero((steps >= LONG * usual) | (steps <= SHORT * usual))
    if len(odd) == 0 or last <= odd[0]:
        return
    at = int(odd[0])
    raise InputError(
        f"Expected evenly spaced frames in {frames.name}, as masks in {name} have "
        f"nothing but numbers, but frame {at + 1} follows {1000 * steps[at]:.0f} ms "
        f"after the one before, and others {1000 * usual:.0f} ms, so that numbers of "
        "pictures exported at a constant rate (FFmpeg) are not those of its frames "
        f"from there on; give {OWN} if masks are numbered by the film's own frames, "
        "or export it again with -fps_mode passthrough and draw masks on these."
    )
