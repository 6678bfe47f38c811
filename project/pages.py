"""What only pages need: the middleware that the API is spared."""

from __future__ import annotations

from collections.abc import Awaitable

from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from predictions.api.problems import API_ROOTS


class _ForPages(MiddlewareMixin):
    """Leaves the API alone: it has no session, its callers carry a token, and what it answers is no page."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if request.path_info.startswith(API_ROOTS):
            return self.get_response(request)
        return super().__call__(request)


class PageCSPMiddleware(_ForPages, CSPMiddleware):
    """The content security policy, which costs an answer of the API more than its record does to be scored."""


class PageSessionMiddleware(_ForPages, SessionMiddleware):
    """Sessions of visitors and staff."""


class PageAuthenticationMiddleware(_ForPages, AuthenticationMiddleware):
    """Who is logged in."""


class PageMessageMiddleware(_ForPages, MessageMiddleware):
    """Messages that the next page shows."""
