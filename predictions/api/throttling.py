"""The limit on requests to the API: ``API_RATE`` for each owner of tokens, and for each address on the public routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from predictions.client_address import address_of
from predictions.limits import count

if TYPE_CHECKING:
    from rest_framework.views import APIView


class SharedThrottle(BaseThrottle):
    """Counts requests in the database, for all workers."""

    def __init__(self) -> None:
        self.rate: str | None = settings.API_RATE
        self._wait_s = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:  # noqa: ARG002  # REST framework gives it
        """Count the request as one row."""
        self._wait_s = count("api", _who(request), self.rate)
        return self._wait_s == 0

    def wait(self) -> float | None:
        """Return the seconds after which there is room."""
        return self._wait_s


def count_rows(request: Request, rows: int) -> None:
    """Count the rows of a request beyond the first one, which the throttle has counted."""
    if rows > 1 and settings.API_RATE:
        count("api", _who(request), settings.API_RATE, rows - 1, always=True)


def _who(request: Request) -> str:
    user = getattr(request, "user", None)
    return f"user-{user.pk}" if user is not None and user.is_authenticated else address_of(request)
