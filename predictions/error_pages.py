"""Pages for what went wrong. None of them asks the database, which may be what is wrong."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from math import ceil

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from predictions import context
from predictions.sqlite import is_unavailable


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    text: str


_WORDS = {
    400: _Words(
        "This request could not be read",
        "Your browser sent something that this site does not understand. Go back and try again; what you typed is still there.",
    ),
    403: _Words(
        "You may not see this",
        "Your account is not allowed to open this page. If you think that it should be, ask whoever runs this site.",
    ),
    404: _Words(
        "There is no such page",
        "The address may be mistyped, or the page belongs to someone else. Your own are listed under “My predictions”.",
    ),
    413: _Words("That is too much at once", "What you sent is larger than this site accepts. Go back and send less."),
    429: _Words("That was a lot in a short time", "Wait a minute, go back and try again. Nothing that you sent before was lost."),
    500: _Words(
        "Something broke on our side",
        "It is not your fault, and it has been written down with the number below. Go back and try again in a moment.",
    ),
    503: _Words(
        "No answers just now",
        "The model or the database is not available at the moment. Nothing is wrong on your side: go back and try again in a few "
        "minutes.",
    ),
}
_CSRF = _Words(
    "We could not tell that it was you",
    "Your browser did not send the security cookie that belongs to this page. Go back, reload the page and send it again; "
    "cookies must be allowed for this site.",
)
_LOCKED_OUT = _Words(
    "Too many failed log-ins",
    "Too many wrong passwords came from your address. Wait some minutes and try again, or ask whoever runs this site.",
)
_RETRY_AFTER_S = 60


def page(request: HttpRequest, status: int, retry_after_s: float = _RETRY_AFTER_S) -> HttpResponse:
    """Return the page of one status: 400, 403, 404, 413, 429, 500 or 503."""
    response = _page(request, status, _WORDS[status])
    if status in {429, 503}:
        response["Retry-After"] = str(ceil(retry_after_s))
    return response


def locked_out(request: HttpRequest, *_: object) -> HttpResponse:
    """429 for a log-in after too many failed ones from the same address."""
    response = _page(request, 429, _LOCKED_OUT)
    response["Retry-After"] = str(ceil(settings.AXES_COOLOFF_TIME.total_seconds()))
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, or 413 where the body was too large."""
    return page(request, 413 if isinstance(exception, RequestDataTooBig) else 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django gives it
    """403."""
    return page(request, 403)


def csrf_refused(request: HttpRequest) -> HttpResponse:
    """403 for a form without its token."""
    return _page(request, 403, _CSRF)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django gives it
    """404."""
    return page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 if the database does not answer."""
    return page(request, 503 if is_unavailable(sys.exception()) else 500)


def _page(request: HttpRequest, status: int, words: _Words) -> HttpResponse:
    # Rendered without the request, so that no context processor reads a session or a user from the database. A page
    # about a fault of ours does not ask for the model either.
    live = context.site(request) if status < 500 else {}
    request_id = getattr(request, "request_id", "")
    text = render_to_string("error.html", {"status": status, "words": words, "request_id": request_id, **live})
    return HttpResponse(text, status=status)
