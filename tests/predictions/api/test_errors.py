"""Every error under the API is a problem document, whoever notices it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.urls import get_resolver
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.throttling import UserRateThrottle

from ml_model.errors import BundleRefused
from predictions import embedded
from predictions.api.problems import BY_STATUS, PROBLEMS
from predictions.api.views import PredictionsView
from predictions.models import Prediction
from tests.predictions.door import Api, problem_of

pytestmark = pytest.mark.django_db

PRIVATE = ["predictions/", "predictions/bulk/", "predictions/01234567-89ab-7def-8123-456789abcdef/"]
PUBLIC = ["model/", "model/schema/", "problems/invalid/"]


@pytest.mark.parametrize(
    "address", ["/api/", "/api/v1/nothing", "/api/v1/nothing/", "/api/v1/", "/api/v2/model/", "/api/v1/predictions/7/"]
)
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_unknown_route_is_not_found(anonymous, address, method):
    problem_of(getattr(anonymous.client, method)(address), 404, "not-found")


@pytest.mark.parametrize("address", ["/api/v1/predictions", "/api/v1/model", "/api/v1/predictions/bulk"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_missing_last_slash_never_turns_one_method_into_another(api, address, method):
    problem_of(getattr(api.client, method)(address), 404, "not-found")


@pytest.mark.parametrize(
    ("address", "method", "allowed"),
    [
        ("predictions/", "put", "GET, POST, HEAD, OPTIONS"),
        ("predictions/", "delete", "GET, POST, HEAD, OPTIONS"),
        ("predictions/bulk/", "get", "POST, OPTIONS"),
        (PRIVATE[2], "post", "GET, HEAD, OPTIONS"),
        (PRIVATE[2], "delete", "GET, HEAD, OPTIONS"),
        ("model/", "post", "GET, HEAD, OPTIONS"),
        ("model/schema/", "patch", "GET, HEAD, OPTIONS"),
        ("problems/invalid/", "trace", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(api, address, method, allowed):
    response = getattr(api.client, method)(f"/api/v1/{address}")
    problem_of(response, 405, "method-not-allowed")
    assert response["Allow"] == allowed


def test_every_route_is_private_or_public_here():
    routes = get_resolver().resolve("/api/v1/model/").route
    assert routes.startswith("api/v1/")
    names = {pattern.name for pattern in get_resolver("predictions.api.urls").url_patterns}
    assert names == {"predictions", "bulk", "prediction", "model", "schema", "problem", "unknown"}


@pytest.mark.parametrize("address", PRIVATE)
def test_without_a_token_there_is_nothing_to_see(anonymous, address):
    for response in (anonymous.get(address), anonymous.post(address, {}), anonymous.client.options(f"/api/v1/{address}")):
        problem_of(response, 401, "unauthenticated")
        assert response["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("address", PUBLIC)
def test_what_the_model_is_can_be_read_without_a_token(anonymous, address):
    assert anonymous.get(address).status_code == 200
    assert anonymous.get(address, headers={"Authorization": "Token nonsense"}).status_code == 200


HEADERS = [
    "Token",
    "Token ",
    "Token a b",
    "Token wrong",
    "Token \x00",
    "Token \xff",
    "Token é",
    "Bearer abc",
    "abc",
    "Token " + "a" * 10_000,
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: repr(header)[:20])
def test_a_token_that_is_none_is_refused(anonymous, header):
    response = anonymous.get("predictions/", HTTP_AUTHORIZATION=header)
    problem_of(response, 401, "unauthenticated")
    assert response["WWW-Authenticate"] == "Token"


def test_a_token_ends_with_its_deletion_and_with_its_owner(api, user):
    assert api.get("predictions/").status_code == 200
    user.is_active = False
    user.save()
    problem_of(api.get("predictions/"), 401, "unauthenticated")
    user.is_active = True
    user.save()
    AuthToken.objects.all().delete()
    problem_of(api.get("predictions/"), 401, "unauthenticated")


@pytest.mark.parametrize("days", [-1, 1])
def test_a_token_is_good_until_it_expires(anonymous, user, days):
    token, text = AuthToken.objects.create(user, expiry=dt.timedelta(days=1))
    AuthToken.objects.filter(pk=token.pk).update(expiry=timezone.now() + dt.timedelta(days=days))
    response = anonymous.get("predictions/", headers={"Authorization": f"Token {text}"})
    assert response.status_code == (200 if days > 0 else 401)


def test_a_token_that_shares_its_beginning_with_a_good_one_is_refused(anonymous, user):
    _, text = AuthToken.objects.create(user)
    forged = text[:-1] + ("0" if text[-1] != "0" else "1")
    problem_of(anonymous.get("predictions/", headers={"Authorization": f"Token {forged}"}), 401, "unauthenticated")
    assert anonymous.get("predictions/", headers={"Authorization": f"Token {text}"}).status_code == 200


def test_who_asks_is_known_by_one_query(api, django_assert_num_queries):
    api.post("predictions/", {})  # the first use of a day is written
    with django_assert_num_queries(1):
        assert api.post("predictions/", {}).status_code == 400


def test_the_api_has_no_session_and_no_policy_for_pages(api):
    response = api.get("predictions/")
    assert "Content-Security-Policy" not in response
    assert not response.cookies
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "Content-Security-Policy" in api.client.get("/")


def test_a_session_opens_no_door_here(anonymous, user, example):
    anonymous.client.force_login(user)
    problem_of(anonymous.post("predictions/", example), 401, "unauthenticated")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "application/json;version=2, image/png;q=0"])
def test_an_unacceptable_representation_is_refused(api, accept, example):
    response = api.get("predictions/", headers={"Accept": accept})
    if "json" not in accept:
        problem_of(response, 406, "not-acceptable")


def test_a_forged_host_is_refused(api, example):
    response = api.client.post("/api/v1/predictions/", example, "application/json", headers={"Host": "evil.example"})
    problem_of(response, 400, "bad-request")
    assert Prediction.objects.count() == 0


def test_over_the_rate_there_is_a_time_to_wait(api, monkeypatch):
    class Once(UserRateThrottle):
        rate = "1/hour"

    monkeypatch.setattr(PredictionsView, "throttle_classes", [Once])
    assert api.get("predictions/").status_code == 200
    response = api.get("predictions/")
    problem_of(response, 429, "throttled")
    assert 3500 < int(response["Retry-After"]) <= 3600


@pytest.fixture
def _no_release(example, monkeypatch):
    def refuse(**_):
        raise BundleRefused("1.0.0", "a secret reason")

    embedded.unload()
    monkeypatch.setattr(embedded, "load_scorer", refuse)
    yield
    embedded.unload()


@pytest.mark.usefixtures("_no_release")
def test_without_a_model_the_caller_is_told_to_come_back(api, example):
    answers = (
        api.post("predictions/", example),
        api.post("predictions/bulk/", [example]),
        api.get("model/"),
        api.get("model/schema/"),
    )
    for response in answers:
        problem_of(response, 503, "unavailable")
        assert int(response["Retry-After"]) > 0
        assert b"secret" not in response.content
    assert api.get("predictions/").status_code == 200


@pytest.mark.parametrize(
    ("exception", "status", "code"),
    [
        (RuntimeError("a secret"), 500, "internal"),
        (OperationalError("a secret"), 503, "unavailable"),
        (PermissionDenied("a secret"), 403, "forbidden"),
        (SuspiciousOperation("a secret"), 400, "bad-request"),
    ],
    ids=repr,
)
def test_an_exception_says_nothing_of_itself(api, example, *, monkeypatch, exception, status, code):
    def fail(*_, **__):
        raise exception

    monkeypatch.setattr("predictions.api.views.predict_and_store", fail)
    response = api.post("predictions/", example)
    problem_of(response, status, code)
    assert b"secret" not in response.content
    assert ("Retry-After" in response) == (status == 503)


def test_each_type_of_problem_is_explained_where_its_answers_say(anonymous):
    for code, problem in PROBLEMS.items():
        explained = anonymous.get(f"/api/v1/problems/{code}/").json()
        assert (explained["status"], explained["title"], explained["advice"]) == (problem.status, problem.title, problem.advice)
    problem_of(anonymous.get("problems/no-such-problem/"), 404, "not-found")


def test_the_general_problem_of_a_status_is_the_first_of_the_table():
    assert BY_STATUS[400] == "bad-request"
    assert set(BY_STATUS) == {problem.status for problem in PROBLEMS.values()}


def test_a_good_answer_and_the_pages_of_the_site_are_left_alone(anonymous):
    assert anonymous.get("model/")["Content-Type"] == "application/json"
    assert anonymous.get("/nowhere/")["Content-Type"].startswith("text/html")


def test_the_owner_of_a_token_is_who_predicts(user, example):
    answer = Api(user).post("predictions/", example).json()
    assert Prediction.objects.get(pk=answer["id"]).user == user
