"""The list of all predictions: search, filters, pages and what they cost."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from uuid_utils.compat import uuid7

from ml_model.caution import ScoreWarning
from predictions import admin_list, embedded, words
from predictions.admin_list import CappedPaginator, search
from predictions.models import Prediction, first_key
from tests.predictions.door import predicted

LIST = reverse("admin:predictions_prediction_changelist")


def stored(**columns: Any) -> Prediction:
    """A prediction with the columns that a test is about."""
    facts = {"source": "form", "model_name": "m", "model_version": "0.0.1", "inputs": {}, "value": 1.0, "low": 0.5, "high": 2.0}
    if "created_at" in columns:
        facts["id"] = made_at(columns["created_at"])
    return Prediction.objects.create(**facts | columns)


def made_at(instant: dt.datetime) -> UUID:
    """A key as it is made at an instant."""
    return UUID(int=first_key(instant).int | (uuid7().int & (2**80 - 1)))


def found(text: str) -> set[Prediction]:
    """What the search finds."""
    return set(search(Prediction.objects.all(), text))


@pytest.fixture
def desk(reviewer: User) -> Client:
    """The browser of a reviewer."""
    client = Client()
    client.force_login(reviewer)
    return client


def test_rows_are_found_under_their_day_after_the_clock_was_put_back(desk, example, monkeypatch):
    today = timezone.now()
    for days in (5, 0):
        monkeypatch.setattr("predictions.services.timezone.now", lambda days=days: today + dt.timedelta(days=days))
        [row] = predicted([example], source=Prediction.Source.FORM)
        day = today + dt.timedelta(days=days)
        query = {"created_at__year": f"{day:%Y}", "created_at__month": f"{day:%-m}", "created_at__day": f"{day:%-d}"}
        assert listed(desk, **query) == [row]


def listed(desk: Client, **query: str) -> list[Prediction]:
    """The predictions that the list shows for a query."""
    response = desk.get(LIST, query)
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


def test_newest_first(desk: Client) -> None:
    now = timezone.now()
    old, new = stored(created_at=now - dt.timedelta(days=2)), stored(created_at=now)
    middle = stored(created_at=now - dt.timedelta(days=1))
    assert listed(desk) == [new, middle, old]


@pytest.mark.django_db
def test_search_by_id() -> None:
    one = stored(id="01a209b9-64ba-713f-b575-030059d86791")
    stored(id="01a209b9-64bb-713f-b575-030059d80000")
    one.refresh_from_db()
    for text in (str(one.pk), one.pk.hex, str(one.pk)[:13], str(one.pk).upper(), f" {one.pk} ", words.short_id(one)):
        assert found(text) == {one}
    assert len(found("01a209b9")) == 2
    assert found("01a209b8") == set()


def test_search_by_user_and_note(user: User, reviewer: User) -> None:
    asked = stored(user=user)
    noted = stored(note="The Cellar is wet.", reviewed_at=timezone.now())
    stored()
    assert found(user.username[:3].upper()) == {asked}
    assert found("cellar") == {noted}
    assert found("nothing like it") == set()


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ({"review": "approved"}, {"review": "approved", "reviewed_at": timezone.now()}),
        ({"source": "bulk"}, {"source": "bulk"}),
        ({"warnings": "yes"}, {"has_warnings": True}),
        ({"outcome": "yes"}, {"outcome_value": 3.0, "outcome_at": timezone.now()}),
        ({"created_at__year": "2020", "created_at__month": "2"}, {"created_at": dt.datetime(2020, 2, 29, tzinfo=dt.UTC)}),
    ],
)
def test_filters(desk: Client, query: dict[str, str], columns: dict[str, Any]) -> None:
    other, wanted = stored(), stored(**columns)
    assert listed(desk, **query) == [wanted]
    assert set(listed(desk)) == {other, wanted}
    if set(query.values()) == {"yes"}:
        assert listed(desk, **dict.fromkeys(query, "no")) == [other]


def test_filter_by_the_form(desk: Client) -> None:
    wanted, _ = stored(), stored(source="api")
    assert listed(desk, source="form") == [wanted]


@pytest.mark.parametrize("warnings", [(), (ScoreWarning(field="f", code="c", detail="d"),)])
def test_a_warned_answer_is_stored_as_one(
    warnings: tuple[ScoreWarning, ...], desk: Client, example: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    score = dataclasses.replace(embedded.live().score([example])[0], warnings=warnings)
    monkeypatch.setattr(embedded.live(), "score", lambda records: [score])
    made = predicted([example], source=Prediction.Source.FORM)
    assert listed(desk, warnings="yes" if warnings else "no") == made


def test_filter_by_version_offers_the_listed_releases(desk: Client, prediction: Prediction) -> None:
    stored()
    stored(model_version=prediction.model_version)  # of another model
    assert listed(desk, version=prediction.model_version) == [prediction]
    assert len(listed(desk, version="never-released")) == 3
    assert f"{prediction.model_name} {prediction.model_version} (live)" in desk.get(LIST).content.decode()


@pytest.mark.parametrize(
    "query",
    ["note__contains=a", "inputs__x=1", "created_at__month=2", "created_at__year=9999", "created_at__year=x", "user__password=x"],
)
def test_no_other_parameter_narrows_the_list(desk: Client, query: str) -> None:
    assert desk.get(f"{LIST}?{query}").status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "review=%00",
        "source=%F0%9F%98%80",
        "p=10000000000",
        "p=x",
        "q=%00",
        "q=%25",
        "o=9.9",
        "created_at__year=2026&created_at__month=2&created_at__day=31",
    ],
)
def test_odd_addresses_are_survived(desk: Client, prediction: Prediction, query: str) -> None:
    assert desk.get(f"{LIST}?{query}", follow=True).status_code == 200


def test_queries_do_not_grow_with_the_rows(desk: Client, example: dict[str, Any], user: User) -> None:
    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert desk.get(LIST).status_code == 200
        return len(queries)

    predicted([example], source=Prediction.Source.API, user_id=user.pk)
    desk.get(LIST)
    few = cost()
    for number in range(12):
        other = User.objects.create_user(f"user{number}")
        predicted([example, example], source=Prediction.Source.BULK, user_id=other.pk)
    assert cost() == few
    assert few <= 9


def test_pages_are_capped(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        stored()
    monkeypatch.setattr(CappedPaginator, "most", 3)
    response = desk.get(LIST)
    assert response.context["cl"].result_count == 3
    assert "There are more." in response.content.decode()
    monkeypatch.setattr(CappedPaginator, "most", 6)
    assert "There are more." not in desk.get(LIST).content.decode()


def test_dates_lead_down_to_a_day(desk: Client) -> None:
    for month, day in ((1, 30), (3, 5), (3, 9)):
        stored(created_at=dt.datetime(2024, month, day, 12, tzinfo=dt.UTC))
    stored(created_at=dt.datetime(2025, 7, 1, 12, tzinfo=dt.UTC))
    years = desk.get(LIST).content.decode()
    assert "?created_at__year=2024" in years
    assert "?created_at__year=2025" in years
    months = desk.get(LIST, {"created_at__year": "2025"}).content.decode()
    assert "created_at__month=7" in months
    assert "created_at__month=8" not in months
    days = desk.get(LIST, {"created_at__year": "2024", "created_at__month": "3"}).content.decode()
    assert "created_at__day=9&amp;" in days
    assert "created_at__day=4&amp;" in days
    only_day = desk.get(LIST, {"created_at__year": "2025", "created_at__month": "7"}).content.decode()
    assert "created_at__day=1&amp;" in only_day
    assert "created_at__day=2&amp;" not in only_day
    only = {"created_at__year": "2024", "created_at__month": "3", "created_at__day": "9"}
    assert len(listed(desk, **only)) == 1


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
def test_a_day_is_that_of_the_rows_to_the_microsecond(desk: Client, zone: str) -> None:
    with timezone.override(zone):
        start = dt.datetime(2024, 3, 9, tzinfo=timezone.get_current_timezone())
        end = start + dt.timedelta(days=1)
        inside = [stored(created_at=start), stored(created_at=end - dt.timedelta(microseconds=1))]
        stored(created_at=start - dt.timedelta(microseconds=1))
        stored(created_at=end)
        # A clock that was put back: the keys go on from where they were.
        late = Prediction.objects.create(**facts_of(inside[0]) | {"id": made_at(end + dt.timedelta(hours=23))})
        early = Prediction.objects.create(**facts_of(inside[0]) | {"id": made_at(start - dt.timedelta(hours=23))})
        found = listed(desk, created_at__year="2024", created_at__month="3", created_at__day="9")
    assert found == [late, *reversed(inside), early]


def facts_of(prediction: Prediction) -> dict[str, Any]:
    """The columns of a prediction."""
    return {field.name: getattr(prediction, field.name) for field in Prediction._meta.concrete_fields}


@pytest.mark.parametrize("year", ["1900", "1970", "2199"])
def test_a_time_without_predictions_is_empty(desk: Client, prediction: Prediction, year: str) -> None:
    assert listed(desk, created_at__year=year) == []


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the plan of PostgreSQL depends on the size of the table")
def test_a_time_is_found_by_the_keys(desk: Client) -> None:
    response = desk.get(LIST, {"created_at__year": "2024"})
    plan = response.context["cl"].queryset[:50].explain()
    assert "SEARCH predictions_prediction USING INDEX sqlite_autoindex" in plan
    assert "ORDER BY" not in plan


def narrowed(kind: type[admin_list._Filter], value: str) -> QuerySet[Prediction]:
    """What a filter of the list makes of all predictions, in the order of the list."""
    chosen = kind(RequestFactory().get(LIST), {str(kind.parameter_name): [value]}, Prediction, site.get_model_admin(Prediction))
    return chosen.queryset(RequestFactory().get(LIST), Prediction.objects.order_by("-id"))


@pytest.mark.parametrize(
    ("kind", "value", "index"),
    [
        (admin_list.ReviewFilter, "approved", "prediction_reviewed"),
        (admin_list.ReviewFilter, "corrected", "prediction_reviewed"),
        (admin_list.ReviewFilter, "open", "autoindex"),
        (admin_list.SourceFilter, "form", "prediction_form"),
        (admin_list.SourceFilter, "bulk", "autoindex"),
        (admin_list.VersionFilter, "1.0.0", "prediction_version"),
        (admin_list.WarningsFilter, "yes", "prediction_warned"),
        (admin_list.OutcomeFilter, "yes", "prediction_outcome"),
    ],
)
@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the plan of PostgreSQL depends on the size of the table")
@pytest.mark.django_db
def test_each_filter_reads_an_index_from_its_new_end(kind: type[admin_list._Filter], value: str, index: str) -> None:
    plan = narrowed(kind, value)[:50].explain()
    assert index in plan
    assert "FOR ORDER BY" not in plan


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the plan of PostgreSQL depends on the size of the table")
def test_ones_own_are_read_from_the_new_end(user: User) -> None:
    plan = Prediction.objects.filter(user=user).order_by("-pk")[:50].explain()
    assert "prediction_owner" in plan
    assert "ORDER BY" not in plan
