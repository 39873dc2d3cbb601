"""``attnseg-train``: train and evaluate models from the command line."""

from __future__ import annotations

import typer

from attnseg_training.commands import (
    benchmark,
    data,
    evaluate,
    experiments,
    fit,
    release,
)
from attnseg_training.commands.options import TrainingCommand
from napari_attnseg.exit_codes import main_for
from napari_attnseg.usage import Group

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Train and evaluate the segmentation models of napari-attnseg.",
)
# In the order in which one works with them.
app.command("datasets", cls=TrainingCommand)(data.datasets_command)
app.command("check", cls=TrainingCommand)(data.check_command)
app.command("settings", cls=TrainingCommand)(fit.settings_command)
app.command("fit", cls=TrainingCommand)(fit.fit_command)
app.command("evaluate", cls=TrainingCommand)(evaluate.evaluate_command)
app.command("compare", cls=TrainingCommand)(evaluate.compare_command)
app.command("faithfulness", cls=TrainingCommand)(evaluate.faithfulness_command)
app.command("two-stage", cls=TrainingCommand)(experiments.two_stage_command)
app.command("table", cls=TrainingCommand)(experiments.table_command)
app.command("figure", cls=TrainingCommand)(experiments.figure_command)
app.command("average", cls=TrainingCommand)(release.average_command)
app.command("calibrate", cls=TrainingCommand)(release.calibrate_command)
app.command("export", cls=TrainingCommand)(release.export_command)
app.command("release", cls=TrainingCommand)(release.release_command)
app.add_typer(benchmark.app, name="benchmark")
app.command("import", cls=TrainingCommand)(release.import_command)

main = main_for(app)

if __name__ == "__main__":
    main()
