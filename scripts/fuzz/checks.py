"""What every answer must be, whatever was sent."""

from __future__ import annotations

import json

from scripts.fuzz.request import Answer, Request

SLOWEST_S = 2.0
"""Longest answer to a request, with ``_ROW_S`` more for each row of a bulk request."""
SLOWEST_PROBE_S = 0.5
_ROW_S = 0.001
_MEMBERS = frozenset({"type", "title", "status", "detail", "request_id", "errors"})
_ERROR_MEMBERS = frozenset({"pointer", "code", "detail"})
_API = ("/api/", "/v2/", "/health/")
_PROTOCOL = frozenset({501, 505})
"""Statuses that RFC 9110 demands for a transfer coding or a version of HTTP that the server does not know."""


def fault_of(request: Request, answer: Answer, probe_s: float) -> str:
    """Return what is wrong with an answer in a few words, or an empty text."""
    is_raw = request.encoding == "socket"
    if answer.status >= 500 and not _is_documented(answer, is_raw=is_raw):
        return f"status {answer.status}"
    if answer.status == 0 and not is_raw:
        return "no answer"
    if request.must_be_refused and 0 < answer.status < 400:
        return f"accepted with {answer.status}"
    if answer.seconds > SLOWEST_S + request.rows * _ROW_S:
        return "slow"
    if probe_s > SLOWEST_PROBE_S:
        return "slow probe"
    if not is_raw and answer.status >= 400 and request.path.startswith(_API) and request.method != "HEAD":
        return _fault_of_problem(answer)
    return ""


def _is_documented(answer: Answer, *, is_raw: bool) -> bool:
    return (answer.status == 503 and "retry-after" in answer.headers) or (is_raw and answer.status in _PROTOCOL)


def _fault_of_problem(answer: Answer) -> str:
    if answer.headers.get("content-type") != "application/problem+json":
        return "error is no problem+json"
    problem = json.loads(answer.body)
    if not problem.keys() >= _MEMBERS or problem["status"] != answer.status:
        return "members of the problem"
    if any(error.keys() != _ERROR_MEMBERS or not error["detail"] or not error["code"] for error in problem["errors"]):
        return "members of the problem's errors"
    return ""
