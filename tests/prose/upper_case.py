"""An import hook that puts every sentence of both packages into upper case.

A sentence is a string literal, or an f-string as a whole, of at least five words, or one
that ends as sentences do. Shorter ones may be names: of files, keys, options, layers.
"""

from __future__ import annotations

import ast
import re
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

PACKAGES = ("napari_attnseg", "attnseg_training")
_WORD = re.compile(r"[A-Za-zäöüß'’-]{2,}")


def is_sentence(text: str) -> bool:
    """Whether a literal is prose: style sheets, formats and signatures are not."""
    if "{" in text or "->" in text:
        return False
    words = _WORD.findall(text)
    return len(words) >= 5 or (len(words) >= 2 and text.rstrip()[-1:] in ".!?…")


class _Shout(ast.NodeTransformer):
    """Upper case for the sentences of one module; `count` says how many."""

    def __init__(self) -> None:
        self.count = 0

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str) and is_sentence(node.value):
            self.count += 1
            return ast.copy_location(ast.Constant(node.value.upper()), node)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        literals = [v for v in node.values if isinstance(v, ast.Constant)]
        # What is put in counts as a word each.
        text = " word ".join(str(v.value) for v in literals)
        sentence = is_sentence(text)
        for value in node.values:
            if isinstance(value, ast.Constant):
                if sentence:
                    value.value = str(value.value).upper()
            else:
                self.generic_visit(value)  # an expression may hold literals again
        self.count += sentence
        return node

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        return node


class _Loader(SourceFileLoader):
    shouted = 0

    def source_to_code(  # type: ignore[override]
        self, data: Any, path: str, *, _optimize: int = -1
    ) -> CodeType:
        shout = _Shout()
        tree = ast.fix_missing_locations(shout.visit(ast.parse(data)))
        _Loader.shouted += shout.count
        return compile(tree, path, "exec", dont_inherit=True, optimize=_optimize)

    def get_code(self, fullname: str) -> CodeType | None:
        # Past the cache of compiled files, whose sentences are as they were written.
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Any = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in PACKAGES:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            loader: Loader = _Loader(fullname, str(spec.origin))
            spec.loader = loader
        return spec


def install() -> None:
    """From here on both packages are imported in upper case."""
    early = [name for name in sys.modules if name.partition(".")[0] in PACKAGES]
    assert not early, early
    sys.meta_path.insert(0, _Finder())


def shouted() -> int:
    """How many sentences were put into upper case so far."""
    return _Loader.shouted
