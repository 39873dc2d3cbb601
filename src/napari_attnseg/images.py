"""Earlier import path of two functions.

Python code that earlier versions copied from the viewer imports them from here.
"""

from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.images import read_image

__all__ = ["array_sha256", "read_image"]
