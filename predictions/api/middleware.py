"""Where programs leave the way of the pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from django.urls import get_resolver

from predictions.api.problems import API_ROOTS

_REMEMBERED = 64
"""Addresses whose routes are remembered: those of the API, and of the predictions that were asked for last."""


class ApiMiddleware:
    """Answers what programs ask; the middleware after it (static files, policy, session, login, messages) is for pages alone.

    A caller of the API carries a token, and gets no page. What protects every answer comes before: id of the request, problem
    details, transport security. Views are called at once: no ``process_view`` or ``process_exception`` sees those of the API.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        # To look through the routes takes longer than to check a record, and most ask at the same address.
        self._route = lru_cache(_REMEMBERED)(get_resolver().resolve)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(API_ROOTS):
            return self.get_response(request)
        request.get_host()  # refuses a forged one
        request.resolver_match = route = self._route(request.path_info)
        response: HttpResponse = route.func(request, *route.args, **route.kwargs)
        # As Django does for those that are written only now, such as REST framework's.
        render = getattr(response, "render", None)
        response = response if render is None else render()
        response.headers["Content-Length"] = str(len(response.content))
        return response
