"""The browser's modules as one file, so that a visit requests one instead of seventy.

Each module stays a function scope of its own, in the order of imports; nothing is renamed, and only
comments are left out. Modules may hold what `_IMPORT` and `_EXPORT` describe and no other import or
export, and import each other without cycles: then a binding that is read once equals the live one
of ES modules. No line of a template literal may begin as a comment does.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from posixpath import dirname, join, normpath

from playground.settings import PACKAGE

FRONTEND = PACKAGE / "frontend"

ENTRY_POINTS = {"main.js": "start", "training/learn.js": "mount"}  # module: what the page calls

_IMPORT = re.compile(r'^import (\{[^}]*\}|\* as \w+) from "(\.[^"]+)";$', re.M)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) ([\w$]+))", re.M)
_LEFT = re.compile(r"^\s*(?:import\b(?!\s*\()|export\b).*|\bimport\s*\(.*", re.M)
# A comment that has its lines to itself.
_COMMENT_LINES = re.compile(r"^[ \t]*(?://.*|/\*(?:[^*]|\*(?!/))*\*/[ \t]*)\n", re.M)
_MODULES = "$modules"


@dataclass(frozen=True, slots=True)
class Bundle:
    """name: with a hash of the code, so that a browser may keep the file for good."""

    name: str
    code: str


class UnsupportedSyntax(ValueError):
    """A module imports or exports in a way that the bundle can't; the text has file and line."""


@cache
def frontend_bundle() -> Bundle:
    """The bundle of the page's modules. Raises UnsupportedSyntax, graphlib.CycleError."""
    code = bundle_code(FRONTEND, ENTRY_POINTS)
    digest = hashlib.sha256(code.encode()).hexdigest()[:16]
    return Bundle(f"playground-{digest}.js", code)


def bundle_code(folder: Path, entry_points: dict[str, str]) -> str:
    """One ES module that exports a name of each entry point, for a place in `folder`.

    Raises UnsupportedSyntax, graphlib.CycleError, FileNotFoundError.
    """
    sources: dict[str, str] = {}
    imports: dict[str, list[str]] = {}
    waiting = list(entry_points)
    while waiting:
        path = waiting.pop()
        if path in sources:
            continue
        sources[path] = (folder / path).read_text(encoding="utf-8")
        imports[path] = [_resolve(path, found[2]) for found in _IMPORT.finditer(sources[path])]
        waiting += imports[path]
    ordered = TopologicalSorter({path: sorted(imports[path]) for path in sorted(imports)})
    return "\n".join(
        [
            f"const {_MODULES} = {{}};",
            *(_scope(path, sources[path]) for path in ordered.static_order()),
            *(
                f'export const {name} = {_MODULES}["{path}"].{name};'
                for path, name in entry_points.items()
            ),
            "",
        ]
    )


def _resolve(importer: str, specifier: str) -> str:
    return normpath(join(dirname(importer), specifier))


def _scope(path: str, source: str) -> str:
    """A module as a function's scope that returns its exports."""

    def binding(found: re.Match[str]) -> str:
        names = found[1].removeprefix("* as ").replace(" as ", ": ")
        return f'const {names} = {_MODULES}["{_resolve(path, found[2])}"];'

    exports = _EXPORT.findall(source)
    code = _EXPORT.sub("", _IMPORT.sub(binding, _COMMENT_LINES.sub("", source)))
    code = code.replace("import.meta.url", f'new URL("{path}", import.meta.url).href')
    if left := _LEFT.search(code):
        raise UnsupportedSyntax(f"{path}: {left[0].strip()}")
    return f'{_MODULES}["{path}"] = (() => {{\n{code}\nreturn {{ {", ".join(exports)} }};\n}})();'
