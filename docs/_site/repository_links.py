"""Let pages of the site link to files of the repository that are not pages.

Markdown on the code's host follows ``../training/results/x.json``; the site has no
such file. A hook of mkdocs turns such a link into the address of the file, and fails if
the repository lacks it, as mkdocs does for links between pages.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

ROOT = Path(__file__).parents[2]
#: ``](../path#anchor)`` of a Markdown link.
_LINK = re.compile(r"\]\(\.\./([^)#\s]+)(#[^)\s]+)?\)")


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Replace links out of the folder of the pages."""

    def address(link: re.Match[str]) -> str:
        path, anchor = link.group(1), link.group(2) or ""
        if not (ROOT / path).exists():
            raise PluginError(
                f"{page.file.src_path} links to {path}, which the repository lacks; "
                "correct the link."
            )
        return f"]({config.repo_url}/blob/main/{path}{anchor})"

    return _LINK.sub(address, markdown)
