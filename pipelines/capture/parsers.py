"""The child process in which declared sources read strangers' bytes: rows, next pages, versions.

Which bytes are read, and when, belongs to the callers. A source that is not declared, as tests and
changed copies are, is read by its caller: the child knows sources by name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

from pipelines.capture.manifest import LandingDamagedError
from pipelines.child.limits import CallError, LimitError, Limits
from pipelines.child.process import BoundedChild
from pipelines.sources import all_sources
from pipelines.sources.base import ParseError, Payload, Request, Source

P = ParamSpec("P")
T = TypeVar("T")

LIMITS = Limits()
CHILD = BoundedChild(prepare=(all_sources,), raises=(LandingDamagedError, OSError, ParseError))
UNREADABLE = (ParseError, LimitError, CallError)  # what reading strangers' bytes may raise


def in_child(
    source: Source, function: Callable[Concatenate[Source, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Return what a function of a source and of strangers' bytes returns, called in the child.

    Parameters
    ----------
    source : Source
        The first argument of the function.
    function : callable
        With a name in a module. It returns what JSON holds: a tuple may arrive as a list.
    *args, **kwargs
        Further arguments, anything that can be pickled.

    Raises
    ------
    ParseError
        If the source cannot read the bytes.
    LimitError
        If the call passes a limit or ends the process.
    CallError
        If it fails in another way.
    LandingDamagedError, OSError
        As the function raises them.
    """
    declared = all_sources().get(source.source_id)
    # How it asks has no part in what it reads.
    if declared is None or dataclasses.replace(source, requests=declared.requests) != declared:
        return function(source, *args, **kwargs)
    return CHILD.call(LIMITS, _by_name, source.source_id, function, args, kwargs)


def _by_name(source_id: str, function: Callable[..., T], args: Any, kwargs: Any) -> T:
    return function(all_sources()[source_id], *args, **kwargs)


def next_requests(source: Source, request: Request, payload: Payload) -> Sequence[Request]:
    """Return the requests for the pages that follow an answer, as its source reads it.

    Raises
    ------
    ParseError, LimitError, CallError
        As ``in_child``.
    """
    return [Request(**fields) for fields in in_child(source, _next_requests, request, payload)]


def _next_requests(source: Source, request: Request, payload: Payload) -> list[dict[str, Any]]:
    assert source.follow is not None
    return [dataclasses.asdict(following) for following in source.follow(request, payload)]
