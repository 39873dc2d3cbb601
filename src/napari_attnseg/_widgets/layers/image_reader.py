"""Image files as layers, decoded as the commands decode them. No Qt.

napari's own reader decodes some kinds of files in another way, so that the masks of the
command and of the viewer would differ. If two plugins claim a file by its name, napari
asks the user every time. Therefore this reader claims no names: it is called from
napari's File menu and from the widgets.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari.layers

from napari_attnseg._widgets.layers.metadata import IMAGE_FILE, IMAGE_ORIENTATION
from napari_attnseg.io.images import read_upright


def image_layer(path: str | Path) -> Any:
    """Image layer of a file, with exactly the pixels that ``attnseg segment`` uses.

    Raises
    ------
    InputError
        If `read_upright` refuses the file.
    """
    file = Path(path)
    found = read_upright(file)
    pixels = found.pixels
    return napari.layers.Image(
        pixels,
        name=file.stem,
        rgb=pixels.ndim > 2 and pixels.shape[-1] in (3, 4),
        metadata={
            IMAGE_FILE: str(file.absolute()),
            IMAGE_ORIENTATION: found.orientation,
        },
    )
