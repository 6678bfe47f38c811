"""The admin site: it refuses nonsense in an address or a form that Django's own views would answer with a server error."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import TO_FIELD_VAR
from django.contrib.admin.utils import unquote
from django.core.exceptions import BadRequest, ValidationError
from django.db import DataError
from django.http import Http404, HttpRequest
from django.urls import URLPattern, URLResolver

_KEY = "id"
"""The only field by which an object of the admin is found; Django would take any name from the address."""
_UNUSABLE = (ValidationError, ValueError, OverflowError, DataError)
"""Raised for a filter or an id that cannot be a value of its column; which of them depends on the column and the database."""


class Site(admin.AdminSite):
    """Django's admin, in which every request gets an answer."""

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        """Return the view behind the login; odd parameters raise BadRequest."""
        inner = super().admin_view(view, cacheable)
        is_list = getattr(view, "__name__", "") == "changelist_view"

        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if any(given.get(TO_FIELD_VAR, _KEY) != _KEY for given in (request.GET, request.POST)):
                raise BadRequest("an object is found by its id alone")
            if "\0" in unquote(kwargs.get("object_id", "")):
                raise Http404  # PostgreSQL refuses to compare with it
            try:
                return inner(request, *args, **kwargs)
            except _UNUSABLE as error:
                # A list is filtered and its action is run here; its rows are formatted later, so no fault of ours is hidden.
                if is_list and (request.GET or request.POST):
                    raise BadRequest("a filter or an id is not a value of its column") from error
                raise

        return checked

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Return Django's routes without "view on site", which no model here has and which fails for an id that is no UUID."""
        return [route for route in super().get_urls() if getattr(route, "name", None) != "view_on_site"]
