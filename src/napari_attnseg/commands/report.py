"""``attnseg report``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_attnseg.commands.console import say
from napari_attnseg.errors import InputError
from napari_attnseg.exit_codes import SOME_FAILED
from napari_attnseg.usage import output_file

if TYPE_CHECKING:
    from napari_attnseg.reports import Case

ResultsInputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="RESULTS…",
        help="Results folders from attnseg segment or the viewer, or JSON files in "
        "them.",
    ),
]


def report(
    results: ResultsInputs,
    out: Annotated[
        Path,
        typer.Option(
            help="HTML file to write; .html is added to a name without a suffix.",
            callback=output_file,
        ),
    ],
    title: Annotated[
        str, typer.Option(help="Title of the report.")
    ] = "Segmentation report",
    number_cases: Annotated[
        bool,
        typer.Option(
            "--number-cases",
            help="Call cases Case 1, Case 2 … and show no file names, which may "
            "name patients.",
        ),
    ] = False,
    paths: Annotated[
        bool,
        typer.Option(
            "--paths", help="Also show the folders of the images on this machine."
        ),
    ] = False,
    describe: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Address, up to /v1, of an OpenAI-compatible language model that "
            "writes a text from the measured numbers of each case, which are sent "
            "there; needs --describe-model.",
        ),
    ] = None,
    describe_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Model at that address.")
    ] = None,
    describe_key: Annotated[
        str,
        typer.Option(
            metavar="VARIABLE",
            help="Environment variable that holds the key for that address, if it "
            "needs one.",
        ),
    ] = "ATTNSEG_DESCRIBE_KEY",
) -> None:
    """Write one HTML page on results, to read, mail and print.

    For each case the page shows the image, the outline of the mask, gate maps and what
    was measured about them, objects, expected Dice, doubt and how the result was
    made. With several cases it also has a list of all; those that most need a look come
    first. The page holds its pictures, runs no script and fetches nothing. An image
    that has moved or changed is not shown, and the page says so. A result that cannot
    be read is named and skipped, and the exit code is then 1.
    """
    from napari_attnseg.io.atomic import write_text
    from napari_attnseg.io.outputs import with_suffix
    from napari_attnseg.reports import load_cases, report_html
    from napari_attnseg.reports.described import Describer
    from napari_attnseg.reports.endpoint import Endpoint

    if paths and number_cases:
        raise InputError(
            "Expected --paths or --number-cases, but got both: one tells the names of "
            "files, the other hides them; leave one of them out."
        )
    if (describe is None) != (describe_model is None):
        raise InputError(
            "Expected both --describe and --describe-model, or neither, but got one; "
            "give the other one too."
        )
    describer = None
    if describe is not None and describe_model is not None:
        describer = Describer(Endpoint(describe, describe_model, describe_key))
    page = with_suffix(out, (".html", ".htm"), "--out")
    if page != out:
        say(f"{out.name} has no suffix, so the page is written as {page.name}.")
    files = results_files(results)
    failed = 0

    def cases() -> Iterator[Case]:
        nonlocal failed
        for file in files:
            try:
                found = load_cases(file)
            except InputError as error:
                failed += 1
                say(str(error))
                continue
            for assumed in dict.fromkeys(one.assumed for one in found):
                if assumed:
                    say(assumed)
            yield from found

    named = {"number_cases": number_cases, "paths": paths}
    html = report_html(cases(), title, **named, describe=describer)
    write_text(page, html)
    size = len(html.encode()) / 1e6
    done = len(files) - failed
    say(f"{done} of {len(files)} results reported in {page} ({size:.1f} MB).")
    if describer is not None and describer.error:
        say(f"Some cases have no machine-written text. {describer.error}")
    if failed or (describer is not None and describer.error):
        raise typer.Exit(SOME_FAILED)


def results_files(inputs: list[Path]) -> list[Path]:
    """JSON files of results among the given files and in the given folders, each once.

    Raises
    ------
    InputError
        If an input does not exist, or holds no results.
    """
    from napari_attnseg.exports.masks import expect_masks

    files: dict[Path, Path] = {}
    for path in inputs:
        for file in expect_masks(path):
            files.setdefault(file.resolve(), file)
    tell_of_folders(inputs, files.values())
    return list(files.values())


def tell_of_folders(inputs: Iterable[Path], files: Iterable[Path]) -> None:
    """Say what is not read: results below given folders, and exports that were changed.

    Parameters
    ----------
    inputs : iterable of Path
        Files and folders as they were given.
    files : iterable of Path
        JSON files of results among and in them.
    """
    from napari_attnseg.exports.record import changed_words
    from napari_attnseg.io.results_below import sorted_words

    said = [sorted_words(path) for path in inputs if path.is_dir()]
    said += map(changed_words, dict.fromkeys(file.parent for file in files))
    for words in filter(None, said):
        say(words)
