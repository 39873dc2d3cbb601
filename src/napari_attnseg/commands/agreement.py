"""``attnseg agreement``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from napari_attnseg.usage import output_file


def agreement(
    first: Annotated[
        Path,
        typer.Argument(
            metavar="FIRST", help="A reviewer's file, such as review/anna.jsonl."
        ),
    ],
    second: Annotated[
        Path, typer.Argument(metavar="SECOND", help="The file of another reviewer.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Also write all numbers, with the Dice of each case, as JSON.",
            callback=output_file,
        ),
    ] = None,
) -> None:
    """Compare two reviewers of the same images.

    It prints Cohen's kappa for all decisions (accepted, corrected, rejected) and for
    each decision against the others, and the Dice of their masks, with 95 % intervals
    and the number of cases. Cases that only one of them decided, and cases whose images
    differ, are left out and counted.
    """
    from napari_attnseg.io.atomic import write_text
    from napari_attnseg.review.agreement import agreement as compare
    from napari_attnseg.review.agreement_words import sentences

    found = compare(first, second)
    for sentence in sentences(found):
        print(sentence)
    if out is not None:
        write_text(out, json.dumps(found.to_json(), indent=1) + "\n")
