"""Export masks of saved results: DICOM SEG and SR, NIfTI, COCO, plain PNG."""

from napari_attnseg.exports.masks import MaskSeries, load_masks

__all__ = ["MaskSeries", "load_masks"]
