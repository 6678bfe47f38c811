"""Problem details (RFC 9457): every error of the API and of the probes in one shape, and the table of their types."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from ml_model.errors import FieldError

CONTENT_TYPE = "application/problem+json"
INFERENCE_ROOT = "/v2"
"""Where the Open Inference Protocol is spoken; the protocol writes this address without a last slash."""
API_ROOTS = ("/api/", INFERENCE_ROOT)
"""Where programs are answered, and not people."""
MOST_LISTED = 1000
"""Errors that one answer lists; a bulk request can hold many times more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One type of problem."""

    status: int
    title: str
    advice: str
    """What the caller should do about it."""


PROBLEMS: dict[str, Problem] = {
    "bad-request": Problem(
        status=400, title="The request cannot be understood", advice="Check the host name, the address and the headers."
    ),
    "malformed": Problem(
        status=400,
        title="The body is not one JSON document",
        advice="Send one complete JSON document in UTF-8: no duplicate keys, no NaN or Infinity, no deep nesting.",
    ),
    "invalid": Problem(
        status=400,
        title="The input breaks the contract",
        advice="Each entry of 'errors' names a value by its JSON pointer and says what is wrong with it. "
        "The contract is at /api/v1/model/schema/. Nothing was stored.",
    ),
    "unauthenticated": Problem(
        status=401,
        title="There is no valid token",
        advice="Send the header 'Authorization: Token ...' with a token that an administrator gave you.",
    ),
    "forbidden": Problem(status=403, title="This is not allowed to you", advice="Ask an administrator for the permission."),
    "insecure": Problem(
        status=403,
        title="The API answers over https only",
        advice="Use the https address. Others may have read a token that was sent over http: ask an administrator for a new one.",
    ),
    "not-found": Problem(
        status=404, title="There is nothing here", advice="Check the address; every address of the API ends with a slash."
    ),
    "method-not-allowed": Problem(
        status=405, title="The method is not allowed here", advice="Use one of the methods that the header Allow lists."
    ),
    "not-acceptable": Problem(
        status=406, title="No acceptable representation", advice="Send 'Accept: application/json', or no such header."
    ),
    "timeout": Problem(
        status=408,
        title="The request did not arrive in time",
        advice="Send it again over a faster connection, or in smaller parts.",
    ),
    "too-large": Problem(status=413, title="The body is too large", advice="Send it in smaller parts."),
    "address-too-long": Problem(status=414, title="The address is too long", advice="Send values in the body of a POST."),
    "unsupported-media-type": Problem(
        status=415, title="The media type is not supported", advice="Send 'Content-Type: application/json', in UTF-8."
    ),
    "throttled": Problem(status=429, title="Too many requests", advice="Wait for the seconds that the header Retry-After gives."),
    "headers-too-large": Problem(status=431, title="The headers are too large", advice="Send fewer or shorter headers."),
    "internal": Problem(
        status=500,
        title="The server failed",
        advice="Nothing is wrong with the request. Report the 'request_id' to the operator, who finds it in the log.",
    ),
    "not-implemented": Problem(
        status=501, title="The transfer coding is not supported", advice="Send the header Content-Length, or a chunked body."
    ),
    "unavailable": Problem(
        status=503,
        title="The service cannot answer now",
        advice="Try again after the seconds that the header Retry-After gives.",
    ),
}
BY_STATUS: dict[int, str] = {problem.status: code for code, problem in reversed(PROBLEMS.items())}
"""Status to the most general code that has it."""


def problem_address(code: str) -> str:
    """Return the address that explains a type of problem: what its answers carry as ``type``."""
    return reverse("api:problem", args=[code])


def listed(errors: Iterable[FieldError]) -> list[FieldError]:
    """Return the errors that an answer lists; those after them are never made."""
    return list(islice(errors, MOST_LISTED))


def problem_body(
    request: HttpRequest, code: str, detail: str = "", errors: Sequence[FieldError] = (), count: int | None = None
) -> bytes:
    """Return the body of a problem; it can be encoded whatever the texts hold. ``count`` is the number of all errors."""
    problem = PROBLEMS[code]
    detail = detail or problem.advice
    if count is not None and count > len(errors):
        detail = f"{detail} The first {len(errors)} of {count} errors are listed."
    body = {
        "type": problem_address(code),
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "request_id": getattr(request, "request_id", ""),
        "errors": [asdict(error) for error in errors],
    }
    if request.path_info.startswith(INFERENCE_ROOT):
        # Clients of the Open Inference Protocol show this member alone.
        body["error"] = " ".join([detail, *(error.detail for error in errors[:1])])
    return json.dumps(body, ensure_ascii=True).encode()


def problem_response(
    request: HttpRequest,
    code: str,
    detail: str = "",
    *,
    errors: Sequence[FieldError] = (),
    count: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Return the answer to a request that met the problem ``code``."""
    return HttpResponse(
        problem_body(request, code, detail, errors, count),
        status=PROBLEMS[code].status,
        content_type=CONTENT_TYPE,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
