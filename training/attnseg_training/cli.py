"""``attnseg-train``: train and evaluate models from the command line."""

from __future__ import annotations

import typer

from attnseg_training.commands import (
    benchmark,
    data,
    importing,
    measuring,
    publishing,
    tables,
    training,
)
from napari_attnseg.command import main_for

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Train and evaluate the segmentation models of napari-attnseg.",
)
# In the order in which one works with them.
app.command("datasets")(data.datasets_command)
app.command("check")(data.check_command)
app.command("fit")(training.fit_command)
app.command("evaluate")(measuring.evaluate_command)
app.command("compare")(measuring.compare_command)
app.command("faithfulness")(measuring.faithfulness_command)
app.command("two-stage")(tables.two_stage_command)
app.command("table")(tables.table_command)
app.command("figure")(tables.figure_command)
app.command("average")(publishing.average_command)
app.command("calibrate")(publishing.calibrate_command)
app.command("export")(publishing.export_command)
app.command("release")(publishing.release_command)
app.add_typer(benchmark.app, name="benchmark")
app.command("import")(importing.import_command)

main = main_for(app)

if __name__ == "__main__":
    main()
