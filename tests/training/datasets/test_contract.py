"""What every known data set says of itself; a new one is tested by its entry alone."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlparse

import pytest

from attnseg_training.datasets import DATASETS, load_dataset
from napari_attnseg.errors import InputError


@pytest.mark.parametrize("name", DATASETS)
def test_each_says_what_it_is(name: str) -> None:
    spec = DATASETS[name]
    assert all((spec.title, spec.licence, spec.citation, spec.splits, spec.masks))
    assert spec.classes and (not spec.values or len(spec.values) == len(spec.classes))
    assert len(spec.classes) == 1 or spec.values
    for layout in spec.layouts:
        assert layout.title and layout.expected
        for part in layout.parts:
            assert re.compile(part.images).groups == re.compile(part.masks).groups == 1
    assert name == "folder" or urlparse(spec.url).scheme == "https"
    assert len(set(spec.classes)) == len(spec.classes)
    assert len(set(spec.values)) == len(spec.values) and 0 not in spec.values
    assert not spec.images_of or spec.images_of in DATASETS
    if spec.archive is not None:
        assert re.fullmatch("[0-9a-f]{64}", spec.archive.sha256)


@pytest.mark.parametrize("name", DATASETS)
def test_each_refuses_an_empty_folder_and_says_what_it_expects(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as refused:
        load_dataset(Path(f"{name}:{tmp_path}"))
    assert str(tmp_path) in str(refused.value)
    assert any(
        layout.expected in str(refused.value) for layout in DATASETS[name].layouts
    )
