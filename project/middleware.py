"""What holds for every request: an id, and a limit for the bodies of pages."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse, UnreadablePostError
from uuid_utils import uuid7

from predictions import error_pages
from project.limits import PAGE_BODY_BYTES

_HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
_current: ContextVar[str] = ContextVar("request_id", default="-")


class RequestIdMiddleware:
    """One id per request: in the answer's header, on error pages and in every log line.

    Takes the id that a proxy gave, where it is well-formed, and makes one otherwise.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")  # to ask for the headers by name would prepare all of them
        request_id = given if _ACCEPTED.fullmatch(given) else uuid7().hex
        request.request_id = request_id  # type: ignore[attr-defined]
        token = _current.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            _current.reset(token)
        response[_HEADER] = request_id
        return response


class PageBodyMiddleware:
    """Refuses a form that is too long, before it is read, and one that broke off: half a value is another value."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        refused = _refusal_of_body(request)
        return self.get_response(request) if refused is None else error_pages.page(request, refused)


def _refusal_of_body(request: HttpRequest) -> int | None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length == "0":
        return None
    if not length.isdecimal():
        return 400
    is_chunked = "HTTP_TRANSFER_ENCODING" in request.META
    if int(length) > PAGE_BODY_BYTES and not is_chunked:
        return 413
    try:
        received = len(request.body)
    except UnreadablePostError:
        return 400
    if received > PAGE_BODY_BYTES:
        return 413
    return None if is_chunked or received == int(length) else 400


class RequestIdFilter(logging.Filter):
    """Gives each log record the id of the request that it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Django logs a refused request after the middleware is done with it, and hands it over with the record.
        record.request_id = getattr(getattr(record, "request", None), "request_id", None) or _current.get()
        return True
