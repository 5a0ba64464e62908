"""Parsing a YAML document and holding it against its schema; one line says what is wrong with it.

That line names the file, the line, the key, what it holds and what is allowed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from warehouse.reference.documents import ReferenceError
from warehouse.reference.schema import FILES
from warehouse.reference.schema_figures import ASSUMPTION

MOST_BYTES = 2**22  # of a file of somebody's own; ours have 200 kB
FIT = "fit of benchmarks/fit_inference.py"
Schema = TypeVar("Schema", bound=BaseModel)


def yaml_content(text: str, name: str) -> Any:
    """Return the plain content of a YAML text, dates as text.

    Raises
    ------
    ReferenceError
        If it is not YAML.
    """
    try:
        parsed = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise ReferenceError(f"{name}{line}: not YAML: {problem}") from None
    return _plain(parsed)


def schema_name(name: str) -> str:
    """Return which schema a document has: that of its folder, or its own.

    Raises
    ------
    ReferenceError
        If no schema is known for it.

    Examples
    --------
    >>> schema_name("gpus/amd.yaml"), schema_name("corrections.yaml")
    ('gpus', 'corrections')
    """
    kind = Path(name).parts[0].removesuffix(".yaml")
    if kind not in FILES:
        raise ReferenceError(f"{name}: no schema; allowed: {', '.join(FILES)}")
    return kind


def checked(content: Any, text: str, name: str) -> Any:
    """Return the content of a YAML document if it fits its schema.

    Parameters
    ----------
    content : object
        Plain values, dates as text.
    text : str
        The file, to find the line of what is wrong.
    name : str

    Raises
    ------
    ReferenceError
        If a key, a value, a unit or a source is not what it must be.
    """
    held_against(FILES[schema_name(name)], content, text, name)
    listed = {*content.get("sources", {}), ASSUMPTION, *((FIT,) if "fit" in content else ())}
    for path, source in _named_sources(content, ()):
        if source not in listed:
            raise ReferenceError(
                f"{_place(path, content, text, name)} holds {source!r}, which is not listed under"
                f" 'sources:'; allowed: {', '.join(sorted(listed))}"
            )
    return content


def checked_file(path: Path, name: str) -> Any:
    """Return the content of somebody's YAML file if it fits the schema of a document.

    Parameters
    ----------
    path : Path
    name : str
        Of the document that it would be, such as ``gpus/mine.yaml``.

    Raises
    ------
    ReferenceError
        If it is too large, or does not fit.
    """
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ReferenceError(f"{path.name} has over {MOST_BYTES:,} bytes: split it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ReferenceError(f"{path.name} is not UTF-8: save it as UTF-8") from None
    return checked(yaml_content(text, name), text, name)


def held_against(schema: type[Schema], content: Any, text: str, name: str) -> Schema:
    """Return the content of a YAML document as a schema has it.

    Parameters
    ----------
    schema : class
    content : object
        Plain values, dates as text.
    text : str
        The file, to find the line of what is wrong.
    name : str

    Raises
    ------
    ReferenceError
        If it does not fit; the first thing that is wrong, with file, line and key.
    """
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        first, count = error.errors(include_url=False)[0], error.error_count()
        more = f" ({count - 1} more)" if count > 1 else ""
        raise ReferenceError(f"{_said(first, content, text, name)}{more}") from None


def item_lines(text: str, key: str) -> list[int]:
    r"""Return the line on which each item of a list begins.

    Examples
    --------
    >>> item_lines("rules:\n- gpu: A\n  below_usd: 1\n- gpu: B", "rules")
    [2, 4]
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(node, yaml.MappingNode)  # its data have been read already
    [items] = [value for name, value in node.value if name.value == key]
    return [item.start_mark.line + 1 for item in items.value]


_ALLOWED = {
    "string_type": "a text",
    "string_too_short": "a text that is not empty",
    "string_pattern_mismatch": "an address that begins with https:// or http://",
    "bool_type": "true or false",
    "int_type": "a number that is not quoted; YAML wants a point and a sign: 9.894e+14",
    "float_type": "a number that is not quoted; YAML wants a point and a sign: 9.894e+14",
    "model_type": "a mapping; a figure is {value: ..., unit: ..., source: ...}",
    "dict_type": "a mapping",
    "list_type": "a list",
}


_MISSING = {"source": "an id listed under 'sources:', or assumption"}


def _said(error: Mapping[str, Any], content: Any, text: str, name: str) -> str:
    """Return one line: file, line, key, what it holds, what is allowed."""
    context = error.get("ctx", {})
    path = [part for part in error["loc"] if part not in ("int", "float", "[key]")]
    allowed = _ALLOWED.get(error["type"]) or context.get("expected") or error["msg"]
    if error["type"] == "missing":
        parent = _place(tuple(path[:-1]), content, text, name)
        return f"{parent}.{path[-1]} is missing; allowed: {_MISSING.get(path[-1], 'a value')}"
    if "key" in context:
        path.append(context["key"])
    place = _place(tuple(path), content, text, name)
    if error["type"] == "key":
        return f"{place} is unknown; allowed: {allowed}"
    held: Any = error["input"]
    if isinstance(held, dict) and "key" in context:
        held = held.get(context["key"])
    elif isinstance(held, BaseModel) and "key" in context:
        held = getattr(held, context["key"])
    return f"{place} holds {json.dumps(held, ensure_ascii=False, default=str)}; allowed: {allowed}"


def _place(path: tuple[Any, ...], content: Any, text: str, name: str) -> str:
    """Return ``file:line: key``; an item of a list is named by its id."""
    node, value, words, line = yaml.compose(text, Loader=yaml.SafeLoader), content, [], 1
    for part in path:
        value = value[part] if _holds(value, part) else None
        label = next((item for key, item in _items(value) if key.endswith("_id")), None)
        words.append(str(label or part) if isinstance(part, int) else str(part))
        if isinstance(node, yaml.MappingNode):
            for key, item in node.value:
                if key.value == str(part):
                    line, node = key.start_mark.line + 1, item
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
    return f"{name}:{line}: {'.'.join(words) or 'the file'}"


def _holds(value: Any, part: Any) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, dict) and part in value


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _named_sources(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Yield every source that is named, but for the prose of a fit."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "source" and path != ("fit",):
                yield (*path, key), item
            elif (*path, key) != ("sources",):
                yield from _named_sources(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _named_sources(item, (*path, place))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
