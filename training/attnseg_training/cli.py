"""``attnseg-train``: train and evaluate models from the command line."""

from __future__ import annotations

from attnseg_training.commands import (
    benchmark,
    clicks,
    data,
    evaluate,
    experiments,
    fit,
    release,
)
from attnseg_training.commands.options import TrainingApp
from napari_attnseg.exit_codes import main_for

app = TrainingApp(
    add_completion=False,
    rich_markup_mode="markdown",
    help="Train and evaluate the segmentation models of napari-attnseg.",
)
# In the order in which one works with them.
app.command("datasets")(data.datasets_command)
app.command("check")(data.check_command)
app.command("frames")(data.frames_command)
app.command("settings")(fit.settings_command)
app.command("fit")(fit.fit_command)
app.command("evaluate")(evaluate.evaluate_command)
app.command("compare")(evaluate.compare_command)
app.command("faithfulness")(evaluate.faithfulness_command)
app.command("two-stage")(experiments.two_stage_command)
app.command("table")(experiments.table_command)
app.command("figure")(experiments.figure_command)
app.command("trust-labels")(experiments.trust_labels_command)
app.command("average")(release.average_command)
app.command("calibrate")(release.calibrate_command)
app.command("expected-dice")(release.expected_dice_command)
app.command("export")(release.export_command)
app.command("release")(release.release_command)
app.command("fit-clicks")(clicks.fit_clicks_command)
app.command("clicks")(clicks.clicks_command)
app.add_typer(benchmark.app, name="benchmark")
app.command("import")(release.import_command)

main = main_for(app)

if __name__ == "__main__":
    main()
