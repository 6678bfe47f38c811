"""Where programs leave the way of the pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import get_resolver

from predictions.api.problems import API_ROOTS

_REMEMBERED = 64
"""Addresses whose routes are remembered: those of the API, and of the predictions that were asked for last."""


class ApiMiddleware:
    """Answers what programs ask; the middleware after it (static files, policy, session, login, messages) is for pages alone.

    A caller of the API carries a token, and gets no page. What protects every answer comes before: id of the request, problem
    details, transport security, the check of the host.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        # To look through the routes takes longer than to check a record, and most ask at the same address.
        self._route = lru_cache(_REMEMBERED)(get_resolver().resolve)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(API_ROOTS):
            return self.get_response(request)
        request.resolver_match = route = self._route(request.path_info)
        response: HttpResponseBase = route.func(request, *route.args, **route.kwargs)
        # As Django does for those that are written only now, such as REST framework's.
        render = getattr(response, "render", None)
        return response if render is None else render()
