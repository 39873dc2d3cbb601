"""Names of the files in a training run folder, and of the images it measures."""

from __future__ import annotations

CONFIG_FILE = "config.toml"
LOG_FILE = "log.csv"
PROGRESS_FILE = "progress.json"
#: Output of a run that was started without a terminal.
OUTPUT_FILE = "output.log"
#: A file of this name asks the run to stop where no signal can be sent.
STOP_FILE = "stop"
BEST_WEIGHTS = "best.safetensors"
LAST_WEIGHTS = "last.safetensors"
#: Training states: the last one and the one before it.
STATE_FILES = ("state.pt", "state-before.pt")
CURVES_FILE = "curves.png"
SNAPSHOTS_FOLDER = "snapshots"

#: Protocol of a run → images of its epoch measurements, as shown to people.
_MEASURED_ON = {"all": "validation, trained on", "paper": "test"}


def measured_on(protocol: str) -> str:
    """Name the images on which each epoch of a run is measured, for display."""
    return _MEASURED_ON.get(protocol, "validation")
