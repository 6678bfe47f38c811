"""Limits on requests: counted in one place, by rows, and for the right client."""

from __future__ import annotations

import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings as here
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from django.urls import reverse

from predictions import limits
from predictions.client_address import address_of
from predictions.forms import texts_of
from predictions.limits import count
from predictions.models import Allowance, Prediction
from tests.predictions.door import Api, problem_of

pytestmark = pytest.mark.django_db
LOGIN = reverse("admin:login")


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves."""

    class Clock:
        now = time.time()

    monkeypatch.setattr(limits.time, "time", lambda: Clock.now)
    return Clock


def test_so_many_pass_at_once_and_then_one_after_the_other(clock):
    assert [count("s", "a", "3/minute") for _ in range(3)] == [0, 0, 0]
    assert count("s", "a", "3/minute") == pytest.approx(20)
    assert count("s", "b", "3/minute") == count("t", "a", "3/minute") == 0
    clock.now += 20
    assert count("s", "a", "3/minute") == 0
    assert count("s", "a", "3/minute") == pytest.approx(20)
    clock.now += 3600
    assert [count("s", "a", "3/minute") > 0 for _ in range(4)] == [False, False, False, True]


def test_rows_count_and_are_paid_for_later(clock):
    assert count("s", "a", "60/minute", 100) == 0
    assert count("s", "a", "60/minute") == pytest.approx(41)
    clock.now += 42
    assert count("s", "a", "60/minute") == 0


def test_a_clock_that_was_put_back_locks_nobody_out(clock):
    for _ in range(2):
        count("s", "a", "2/minute")
    clock.now -= 30 * 86400
    assert [count("s", "a", "2/minute") > 0 for _ in range(3)] == [False, False, True]


def test_what_does_not_count_any_more_is_deleted(clock, monkeypatch):
    monkeypatch.setattr(limits._cleaning, "due_at", 0.0)
    Allowance.objects.create(key="old", used_until=clock.now - 1)
    Allowance.objects.create(key="new", used_until=clock.now + 9)
    count("s", "a", "2/minute")
    assert set(Allowance.objects.values_list("key", flat=True)) == {"new", "s:a"}


def test_no_limit_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert count("s", "a", None, 10**6) == 0


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="in memory SQLite has no second writer")
@pytest.mark.django_db(transaction=True)
def test_threads_count_in_one_place():
    def one(_: int) -> float:
        try:
            return count("s", "a", "5/hour")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(wait == 0 for wait in pool.map(one, range(40))) == 5


@pytest.mark.parametrize(
    ("behind", "forwarded", "remote", "address"),
    [
        (False, "9.9.9.9", "10.0.0.1", "10.0.0.1"),
        (True, "9.9.9.9", "10.0.0.1", "9.9.9.9"),
        (True, "1.1.1.1, 2.2.2.2,9.9.9.9", "10.0.0.1", "9.9.9.9"),
        (True, "9.9.9.9:4711", "10.0.0.1", "9.9.9.9"),
        (True, "", "10.0.0.1", "10.0.0.1"),
        (True, "<script>", "10.0.0.1", "10.0.0.1"),
        (True, "9" * 9000, "10.0.0.1", "10.0.0.1"),
        (False, "", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (True, "[2001:db8:1:2:ffff::1]:443", "10.0.0.1", "2001:db8:1:2::"),
        (False, "", "::ffff:9.9.9.9", "9.9.9.9"),
        (False, "", "fe80::1%eth0", "fe80::"),
        (False, "", "", "0.0.0.0"),  # noqa: S104
    ],
)
def test_the_address_of_a_client(settings, behind, forwarded, remote, address):
    settings.BEHIND_PROXY = behind
    assert address_of(RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)) == address


def test_wrong_tokens_are_limited_and_right_ones_are_not(api, settings):
    settings.WRONG_TOKEN_RATE = "3/hour"
    wrong = [Client(headers={"Authorization": f"Token {guess}"}) for guess in ("a" * 64, "b", "é", "a b", "0" * 64)]
    statuses = [guess.get("/api/v1/predictions/").status_code for guess in wrong]
    assert statuses == [401, 401, 401, 429, 429]
    refused = wrong[0].get("/api/v1/predictions/")
    problem_of(refused, 429, "throttled")
    assert 0 < int(refused["Retry-After"]) <= 1200
    assert api.get("predictions/").status_code == 200
    assert Client(headers={"Authorization": "Token c"}, REMOTE_ADDR="9.9.9.9").get("/v2/models/x/infer").status_code in {401, 405}
    assert Client().get("/api/v1/predictions/").status_code == 401


def test_a_wrong_token_is_refused_also_if_it_cannot_be_counted(monkeypatch, settings):
    def fail(*_: object) -> float:
        raise OperationalError("the disk is full")

    monkeypatch.setattr("predictions.api.authentication.count", fail)
    assert Client(headers={"Authorization": "Token c"}).get("/api/v1/predictions/").status_code == 401


def test_the_form_is_limited_for_visitors(client, spec, settings, user):
    settings.FORM_RATE = "2/hour"
    typed = texts_of(spec.example())
    statuses = [client.post("/", typed).status_code for _ in range(3)]
    assert statuses == [303, 303, 429]
    refused = client.post("/", typed)
    assert "a lot in a short time" in refused.content.decode()
    assert 0 < int(refused["Retry-After"]) <= 1800
    assert client.get("/").status_code == 200
    assert Client(REMOTE_ADDR="9.9.9.9").post("/", typed).status_code == 303
    client.force_login(user)
    assert client.post("/", typed).status_code == 303


def test_rows_of_a_bulk_request_count(api, example, monkeypatch, settings):
    monkeypatch.setattr("predictions.api.quick._is_limited", True)
    settings.API_RATE = "10/hour"
    assert api.post("predictions/bulk/", [example] * 8).status_code == 201
    assert api.post("predictions/", example).status_code == 201
    assert api.post("predictions/", example).status_code == 201
    refused = api.post("predictions/", example)
    problem_of(refused, 429, "throttled")
    assert 0 < int(refused["Retry-After"]) <= 360
    assert Prediction.objects.count() == 10


def guess(client: Client, name: str = "root", password: str = "wrong") -> int:  # noqa: S107
    """Try to log in, and return the status."""
    return client.post(LOGIN, {"username": name, "password": password}).status_code


def test_guessing_passwords_ends_for_the_address_and_not_for_the_account(django_user_model, settings):
    django_user_model.objects.create_superuser("root", password="right")
    client = Client()
    limit = here.AXES_FAILURE_LIMIT
    assert [guess(client, f"root{number}" if number % 2 else "root") for number in range(limit - 1)] == [200] * (limit - 1)
    assert [guess(client) for _ in range(3)] == [429] * 3
    refused = client.post(LOGIN, {"username": "root", "password": "right"})
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) == 900
    assert "wrong passwords" in refused.content.decode()
    assert client.get("/").status_code == 200
    assert guess(Client(REMOTE_ADDR="9.9.9.9"), password="right") == 302


def test_a_proxy_is_not_taken_for_the_guesser_and_a_made_up_header_does_not_help(django_user_model, settings):
    django_user_model.objects.create_superuser("root", password="right")
    settings.BEHIND_PROXY = True
    for number in range(here.AXES_FAILURE_LIMIT + 1):
        status = guess(Client(headers={"X-Forwarded-For": f"1.1.1.{number}, 9.9.9.9"}))
    assert status == 429
    assert guess(Client(headers={"X-Forwarded-For": "8.8.8.8"}), password="right") == 302


def test_a_lock_out_ends(django_user_model, monkeypatch):
    django_user_model.objects.create_superuser("root", password="right")
    for _ in range(here.AXES_FAILURE_LIMIT + 1):
        guess(Client())
    from axes.models import AccessAttempt

    assert "right" not in str(list(AccessAttempt.objects.values()))
    for attempt in AccessAttempt.objects.all():
        attempt.attempt_time -= here.AXES_COOLOFF_TIME + dt.timedelta(seconds=1)
        attempt.save()
    assert guess(Client(), password="right") == 302


@pytest.mark.parametrize("name", ["\x00", "x" * 5000, "é\ud7ff", ""])
def test_any_name_is_a_failed_log_in(name):
    assert guess(Client(raise_request_exception=False), name) == 200


def test_a_prediction_by_the_api_is_two_statements(api: Api, example, django_assert_num_queries):
    api.post("predictions/", example)  # the first use of a token is written once a day
    with django_assert_num_queries(4 if connection.in_atomic_block else 2):  # and a savepoint
        assert api.post("predictions/", example).status_code == 201
