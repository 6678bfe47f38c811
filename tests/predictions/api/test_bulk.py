"""Many records at once: all of them, in order, or none."""

from __future__ import annotations

import gc
import time

import pytest
from django.db import connection

from predictions.api import problems, views
from predictions.models import Prediction
from tests.predictions.door import problem_of

pytestmark = pytest.mark.django_db


def test_all_records_are_answered_in_order(api, user, example, number):
    low, high = number.trained
    outside = next(value for value in (high + 1, low - 1) if number.range[0] <= value <= number.range[1])
    sent = [{**example, number.name: round(value)} for value in (high, outside, (low + high) // 2)]
    response = api.post("predictions/bulk/", sent)
    assert response.status_code == 201
    body = response.json()
    assert body["count"] == 3
    assert [len(one["warnings"]) for one in body["results"]] == [0, 1, 0]
    assert {one["source"] for one in body["results"]} == {"bulk"}
    # What was sent is not sent back: each prediction is found at its address, with its record.
    assert [api.get(one["url"]).json() for one in body["results"]] == [
        one | {"inputs": record} for one, record in zip(body["results"], sent, strict=True)
    ]
    assert Prediction.objects.filter(user=user, source="bulk").count() == 3
    single = api.post("predictions/", sent[0]).json()
    assert single.get("value", single.get("label")) == pytest.approx(body["results"][0].get("value", single.get("label")))


def test_one_record_is_a_list_too(api, example):
    assert api.post("predictions/bulk/", [example]).json()["count"] == 1


@pytest.mark.parametrize("body", [[], {}, None, "text", 1], ids=repr)
def test_what_is_no_list_of_records_is_refused(api, body):
    errors = problem_of(api.post("predictions/bulk/", body), 400, "invalid")["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [("", "list")]


def test_one_bad_record_stores_none_and_is_pointed_at(api, example, number, category):
    sent = [example, example, None, {**example, number.name: "12", category.name: None}, example]
    problem = problem_of(api.post("predictions/bulk/", sent), 400, "invalid")
    assert sorted(error["pointer"] for error in problem["errors"]) == sorted(["/2", f"/3/{number.name}", f"/3/{category.name}"])
    assert "2 of 5" in problem["detail"]
    assert Prediction.objects.count() == 0


def test_too_many_records_are_refused_before_one_is_looked_at(api, example, monkeypatch):
    monkeypatch.setattr(views, "MOST_RECORDS", 3)
    monkeypatch.setattr(views, "predict_and_store_many", pytest.fail)
    assert "4 records; at most 3" in problem_of(api.post("predictions/bulk/", [None] * 4), 413, "too-large")["detail"]


def test_the_limit_itself_is_accepted(api, example, monkeypatch):
    monkeypatch.setattr(views, "MOST_RECORDS", 3)
    assert api.post("predictions/bulk/", [example] * 3).status_code == 201


def test_a_long_list_of_faults_is_cut_and_says_so(api, monkeypatch):
    monkeypatch.setattr(problems, "MOST_LISTED", 5)
    problem = problem_of(api.post("predictions/bulk/", [None] * 7), 400, "invalid")
    assert [error["pointer"] for error in problem["errors"]] == ["/0", "/1", "/2", "/3", "/4"]
    assert "first 5 of 7" in problem["detail"]


def test_hostile_records_are_refused_in_no_time(api, spec):
    wrong = [{f"k{number}": 1 for number in range(400)}] * 500 + [dict.fromkeys(spec.fields, "Xyzzyq")] * 500
    began = time.process_time()
    problem = problem_of(api.post("predictions/bulk/", wrong), 400, "invalid")
    assert time.process_time() - began < 4
    assert len(problem["errors"]) == problems.MOST_LISTED
    assert "1000 of 1000 records" in problem["detail"]
    needed = sum(field.required for field in spec.field)
    assert f"of {500 * (400 + needed) + 500 * len(spec.field)} errors are listed" in problem["detail"]


def test_the_collector_of_garbage_is_left_alone(api, example):
    seen = []
    before = gc.get_threshold()

    def watch(execute, *arguments):
        seen.append((gc.isenabled(), gc.get_threshold()))
        return execute(*arguments)

    with connection.execute_wrapper(watch):
        assert api.post("predictions/bulk/", [example] * 3).status_code == 201
    assert set(seen) == {(True, before)}
