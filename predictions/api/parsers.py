"""JSON, strictly: what two readers could understand differently is refused, and never guessed at."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import IO, Any

import numpy as np
import orjson
from django.conf import settings
from django.http import HttpRequest, UnreadablePostError
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser

from predictions.api.errors import Refusal

DEEPEST = 16
"""Levels of arrays and objects inside each other."""
_TOO_DEEP = f"Arrays and objects are nested deeper than {DEEPEST} levels."
_CONTAINERS = frozenset({dict, list})
_MOST_CONTAINERS = 1_000_000
"""Arrays and objects in one body: each takes up to a hundred times the memory of its two bytes."""
_LONG = 2**16
"""Bytes from where on numpy counts in them at five times the speed of ``bytes``."""


def check_body(request: HttpRequest) -> None:
    """Refuse a body that is missing, encoded or too long before a byte of it is read. ``read_whole`` measures a chunked one."""
    if request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() != "identity":
        raise Refusal("unsupported-media-type", "The body must not be compressed.")
    if not _is_chunked(request):
        _check_size(_announced(request))


class StrictJSONParser(BaseParser):
    """Parses ``application/json`` in UTF-8; the views call ``check_body`` first."""

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Return the value that the body holds; raise Refusal or UnsupportedMediaType."""
        charset = parse_header_parameters(media_type)[1].get("charset", "utf-8") if media_type and ";" in media_type else "utf-8"
        if charset.strip().lower() not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType(media_type or "")
        return read_whole(stream.read, (parser_context or {})["request"])


def read_whole(read: Callable[[], bytes], request: HttpRequest) -> Any:
    """Return the value of the body that ``read`` returns; raise Refusal if it is not as long as ``request`` announced it."""
    try:
        body = read()
    except UnreadablePostError as error:
        raise Refusal("malformed", "The body broke off.") from error
    announced, is_chunked = _announced(request), _is_chunked(request)
    if is_chunked:
        _check_size(len(body))
    elif len(body) != announced:
        raise Refusal("malformed", f"The body broke off: {announced} bytes were announced, {len(body)} arrived.")
    return read_json(body)


def read_json(body: bytes) -> Any:
    """Return the value of one JSON document (RFC 8259) in UTF-8; raise Refusal."""
    containers = _count(body, "{") + _count(body, "[")
    if containers > _MOST_CONTAINERS:
        detail = f"The body has {containers} arrays and objects; at most {_MOST_CONTAINERS} are accepted."
        raise Refusal("too-large", detail)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = _read_closely(body)
        _members_in(value, containers)
        return value
    # orjson takes a key that stands twice, which is one member of the value but two colons of the text.
    return value if _members_in(value, containers) == _count(body, ":") else _read_closely(body)


def _read_closely(body: bytes) -> Any:
    """Return the value by Python's own parser, which is slower, looks at each member and says where a fault stands."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Refusal("malformed", f"The body is not UTF-8: the first wrong byte is number {error.start}.") from error
    try:
        return json.loads(text, object_pairs_hook=_members, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise Refusal("malformed", f"Line {error.lineno}, column {error.colno}: {error.msg}.") from error
    except ValueError as error:
        raise Refusal("malformed", "A number has too many digits.") from error
    except RecursionError as error:
        raise Refusal("malformed", _TOO_DEEP) from error


def _check_size(size: int) -> None:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if size <= 0:
        raise Refusal("malformed", "The body is empty.")
    if size > most:
        raise Refusal("too-large", f"The body has {size} bytes or more; at most {most} are accepted.")


def _is_chunked(request: HttpRequest) -> bool:
    return "HTTP_TRANSFER_ENCODING" in request.META


def _announced(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or ""
    return int(length) if length.isdecimal() and len(length) < 20 else 0


def _members_in(value: Any, containers: int) -> int:
    """Return the number of members of all objects in a value; raise Refusal if it is too deep or an object is too large.

    When as many arrays and objects were found as the text has opening brackets, the search ends.
    """
    hidden = containers - 1
    members, level = 0, [value] if type(value) in _CONTAINERS else []
    for _ in range(DEEPEST):
        sizes = [len(one) for one in level if type(one) is dict]
        if sizes and max(sizes) > settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:
            raise Refusal("too-large", f"One object has more than {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} members.")
        members += sum(sizes)
        inside: list[Any] = []
        for one in level if hidden else ():
            found = [part for part in (one.values() if type(one) is dict else one) if type(part) in _CONTAINERS]
            hidden -= len(found)
            inside += found
        if not inside:
            return members
        level = inside
    raise Refusal("malformed", _TOO_DEEP)


def _count(body: bytes, sign: str) -> int:
    """Return how often an ASCII sign is in a body."""
    if len(body) < _LONG:
        return body.count(sign.encode())
    return int(np.count_nonzero(np.frombuffer(body, np.uint8) == ord(sign)))


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise Refusal("malformed", f"The key {json.dumps(twice[:80])} stands twice in one object.")
    return members


def _no_constant(name: str) -> Any:
    raise Refusal("malformed", f"{name} is not a number of JSON.")
