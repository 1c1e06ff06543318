"""Scripts and styles as browsers get them: each tree of small files as one, in one request and packed as a whole,
and without what only people read.

It reads our own files only, which keep to a few forms; one that does not is refused when the server starts.
"""

from __future__ import annotations

import re
from pathlib import Path

# Pages load it by itself, before they are shown; a second copy would be another element of the same name.
APART = frozenset({"local-time.js"})
_IMPORT = re.compile(r'^import (?:(?:\{([^}]*)\}|\* as (\w+)) from )?"\./([a-z-]+\.js)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
# Comments, indents and empty lines. What follows on a line of code is no comment if there is a quote in or behind it.
_FOR_PEOPLE = re.compile(
    r"""^\s*(?://[^\n]*|/\*.*?\*/)\n|^[ \t]+|^\n|[ \t]+// [^"'`\n]*$""", re.MULTILINE | re.DOTALL
)
_LONG_TEXT = re.compile(r"^[^`\n]*(?:`[^`\n]*`[^`\n]*)*`[^`\n]*$", re.MULTILINE)
# In a stylesheet, spaces beside these marks say nothing; in its strings they do.
_SPACES = re.compile(r"""("[^"]*"|'[^']*')|\s*([{};,])\s*|(:)\s+""")
_STYLES = re.compile(r'@import url\("([a-z-]+\.css)"\) layer\((\w+)\);')


def lean(path: Path) -> str:
    """A file without what only people read.

    Raises ValueError for a text over several lines, since all might be part of it.
    """
    text = path.read_text()
    if found := _LONG_TEXT.search(text):
        raise ValueError(f"{path.name} has a text over several lines: {found[0]}")
    return _FOR_PEOPLE.sub("", text)


def style(path: Path) -> str:
    """A stylesheet with what it imports, and without spaces that say nothing."""
    text = _STYLES.sub(lambda found: f"@layer {found[2]} {{{lean(path.parent / found[1])}}}", lean(path))
    return _SPACES.sub(lambda found: "".join(each or "" for each in found.groups()), text)


def script(path: Path) -> str:
    """A module with all that it imports, each as a function that runs once, after those that it needs.

    Raises ValueError for modules that need each other, and for a form of import or export that is not known here.
    """
    modules = _modules(path)
    apart = [f'import * as {_name(name)} from "./{name}";\n' for name in sorted(APART)]
    return "".join([*apart, *modules.values(), f"export {{ {', '.join(map(_name, modules))} }};\n"])


def addition(path: Path) -> str:
    """The same for a module that pages bring after app.js: what that has is taken from there. Raises as `script`."""
    known, modules = _modules(path.with_name("app.js")), _modules(path)
    shared = [_name(name) for name in modules if name in known]
    own = [text for name, text in modules.items() if name not in known]
    return "".join([f'import {{ {", ".join(shared)} }} from "./app.js";\n', *own])


def _modules(path: Path) -> dict[str, str]:
    modules: dict[str, str] = {}
    _add(path, modules, ())
    return modules


def _add(path: Path, modules: dict[str, str], needed_by: tuple[str, ...]) -> None:
    if path.name in needed_by:
        raise ValueError(f"{' needs '.join((*needed_by, path.name))}, in a ring")
    if path.name in modules or path.name in APART:
        return
    text = lean(path)
    for _, _, name in _IMPORT.findall(text):
        _add(path.with_name(name), modules, (*needed_by, path.name))
    body, exported = _EXPORT.sub("", _IMPORT.sub(_constant, text)), ", ".join(_EXPORT.findall(text))
    if left := _LEFT.search(body):
        raise ValueError(f"{path.name} cannot be joined with others: {left[0]}")
    modules[path.name] = f"const {_name(path.name)} = (() => {{\n{body}return {{ {exported} }};\n}})();\n"


def _constant(found: re.Match[str]) -> str:
    """What stands for an import where all are in one file."""
    names, whole, module = found.groups()
    if names:
        return f"const {{{names.replace(' as ', ': ')}}} = {_name(module)};"
    return f"const {whole} = {_name(module)};" if whole else ""


def _name(module: str) -> str:
    return "$" + module.removesuffix(".js").replace("-", "_")
