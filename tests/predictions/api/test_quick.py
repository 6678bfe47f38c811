"""The short way answers as the whole one does, to the last header; and what is not plain does not take it."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from knox.models import AuthToken
from rest_framework.throttling import UserRateThrottle

from predictions import embedded
from predictions.api import quick
from predictions.api.views import PredictionsView
from predictions.models import Prediction
from tests.predictions.door import Api, problem_of

pytestmark = pytest.mark.django_db
WHOLE = "application/json; charset=utf-8"
"""Says the same as the plain type, and is not that plain."""
BODIES: dict[str, Any] = {
    "a record": json.dumps,
    "an unknown field": lambda example: json.dumps({**example, "nothing": 1}),
    "a missing field": lambda example: json.dumps(dict(list(example.items())[1:])),
    "a list": lambda example: json.dumps([example]),
    "a number": lambda _: "1",
    "null": lambda _: "null",
    "spaces": lambda _: "  ",
    "not JSON": lambda _: "{'a': 1}",
    "a key twice": lambda example: json.dumps(example)[:-1] + f', "{next(iter(example))}": 1}}',
    "deep": lambda _: "[" * 17 + "]" * 17,
    "NaN": lambda _: "[NaN]",
    "a lone surrogate": lambda example: json.dumps({**example, next(iter(example)): "\ud800"}),
}


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What went the whole way, as it comes."""
    seen: list[str] = []

    def whole(request: Any) -> Any:
        seen.append(request.method)
        return whole_way(request)

    whole_way = quick._whole_way
    monkeypatch.setattr(quick, "_whole_way", whole)
    return seen


def shape(response: Any) -> tuple[int, dict[str, str], Any]:
    """What two answers to the same have in common: all but ids and times."""
    answer = json.loads(response.content)
    for name in ("id", "url", "created_at", "request_id"):
        answer.pop(name, None)
    headers = {
        name: value for name, value in response.headers.items() if name not in {"X-Request-ID", "Location", "Content-Length"}
    }
    return response.status_code, headers, answer


@pytest.mark.parametrize("body", BODIES)
def test_both_ways_answer_alike(body: str, api: Api, example: dict[str, Any], ways: list[str]) -> None:
    sent = BODIES[body](example).encode()
    short = api.send("predictions/", sent)
    assert ways == []
    whole = api.send("predictions/", sent, WHOLE)
    assert ways == ["POST"]
    assert shape(short) == shape(whole)
    kept = [field.attname for field in Prediction._meta.concrete_fields if field.name not in {"id", "created_at"}]
    rows = list(Prediction.objects.values(*kept))
    assert rows == ([rows[0]] * 2 if body == "a record" else [])


def test_the_location_is_where_it_can_be_got(api: Api, example: dict[str, Any]) -> None:
    posted = api.post("predictions/", example)
    assert api.get(posted["Location"]).json() == posted.json()


@pytest.mark.parametrize("headers", [{"Accept": "text/html"}, {"Content-Encoding": "gzip"}], ids=str)
def test_odd_headers_are_answered_alike(headers: dict[str, str], api: Api, example: dict[str, Any]) -> None:
    sent = json.dumps(example).encode()
    answers = [shape(api.send("predictions/", sent, kind, headers=headers)) for kind in ("application/json", WHOLE)]
    assert answers[0] == answers[1]
    assert answers[0][0] in {406, 415}
    assert not Prediction.objects.exists()


def test_a_body_that_is_too_long(api: Api, example: dict[str, Any], settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 20
    sent = json.dumps(example).encode()
    assert shape(api.send("predictions/", sent)) == shape(api.send("predictions/", sent, WHOLE))
    problem_of(api.send("predictions/", sent), 413, "too-large")


@pytest.mark.parametrize("token", ["", "Token", "Token x", "Token a b", "Bearer " + "0" * 64, "Token " + "0" * 64, "Token \xff"])
def test_who_has_no_token_is_told_so_by_the_view(token: str, anonymous: Api, example: dict[str, Any], ways: list[str]) -> None:
    response = anonymous.send("predictions/", json.dumps(example).encode(), headers={"Authorization": token})
    problem_of(response, 401, "unauthenticated")
    assert response["WWW-Authenticate"] == "Token"
    assert ways == ["POST"]


def test_a_token_that_expires_counts_until_it_does(user: User, example: dict[str, Any]) -> None:
    for expiry, status in ((dt.timedelta(hours=1), 201), (dt.timedelta(hours=-1), 401)):
        api = Api()
        api.client.headers = {"Authorization": f"Token {AuthToken.objects.create(user, expiry=expiry)[1]}"}
        sent = json.dumps(example).encode()
        assert api.send("predictions/", sent, headers=api.client.headers).status_code == status


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options", "head"])
def test_other_methods_go_the_whole_way(method: str, api: Api, ways: list[str]) -> None:
    response = getattr(api.client, method)("/api/v1/predictions/")
    assert ways == [method.upper()]
    assert response.status_code == (200 if method in {"get", "options", "head"} else 405)


def test_where_requests_are_limited_they_are_counted_by_the_view(
    api: Api, example: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Once(UserRateThrottle):
        scope, rate = "short", "1/hour"

    assert quick._is_limited is False
    monkeypatch.setattr(PredictionsView, "throttle_classes", [Once])
    monkeypatch.setattr(quick, "_is_limited", True)
    assert [api.post("predictions/", example).status_code for _ in range(2)] == [201, 429]


@pytest.mark.parametrize("fault", [embedded.ModelUnavailable("a secret"), OperationalError("a secret")], ids=repr)
def test_what_fails_is_told_alike(fault: Exception, api: Api, example: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr("predictions.api.views.predict_and_store", fail)
    sent = json.dumps(example).encode()
    assert shape(api.send("predictions/", sent)) == shape(api.send("predictions/", sent, WHOLE))
    problem_of(api.send("predictions/", sent), 503, "unavailable")


def test_a_database_that_does_not_tell_who_asks_is_told_alike(
    api: Api, example: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OperationalError("a secret")

    monkeypatch.setattr("predictions.api.authentication.sqlite.run", fail)
    sent = json.dumps(example).encode()
    assert shape(api.send("predictions/", sent)) == shape(api.send("predictions/", sent, WHOLE))
    problem_of(api.send("predictions/", sent), 503, "unavailable")
