"""``attnseg``: segment and explain images without a window, demo, list of models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from napari_attnseg.commands.agreement import agreement
from napari_attnseg.commands.console import Device, Threads, Weights, say
from napari_attnseg.commands.explain import explain
from napari_attnseg.commands.export import export
from napari_attnseg.commands.report import report
from napari_attnseg.commands.segment import segment
from napari_attnseg.exit_codes import main_for
from napari_attnseg.threads import use_threads
from napari_attnseg.usage import App, output_folder
from napari_attnseg.weights import DEFAULT_WEIGHTS

app = App(
    add_completion=False,
    rich_markup_mode="markdown",
    help="Segment medical images, and see which encoder each gate used where. "
    "Research use; not a diagnostic device.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from napari_attnseg import __version__

        print(f"napari-attnseg {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Options of every command."""


@app.command()
def demo(
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for one PNG picture, instead of opening napari.",
            callback=output_folder,
        ),
    ] = None,
    sample: Annotated[
        str, typer.Option(help="Sample image: polyp, two-polyps or polyp-by-fold.")
    ] = "polyp",
    weights: Weights = DEFAULT_WEIGHTS,
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Segment a bundled polyp image and show its mask and gate maps."""
    from napari_attnseg._widgets.demo import show, why_no_window
    from napari_attnseg.inference import Segmenter
    from napari_attnseg.sample_data import ATTRIBUTION, sample_image, sample_mask

    use_threads(threads)
    image = sample_image(sample)
    segmenter = Segmenter.from_checkpoint(weights, device)
    result = segmenter(image)
    reason = "" if out is not None else why_no_window()
    if out is None and not reason:
        show(image, result, sample)
        return
    if reason:
        say(f"{reason}; writing a picture instead.")
    from napari_attnseg.figures import summary_png
    from napari_attnseg.io.atomic import write_bytes

    folder = out if out is not None else Path.cwd()
    path = folder / f"attnseg-demo-{sample}.png"
    name = segmenter.card.spec.name
    title = f"Sample image '{sample}', model '{name}'\n{ATTRIBUTION}"
    write_bytes(path, summary_png(image, result, title, sample_mask(sample)))
    print(path)


app.command()(segment)
app.command()(explain)
app.command()(agreement)
app.command()(report)
app.command()(export)


@app.command()
def models(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the list as JSON.")
    ] = False,
) -> None:
    """List the models that can be built, and which weights are bundled."""
    from rich.console import Console
    from rich.table import Table

    from napari_attnseg.models.summary import model_rows

    rows = model_rows()
    if as_json:
        print(json.dumps(rows, indent=2))
        return

    table = Table(box=None, pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("what it is", overflow="fold")  # gives way on 80 columns
    for column in ("params", "GMAC", "input"):
        table.add_column(column, no_wrap=True, justify="right")
    for row in rows:
        known = row["parameters"] is not None
        table.add_row(
            row["name"] + (f"\n(bundled: {row['weights']})" if row["bundled"] else ""),
            row["about"],
            f"{row['parameters'] / 1e6:.1f} M" if known else "–",
            f"{row['gmac']:.1f}" if known else "–",
            f"{row['input_size']}",
        )
    Console().print(table)
    if any(row["parameters"] is None for row in rows):
        say("–: needs a library; pip install 'napari-attnseg[baselines]'.")


main = main_for(app)

if __name__ == "__main__":
    main()
