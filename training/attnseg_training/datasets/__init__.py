"""Known data sets, folders of images and masks, and how they are split."""

from attnseg_training.datasets.catalog import DATASETS
from attnseg_training.datasets.dataset import Dataset, Sample, load_dataset
from attnseg_training.datasets.download import archive_of, download
from attnseg_training.datasets.masks import read_mask
from attnseg_training.datasets.spec import DatasetSpec

__all__ = [
    "DATASETS",
    "Dataset",
    "DatasetSpec",
    "Sample",
    "archive_of",
    "download",
    "load_dataset",
    "read_mask",
]
