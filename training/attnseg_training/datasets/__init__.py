"""Folders of images and masks, and how they are split."""

from attnseg_training.datasets.folder import Dataset, Sample, load_dataset

__all__ = ["Dataset", "Sample", "load_dataset"]
