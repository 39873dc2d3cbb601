"""The folder of a training run, for both packages: file names, log rows, status."""

from napari_attnseg.run_files.folder import RunFiles
from napari_attnseg.run_files.log import (
    LogRow,
    Progress,
    Watch,
    log_text,
    read_log,
)
from napari_attnseg.run_files.names import (
    BEST_WEIGHTS,
    CONFIG_FILE,
    CURVES_FILE,
    LAST_WEIGHTS,
    LOG_FILE,
    OUTPUT_FILE,
    PROGRESS_FILE,
    SNAPSHOTS_FOLDER,
    STATE_FILES,
    STOP_FILE,
    measured_on,
)
from napari_attnseg.run_files.status import (
    EndReason,
    Place,
    ProcessRecord,
    RunState,
    RunStatus,
)

__all__ = [
    "BEST_WEIGHTS",
    "CONFIG_FILE",
    "CURVES_FILE",
    "LAST_WEIGHTS",
    "LOG_FILE",
    "OUTPUT_FILE",
    "PROGRESS_FILE",
    "SNAPSHOTS_FOLDER",
    "STATE_FILES",
    "STOP_FILE",
    "EndReason",
    "LogRow",
    "Place",
    "ProcessRecord",
    "Progress",
    "RunFiles",
    "RunState",
    "RunStatus",
    "Watch",
    "log_text",
    "measured_on",
    "read_log",
]
