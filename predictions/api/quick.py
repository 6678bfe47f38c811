"""The short way for what programs ask most: one record, as JSON, with a token.

The parts are those of ``PredictionsView``: its authentication, the strict parser, ``answer_one``, the handler of its errors. Left
out are the steps of REST framework between them, which take longer than to check, score and answer a record. Whatever is not this
plain, or not allowed, goes the whole way, and a test sends the same both ways.
"""

from __future__ import annotations

import orjson
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from predictions.api.authentication import owner_of
from predictions.api.errors import handle
from predictions.api.parsers import check_body, read_whole
from predictions.api.views import PredictionsView, answer_one

_whole_way = PredictionsView.as_view()
_ANY = {"*/*", "application/json"}
_ALLOW = "GET, POST, HEAD, OPTIONS"
_is_limited = any(getattr(throttle, "rate", True) for throttle in PredictionsView().get_throttles())


@csrf_exempt
def predictions(request: HttpRequest) -> HttpResponseBase:
    """Answer ``POST`` of one plain record by the short way, and everything else by the view."""
    meta = request.META
    is_plain = meta.get("CONTENT_TYPE") == "application/json" and meta.get("HTTP_ACCEPT", "*/*") in _ANY
    if request.method != "POST" or not is_plain or _is_limited:
        return _whole_way(request)
    try:
        user_id = _owner(meta.get("HTTP_AUTHORIZATION", ""))
        if user_id is None:
            return _whole_way(request)
        check_body(request)
        answer = answer_one(read_whole(request.read, request), user_id, request)
    except Exception as error:
        response = handle(error, {"request": request})
        if response is None:
            raise
    else:
        content = orjson.dumps(answer, option=orjson.OPT_UTC_Z)
        response = HttpResponse(content, status=201, content_type="application/json", headers={"Location": answer["url"]})
    response.headers["Allow"] = _ALLOW
    return response


def _owner(header: str) -> int | None:
    """Return whose token a header carries; one that is not plainly somebody's is left to the whole way."""
    kind, _, token = header.partition(" ")
    return owner_of(token.encode("latin-1")) if kind == "Token" else None
