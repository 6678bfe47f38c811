"""From exceptions to problem details: inside the views of the API, and around all of its routes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework.exceptions import APIException

from ml_model.errors import FieldError
from predictions.api.problems import API_ROOTS, BY_STATUS, CONTENT_TYPE, PROBLEMS, problem_body, problem_response
from predictions.embedded import ModelUnavailable
from predictions.sqlite import is_unavailable

logger = logging.getLogger(__name__)
RETRY_AFTER_S = 30
_PREFIXES = (*API_ROOTS, "/health/")


class Refusal(APIException):
    """A request that the API refuses, by the code of its problem; ``errors`` are listed, of ``count`` in all."""

    def __init__(self, code: str, detail: str = "", errors: Sequence[FieldError] = (), count: int | None = None) -> None:
        super().__init__(detail or PROBLEMS[code].advice, code)
        self.code = code
        self.status_code = PROBLEMS[code].status
        self.errors = errors
        self.count = count


def handle(exception: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Return the problem that an exception of a view is, or None for a fault of the server; DRF's EXCEPTION_HANDLER."""
    request = context["request"]
    match exception:
        case Refusal():
            return problem_response(
                request, exception.code, str(exception.detail), errors=exception.errors, count=exception.count
            )
        case ModelUnavailable():
            return _unavailable(request, "No release of the model is ready to answer.")
        case _ if is_unavailable(exception):
            logger.error("the database does not answer", exc_info=exception)
            return _unavailable(request, "The database does not answer; nothing was stored.")
        case Http404():
            return problem_response(request, "not-found")
        case PermissionDenied():
            return problem_response(request, "forbidden")
        case SuspiciousOperation():
            return problem_response(request, "bad-request")
        case APIException():
            return problem_response(request, BY_STATUS[exception.status_code], str(exception.detail), headers=_headers(exception))
    return None


def _unavailable(request: HttpRequest, detail: str) -> HttpResponse:
    return problem_response(request, "unavailable", detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def _headers(exception: APIException) -> dict[str, str]:
    challenge, wait_s = getattr(exception, "auth_header", None), getattr(exception, "wait", None)
    headers = {"WWW-Authenticate": challenge} if challenge else {}
    return headers | ({"Retry-After": str(wait_s)} if wait_s else {})


class ProblemMiddleware:
    """Makes a problem of every error under the API that no view of it has answered.

    Unknown routes, forged hosts and uncaught exceptions are answered by Django in HTML, and a machine is asking here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        status = response.status_code
        is_error = status >= 300 and response.headers.get("Content-Type") != CONTENT_TYPE
        if is_error and request.path_info.startswith(_PREFIXES):
            code = _code(status)
            if (
                status < 400
            ):  # a redirect to https: it would turn a POST into a GET, and hide that the token can be read by others
                del response.headers["Location"]
                response.status_code, code = PROBLEMS["insecure"].status, "insecure"
            response.content = problem_body(request, code)
            response.headers["Content-Type"] = CONTENT_TYPE
            response.headers["Content-Length"] = str(len(response.content))
            response.headers["Cache-Control"] = "no-store"
        return response


def _code(status: int) -> str:
    return BY_STATUS.get(status, "internal" if status >= 500 else "bad-request")
