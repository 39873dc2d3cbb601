"""No text calls psi a share, an importance or a contribution: it is a weight."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = [*(ROOT / "src").rglob("*.py"), *(ROOT / "training").rglob("*.py")]
PAGES = [
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "src").rglob("*.yaml"),
    *(ROOT / "training").rglob("*.md"),
    *(ROOT / "training").rglob("*.toml"),
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
]
ABOUT = re.compile(r"\bpsi\b|\bgate maps?\b|\bcoefficients?\b", re.IGNORECASE)
CLAIM = re.compile(
    r"\b(shares?|importan\w+|contribut\w+|proportions?|fractions?|percentages?)\b",
    re.IGNORECASE,
)
#: What may stand beside psi: the opposite, the measured share, shares of other things.
OTHER = re.compile(
    r"\b(not|nor|neither|nothing|never)\b|effective[ _]shares?|encoder contributions"
    r"|shares? of (regions|pixels|the images|the steps)|fraction of (images|steps)",
    re.IGNORECASE,
)


def claims(text: str) -> list[str]:
    """Sentences and table rows that say of psi what it is not."""
    whole = re.sub(r"\s*\n(?!\s*[|#*-]|\s*\n)\s*", " ", text)
    sentences = re.split(r"(?<=[.:;?!])\s+|\n", whole)
    return [
        sentence
        for sentence in sentences
        if ABOUT.search(sentence)
        and CLAIM.search(sentence)
        and not OTHER.search(sentence)
    ]


def texts(path: Path) -> Iterator[str]:
    """Prose of a page; of Python each literal and docstring."""
    if path.suffix != ".py":
        yield path.read_text(encoding="utf-8").replace("`", "")
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.replace("`", "")
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "…"
                for part in node.values
            )


def test_no_text_calls_psi_a_share() -> None:
    found = {
        (str(path.relative_to(ROOT)), sentence)
        for path in (*PYTHON, *PAGES)
        for text in texts(path)
        for sentence in claims(text)
    }
    assert len(PYTHON) > 100 and len(PAGES) > 5
    assert not found


@pytest.mark.parametrize(
    "wrong",
    [
        "psi is the share of the CNN.",
        "A gate map shows the\nimportance of each location.",
        "How large the contribution of each encoder was, which `psi` says.",
        "| `psi` | the fraction of the features that are the CNN's |",
    ],
)
def test_it_is_found(wrong: str) -> None:
    assert claims(wrong.replace("`", ""))
    assert not claims("psi is not a share.")
    assert not claims("Beside psi stands the effective share of the CNN.")
