"""Answers to requests that never reach the app, as problem details: what the parser refuses, and what does not arrive in time."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest
from gunicorn.http import errors
from uuid_utils import uuid7

_CODES: dict[type[Exception], str] = {
    TimeoutError: "timeout",
    errors.LimitRequestLine: "address-too-long",
    errors.LimitRequestHeaders: "headers-too-large",
    errors.UnsupportedTransferCoding: "not-implemented",
    errors.ConfigurationProblem: "not-found",  # an address outside of SCRIPT_NAME
}


def refusal(fault: Exception) -> tuple[bytes, str]:
    """Return a whole HTTP answer, and the request id in it."""
    # Loaded only now: gunicorn imports this module before the app has configured Django.
    from predictions.api.problems import CONTENT_TYPE, PROBLEMS, problem_body

    code = _CODES.get(type(fault), "bad-request")
    status = HTTPStatus(PROBLEMS[code].status)
    request = HttpRequest()
    request.request_id = request_id = uuid7().hex  # type: ignore[attr-defined]  # as RequestIdMiddleware does
    content = problem_body(request, code, str(fault))
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Connection: close",
        f"Content-Type: {CONTENT_TYPE}",
        f"Content-Length: {len(content)}",
        "Cache-Control: no-store",
        f"X-Request-ID: {request_id}",
    )
    return "\r\n".join([*head, "", ""]).encode() + content, request_id
