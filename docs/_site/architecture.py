"""Draw the map of the house from its imports: ``python docs/_site/architecture.py``.

Writes ``docs/architecture.svg`` and the table in ``docs/architecture.md``; with
``--check`` it writes nothing and fails if they are not those of today's imports.
"""

from __future__ import annotations

import argparse
import ast
import sys
from html import escape
from pathlib import Path

import grimp
import networkx as nx

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
#: Packages and where they lie; the rooms of each are what is directly in it.
PACKAGES = {"napari_attnseg": "src", "attnseg_training": "training"}
#: Packages of which each room is shown, because they are large.
OPENED = ("napari_attnseg._widgets",)
BEGIN, END = "<!-- rooms: begin -->", "<!-- rooms: end -->"
WIDTH, BOX, ROW, GAP = 150, 26, 64, 12
COLOURS = {"attnseg_training": "#f2a65a", "_widgets": "#8fb8de", "": "#cfd8dc"}


def room(module: str) -> str:
    """The room that a module lies in: a folder, or a module beside folders."""
    parts = module.split(".")
    depth = 3 if ".".join(parts[:2]) in OPENED else 2
    return ".".join(parts[:depth])


def rooms() -> nx.DiGraph:
    """Rooms and which imports from which; single modules of few lines are left in."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    house = nx.DiGraph()
    for module in sorted(graph.modules):
        home = room(module)
        if home in PACKAGES or home in OPENED:
            continue
        house.add_node(home)
        for other in graph.find_modules_directly_imported_by(module):
            target = room(other)
            if target != home and target not in PACKAGES and target not in OPENED:
                house.add_edge(home, target)
    return house


def folders(house: nx.DiGraph) -> nx.DiGraph:
    """Of all rooms those that are folders, with what they reach through others."""
    kept = [name for name in house if file_of(name).name == "__init__.py"]
    closure = nx.transitive_closure(house)
    return closure.subgraph(kept).copy()


def file_of(name: str) -> Path:
    """The source file of a module, or of a package's ``__init__``."""
    path = ROOT / PACKAGES[name.split(".")[0]] / name.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def purpose(name: str) -> str:
    """First line of the docstring of a room."""
    text = ast.get_docstring(ast.parse(file_of(name).read_text("utf-8"))) or ""
    return text.partition("\n")[0]


def drawn(house: nx.DiGraph) -> str:
    """SVG: a row per layer, users above what they use; arrows not implied by others."""
    components = nx.condensation(house)
    level: dict[str, int] = {}
    for node in reversed(list(nx.topological_sort(components))):
        below = [
            level_of
            for child in components.successors(node)
            for level_of in [max(level[m] for m in components.nodes[child]["members"])]
        ]
        for member in components.nodes[node]["members"]:
            level[member] = 1 + max(below, default=-1)
    top = max(level.values())
    rows = [sorted(n for n in house if level[n] == top - i) for i in range(top + 1)]
    width = max(len(row) for row in rows) * (WIDTH + GAP) + GAP
    place = {}
    for y, row in enumerate(rows):
        left = (width - len(row) * (WIDTH + GAP) + GAP) / 2
        for x, name in enumerate(row):
            place[name] = (left + x * (WIDTH + GAP), GAP + y * ROW)
    height = len(rows) * ROW
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
        'markerHeight="6" orient="auto"><path d="M0 0L8 4L0 8z" fill="#607d8b"/>'
        "</marker></defs>",
    ]
    acyclic = nx.DiGraph((a, b) for a, b in house.edges if level[a] > level[b])
    for a, b in sorted(nx.transitive_reduction(acyclic).edges):
        (x0, y0), (x1, y1) = place[a], place[b]
        out.append(
            f'<line x1="{x0 + WIDTH / 2:g}" y1="{y0 + BOX:g}" x2="{x1 + WIDTH / 2:g}" '
            f'y2="{y1:g}" stroke="#b0bec5" marker-end="url(#a)"/>'
        )
    for name, (x, y) in sorted(place.items()):
        colour = next(c for key, c in COLOURS.items() if key in name)
        label = name.removeprefix("napari_attnseg.").replace("attnseg_training.", "")
        out.append(
            f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{BOX}" rx="4" '
            f'fill="{colour}" stroke="#607d8b"/>'
            f'<text x="{x + WIDTH / 2:g}" y="{y + 17:g}" text-anchor="middle">'
            f"{escape(label)}</text>"
        )
    return "\n".join([*out, "</svg>", ""])


def table(house: nx.DiGraph) -> str:
    """Markdown: each room, what it is for, and which rooms it imports from."""
    lines = ["| Room | What it holds | Imports from |", "|---|---|---|"]
    for name in sorted(house):
        used = ", ".join(f"`{short(one)}`" for one in sorted(house.successors(name)))
        lines.append(f"| `{name}` | {purpose(name)} | {used or '–'} |")
    return "\n".join(lines)


def short(name: str) -> str:
    """A room's name without the package of what users run."""
    return name.removeprefix("napari_attnseg.")


def main() -> int:
    """Write the map, or check it; 1 if it is not today's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="Write nothing.")
    check = parser.parse_args().check
    sys.path[:0] = [str(ROOT / folder) for folder in PACKAGES.values()]
    house = rooms()
    page = DOCS / "architecture.md"
    head, _, rest = page.read_text("utf-8").partition(BEGIN)
    tail = rest.partition(END)[2]
    wanted = {
        DOCS / "architecture.svg": drawn(folders(house)),
        page: f"{head}{BEGIN}\n\n{table(house)}\n\n{END}{tail}",
    }
    old = [
        path.name
        for path, text in wanted.items()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    if check and old:
        print(f"{', '.join(old)}: not today's imports; run {Path(__file__).name}.")
        return 1
    if not check:
        for path, text in wanted.items():
            path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
