"""Results of benchmarks: where they are written to, and printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_attnseg.usage import output_file

JsonFile = Annotated[
    Path | None,
    typer.Option(
        "--json", help="JSON file to write the result to.", callback=output_file
    ),
]
MarkdownFile = Annotated[
    Path | None,
    typer.Option(
        "--markdown", help="Markdown file to write the table to.", callback=output_file
    ),
]


def tell(
    summary: Mapping[str, Any],
    table: str,
    json_file: Path | None,
    markdown_file: Path | None,
) -> None:
    """Print the table of a benchmark, and write the files that were asked for."""
    from napari_attnseg.io.atomic import write_text

    if json_file is not None:
        write_text(json_file, json.dumps(summary, indent=2) + "\n")
    if markdown_file is not None:
        write_text(markdown_file, table)
    print(table, end="")
