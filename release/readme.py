"""Give the README that goes with the package addresses instead of relative links.

An index and napari's hub show it far from the repository, where ``docs/…`` leads
nowhere. A metadata hook of hatchling.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

#: ``](path`` of a Markdown link within the repository; group 1 marks a picture.
_LINK = re.compile(r"(!?)(\[[^\]]*\])\((?!https?://|#)([^)\s]+)\)")


def with_addresses(markdown: str, repository: str) -> str:
    """Replace relative links by addresses of the repository's main branch."""

    def address(link: re.Match[str]) -> str:
        picture, text, path = link.groups()
        return (
            f"{picture}{text}({repository}/{'raw' if picture else 'blob'}/main/{path})"
        )

    return _LINK.sub(address, markdown)


class ReadmeHook(MetadataHookInterface):
    """Set ``readme``, which pyproject.toml names as dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Read README.md and replace its links."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        text = with_addresses(text, metadata["urls"]["Homepage"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
