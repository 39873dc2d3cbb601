"""Plugin of tox: uv, which fills its environments, is told what pip is configured to.

uv does not read pip's configuration. Where a hospital or a build machine names its own
index, wheels or certificates there, packages would come from elsewhere or not at all.
"""

import ast
import os
import subprocess
import sys

from tox.plugin import impl

#: Name in pip's configuration → variable that uv reads.
VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}


@impl
def tox_add_core_config(core_conf: object, state: object) -> None:
    """Set the variables that are not set, before an environment is made."""
    for name, value in pip_configuration().items():
        if name in VARIABLES:
            os.environ.setdefault(VARIABLES[name], value)
    # As pip does: the version counts, not the order of the indexes.
    os.environ.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")


def pip_configuration() -> dict[str, str]:
    """What files and variables tell pip, of which variables come first."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found: dict[str, str] = {}
    for line in reversed(listed.splitlines()):  # ":env:" is listed first
        key, value = line.split("=", 1)
        found[key.rpartition(".")[2]] = " ".join(ast.literal_eval(value).split())
    return found
