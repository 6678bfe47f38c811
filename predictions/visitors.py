"""Who asks without an account: a random key in a signed cookie, so that no page needs the database to know its visitor."""

from __future__ import annotations

from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse

_COOKIE = "visitor"
_KEPT_S = 365 * 24 * 3600


def visitor_of(request: HttpRequest) -> str:
    """Return the key of the visitor, or an empty text if there is none.

    Visitors of earlier versions have it in their session, which is read as long as its cookie comes without the other one.
    """
    key = request.get_signed_cookie(_COOKIE, default="", salt=_COOKIE)
    if not key and settings.SESSION_COOKIE_NAME in request.COOKIES:
        key = request.session.get(_COOKIE, "")
    return str(key)


def new_visitor() -> str:
    """Return a key for somebody who has none."""
    return uuid4().hex


def remember(response: HttpResponse, visitor: str) -> HttpResponse:
    """Return the response with the key of its visitor, for a year from now."""
    response.set_signed_cookie(
        _COOKIE,
        visitor,
        salt=_COOKIE,
        max_age=_KEPT_S,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response
