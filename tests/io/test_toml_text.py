"""A path in double quotes is refused where its backslashes became something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from attnseg_training.config import read_toml
from napari_attnseg.errors import InputError
from napari_attnseg.io.dataset_toml import read_descriptor
from napari_attnseg.io.toml_text import parse_toml

#: A new line and a tab, an escape, an escape that there is none of, and a name.
WRONG = (
    r'data = "D:\neu\tests"',
    r'data = "D:\users\me"',
    r'data = "D:\polyps"',
    r'data = ["a", "D:\bilder"]',
    r'classes = {"a\tb" = 1}',
)


@pytest.mark.parametrize("text", WRONG)
def test_backslashes_in_double_quotes_are_refused(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"backslash in double quotes .* single quotes"
    ):
        parse_toml(text)


def test_what_is_written_as_it_is_meant_is_kept() -> None:
    text = 'a = \'D:\\neu\\tests\'\nb = "D:/neu/töst"\nc = "D:\\\\neu"'
    found = {"a": "D:\\neu\\tests", "b": "D:/neu/töst", "c": "D:\\neu"}
    assert parse_toml(text) == found


def test_settings_and_descriptions_of_data_say_so(tmp_path: Path) -> None:
    file = tmp_path / "dataset.toml"
    file.write_text(r'splits = "lists\test"')
    with pytest.raises(InputError, match=r"dataset\.toml .*splits is 'lists\\test'"):
        read_descriptor(tmp_path)
    file.write_text(WRONG[0])
    with pytest.raises(InputError, match=r"data is 'D:\\neu\\tests'.* with /"):
        read_toml(file)
