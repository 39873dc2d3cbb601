"""Process many images: each yields one outcome, and a failed one stops no other.

The command line prints the outcomes; a script can use them as they are::

    from napari_attnseg.batch import segment_images

    for outcome in segment_images([Path("photos")], Path("results")):
        print(outcome.path, outcome.error or outcome.files)
"""

from napari_attnseg.batch.base import Batch, Note, Outcome, result_stems
from napari_attnseg.batch.explain import explain_images
from napari_attnseg.batch.files import FilesBatch, segment_files
from napari_attnseg.batch.options import SegmentOptions
from napari_attnseg.batch.segment import segment_images

__all__ = [
    "Batch",
    "FilesBatch",
    "Note",
    "Outcome",
    "SegmentOptions",
    "explain_images",
    "result_stems",
    "segment_files",
    "segment_images",
]
