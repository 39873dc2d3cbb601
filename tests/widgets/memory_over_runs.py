"""Does memory stay flat when the Segment widget is used again and again?

``python tests/widgets/memory_over_runs.py [RUNS] [WEIGHTS]`` runs the widget's own path
on a viewer without a window, removes each run's layers as a user would, and prints how
much memory the process has after each fifth run.
"""

import gc
import sys
from pathlib import Path

import psutil
from napari.components import ViewerModel

from napari_attnseg._widgets.base.jobs import Finished, run
from napari_attnseg._widgets.base.model_cache import ModelCache
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg.sample_data import sample_image
from napari_attnseg.weights import weights_path


def segment(viewer: ViewerModel, weights: Path, models: ModelCache) -> None:
    """One run on the first layer; its layers are added and removed again."""
    steps = run(source_of(viewer.layers[0]), weights, "cpu", models)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            done = stop.value
            break
    assert isinstance(done, Finished)
    for layer in add_layers(viewer, new_layers(done.source, done.results)):
        viewer.layers.remove(layer)


def memory_over_runs(weights: Path, runs: int) -> list[float]:
    """Resident memory in MB after each run."""
    viewer = ViewerModel()
    viewer.add_image(sample_image("polyp"), rgb=True)
    models, found = ModelCache(), []
    models.add_user()
    for _ in range(runs):
        segment(viewer, weights, models)
        gc.collect()
        if not found:
            gc.freeze()  # all that was imported, which takes longer than a run
        found.append(psutil.Process().memory_info().rss / 1e6)
    return found


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    name = sys.argv[2] if len(sys.argv) > 2 else "compact"
    memory = memory_over_runs(weights_path(name), runs)
    for i in [0, *range(4, runs, 5)]:
        print(f"after run {i + 1}: {memory[i]:.1f} MB")
    print(f"growth from run 10 to run {runs}: {memory[-1] - memory[9]:+.1f} MB")


if __name__ == "__main__":
    main()
