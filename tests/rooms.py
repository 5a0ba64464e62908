"""The rooms of the code and their imports, as ``docs/architecture.md`` shows them.

    python -m tests.rooms    # rewrite the picture and the table

A room is a package or module directly under ``pipelines``, or another package at the top. The
picture leaves out an arrow where others lead the same way; the table lists every import.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = ("truecost", "pipelines", "warehouse", "cost_engine")
START, END = "<!-- rooms: python -m tests.rooms -->\n", "<!-- end of rooms -->\n"
# The command line imports its commands by name when they run, which no graph of imports can see.
BY_NAME = {"cli": {"commands"}}

Imports = dict[str, set[str]]


def room_of(module: str) -> str:
    """Return the room of a module.

    Examples
    --------
    >>> room_of("pipelines.capture.http.client"), room_of("warehouse.files")
    ('capture', 'warehouse')
    """
    package, *parts = module.split(".")
    return parts[0] if package == "pipelines" and parts else package


@cache
def imports_between_rooms() -> Imports:
    """Return, of each room, the rooms that it imports."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    found: Imports = {room_of(module): set() for module in graph.modules}
    for module in graph.modules:
        found[room_of(module)] |= {
            room_of(imported) for imported in graph.find_modules_directly_imported_by(module)
        } - {room_of(module)}
    for room, others in BY_NAME.items():
        found[room] |= others
    for others in found.values():
        others.discard("pipelines")  # its docstring alone
    found.pop("pipelines")
    return found


def reached(imports: Imports, room: str) -> set[str]:
    """Return every room that one depends on, directly or through others.

    Examples
    --------
    >>> sorted(reached({"a": {"b"}, "b": {"c"}, "c": set()}, "a"))
    ['b', 'c']
    """
    return imports[room].union(*(reached(imports, other) for other in imports[room]))


def without_detours(imports: Imports) -> Imports:
    """Return the imports without those that others imply.

    Examples
    --------
    >>> without_detours({"a": {"b", "c"}, "b": {"c"}, "c": set()})
    {'a': {'b'}, 'b': {'c'}, 'c': set()}
    """
    return {
        room: {
            other
            for other in others
            if not any(other in reached(imports, between) for between in others)
        }
        for room, others in imports.items()
    }


def from_top(imports: Imports) -> list[str]:
    """Return the rooms, each before those that it imports."""
    return sorted(imports, key=lambda room: (-len(reached(imports, room)), room))


def charter(room: str) -> str:
    """Return the first line of what a room says of itself, and its path."""
    places = [ROOT / room / "__init__.py"] if room in PACKAGES else [
        ROOT / "pipelines" / room / "__init__.py", ROOT / "pipelines" / f"{room}.py"
    ]  # fmt: skip
    path = next(place for place in places if place.exists())
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n\n")[0].replace("\n", " ").replace("``", "`")


def block() -> str:
    """Return the picture and the table of the rooms, in Markdown."""
    imports = imports_between_rooms()
    order = from_top(imports)
    drawn = without_detours(imports)
    lines = ["```mermaid", "flowchart TB"]
    for room in order:
        arrow = "-. by name .->" if room in BY_NAME else "-->"
        lines += [f"  {room} {arrow} {other}" for other in order if other in drawn[room]]
    lines += ["```", "", "| room | what it is | imports |", "|---|---|---|"]
    for room in order:
        named = ", ".join(other for other in order if other in imports[room])
        lines.append(f"| `{room}` | {charter(room)} | {named or 'nothing of ours'} |")
    return "\n".join(lines) + "\n"


def page_with(new: str) -> str:
    """Return the text of the page with another block between its marks."""
    before, rest = PAGE.read_text(encoding="utf-8").split(START)
    return before + START + new + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(page_with(block()), encoding="utf-8")
