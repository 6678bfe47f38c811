"""One id per request: in the answer's header, on error pages and in every log line."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse
from uuid_utils import uuid7

_HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
_current: ContextVar[str] = ContextVar("request_id", default="-")


class RequestIdMiddleware:
    """Takes the id that a proxy gave, where it is well-formed, and makes one otherwise."""

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


class RequestIdFilter(logging.Filter):
    """Gives each log record the id of the request that it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Django logs a refused request after the middleware is done with it, and hands it over with the record.
        record.request_id = getattr(getattr(record, "request", None), "request_id", None) or _current.get()
        return True
