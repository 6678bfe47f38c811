"""The smallest request that still shows a finding."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from scripts.fuzz.request import Request
from scripts.fuzz.values import Token

_MOST_TRIES = 150
_MOST_SECONDS = 20.0


def smallest(request: Request, shows: Callable[[Request], bool]) -> Request:
    """Return a request that still ``shows`` the finding and of which no part can be left out, as far as the time allows."""
    until, tries = time.monotonic() + _MOST_SECONDS, 0
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for simpler in _simpler(request):
            tries += 1
            if tries > _MOST_TRIES or time.monotonic() > until:
                return request
            if shows(simpler):
                request, is_smaller = simpler, True
                break
    return request


def _simpler(request: Request) -> Iterator[Request]:
    if request.headers:
        yield replace(request, headers=())
    for query in parts_of(list(request.query)):
        yield replace(request, query=tuple(query))
    if request.content is not None:
        for content in parts_of(request.content):
            yield replace(request, content=content)


def parts_of(value: Any) -> Iterator[Any]:
    """Yield simpler forms of a value, the boldest first.

    >>> list(parts_of([1, 2]))
    [[2], [1]]
    """
    match value:
        case Token() | tuple():
            return
        case str() | bytes():
            if len(value) > 1:
                yield value[len(value) // 2 :]
                yield value[: len(value) // 2]
        case dict():
            for pairs in parts_of(list(value.items())):
                yield dict(pairs)
            for name, part in value.items():
                for simpler in parts_of(part):
                    yield value | {name: simpler}
        case list():
            yield from _parts_of_list(value)


def _parts_of_list(value: list[Any]) -> Iterator[list[Any]]:
    size = len(value) // 2 or len(value)
    while size:
        for start in range(0, len(value), size):
            yield type(value)(value[:start] + value[start + size :])
        size //= 2
    for place, part in enumerate(value):
        # A pair is a name and a value, and the name stays.
        found = ((part[0], text) for text in parts_of(part[1])) if isinstance(part, tuple) else parts_of(part)
        for simpler in found:
            yield type(value)([*value[:place], simpler, *value[place + 1 :]])
