"""One record in, one stored answer out; and the list of them."""

from __future__ import annotations

import json
import uuid

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import override_script_prefix
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_model.tables import NUMERIC
from predictions.models import Prediction
from tests.predictions.door import Api, problem_of

pytestmark = pytest.mark.django_db


def test_what_is_posted_can_be_got_and_listed(api, user, example, spec):
    posted = api.post("predictions/", example)
    assert posted.status_code == 201
    answer = posted.json()
    assert posted["Location"] == answer["url"] == f"http://testserver/api/v1/predictions/{answer['id']}/"
    assert answer["inputs"] == example
    assert answer["model"] == {"name": spec.model.name, "version": Prediction.objects.get().model_version}
    assert answer["source"] == "api"
    assert answer["warnings"] == []
    if spec.is_regression:
        assert answer["unit"] == spec.target.unit
        assert answer["interval"]["low"] < answer["value"] < answer["interval"]["high"]
        assert answer["interval"]["level"] == spec.interval.level
    else:
        assert answer["probabilities"][answer["label"]] == max(answer["probabilities"].values())
    assert api.get(answer["url"]).json() == answer
    assert api.get("predictions/").json() == {"next": None, "previous": None, "results": [answer]}
    assert Prediction.objects.get().user == user


@pytest.mark.parametrize("script", ["", "/inhouse"])
def test_the_address_is_the_one_that_was_asked(script, api, example):
    asked = {"headers": {"Host": "localhost:8000"}, "SCRIPT_NAME": script}
    with override_script_prefix(f"{script}/"):
        posted = api.send("predictions/", json.dumps(example).encode(), **asked).json()
        assert posted["url"] == f"http://localhost:8000{script}/api/v1/predictions/{posted['id']}/"
        assert api.get(f"predictions/{posted['id']}/", **asked).json()["url"] == posted["url"]


def test_a_value_outside_of_what_was_learnt_carries_a_warning(api, example, spec):
    field = next(field for field in spec.field if field.kind in NUMERIC and field.range[1] > field.trained[1])
    answer = api.post("predictions/", {**example, field.name: field.range[1]}).json()
    assert [(one["field"], one["code"]) for one in answer["warnings"]] == [(field.name, "outside_training")]
    assert field.label in answer["warnings"][0]["detail"]


def test_a_class_has_its_probabilities_and_no_interval(api, user):
    stored = Prediction.objects.create(
        source="api", user=user, model_name="m", model_version="9.9.9", inputs={}, label="a", probabilities={"a": 0.9, "b": 0.1}
    )
    answer = api.get(f"predictions/{stored.id}/").json()
    assert (answer["label"], answer["probabilities"]) == ("a", {"a": 0.9, "b": 0.1})
    assert not {"value", "unit", "interval"} & answer.keys()


def test_an_answer_of_a_release_that_is_gone_can_be_read(api, user):
    stored = Prediction.objects.create(source="api", user=user, model_name="m", model_version="9.9.9", inputs={}, value=1.0)
    answer = api.get(f"predictions/{stored.id}/").json()
    assert (answer["value"], answer["unit"]) == (1.0, None)


@pytest.mark.parametrize("body", [None, "text", 1, 1.5, True, [], [{}]], ids=repr)
def test_a_body_that_is_no_object_is_refused(api, body):
    errors = problem_of(api.post("predictions/", body), 400, "invalid")["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [("", "record")]
    assert Prediction.objects.count() == 0


NUMBERS = {
    "true": (True, "type"),
    "text": ("12", "type"),
    "underscore": ("1_000", "type"),
    "full-width digits": ("１２", "type"),
    "NUL": ("\x00", "type"),
    "lone surrogate": ("\ud800", "type"),
    "long text": ("x" * 100_000, "type"),
    "object": ({}, "type"),
    "list": ([1], "type"),
    "null": (None, "required"),
    "2^63": (2**63, "range"),
    "400 digits": (10**400, "range"),
    "out of range": (-1e300, "range"),
}


@pytest.mark.parametrize(("value", "code"), NUMBERS.values(), ids=NUMBERS)
def test_what_is_no_number_is_refused(api, example, number, value, code):
    problem = problem_of(api.post("predictions/", {**example, number.name: value}), 400, "invalid")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [(f"/{number.name}", code)]
    assert Prediction.objects.count() == 0


def test_a_number_too_large_for_a_float_is_refused_as_a_value(api, example, number):
    body = api_body(example, number.name, "1e999")
    errors = problem_of(api.send("predictions/", body), 400, "invalid")["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [(f"/{number.name}", "finite")]


def test_a_number_out_of_range_is_told_the_range(api, example, number):
    low, high = number.range
    for value in (low - 1, high + 1):
        error = problem_of(api.post("predictions/", {**example, number.name: value}), 400, "invalid")["errors"][0]
        assert f"{low:,.6f}".rstrip("0").rstrip(".").replace(",", "") in error["detail"].replace(",", "")


def test_minus_zero_is_stored_as_zero(api, example, spec):
    field = next(field for field in spec.field if field.kind == "number" and field.range[0] <= 0 <= field.range[1])
    api.send("predictions/", api_body(example, field.name, "-0.0"))
    assert str(Prediction.objects.get().inputs[field.name]) == "0.0"


def test_a_fraction_for_an_integer_is_refused(api, example, spec):
    field = next(field for field in spec.field if field.kind == "integer")
    errors = problem_of(api.post("predictions/", {**example, field.name: field.range[0] + 0.5}), 400, "invalid")["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [(f"/{field.name}", "integer")]


@pytest.mark.parametrize(
    "value", ["no such choice", "\x00", "\ud800", True, 1.5, {}, [], "x" * 100_000], ids=lambda value: repr(value)[:20]
)
def test_what_is_no_choice_is_refused(api, example, category, value):
    problem = problem_of(api.post("predictions/", {**example, category.name: value}), 400, "invalid")
    assert [error["pointer"] for error in problem["errors"]] == [f"/{category.name}"]
    assert Prediction.objects.count() == 0


def test_an_unknown_choice_is_told_the_choices(api, example, category):
    error = problem_of(api.post("predictions/", {**example, category.name: "?"}), 400, "invalid")["errors"][0]
    assert all(str(choice) in error["detail"] for choice in list(category.codes)[:12])


@pytest.mark.parametrize(
    "name",
    ["id", "prediction", "owner", "__proto__", "\x00", "\ud800", "a/b~c", "", "x" * 100_000],
    ids=lambda name: repr(name)[:20],
)
def test_a_field_that_is_not_in_the_contract_is_refused(api, example, name):
    errors = problem_of(api.post("predictions/", {**example, name: 1}), 400, "invalid")["errors"]
    assert errors[0]["code"] in {"unknown_field", "text"}
    assert Prediction.objects.count() == 0


def test_a_misspelt_field_is_told_the_nearest(api, example, number):
    misspelt = number.name[:-1] + "_"
    body = {misspelt if name == number.name else name: value for name, value in example.items()}
    errors = problem_of(api.post("predictions/", body), 400, "invalid")["errors"]
    assert {error["pointer"]: error["code"] for error in errors} == {
        f"/{number.name}": "required",
        f"/{misspelt}": "unknown_field",
    }
    assert f"'{number.name}'" in next(error["detail"] for error in errors if error["code"] == "unknown_field")


def test_every_fault_is_named_at_once(api, spec):
    errors = problem_of(api.post("predictions/", {}), 400, "invalid")["errors"]
    required = [f"/{field.name}" for field in spec.field if field.required]
    assert [error["pointer"] for error in errors if error["code"] == "required"] == required


def api_body(example: dict[str, object], name: str, literal: str) -> bytes:
    """The example as JSON, with one value written as it is given."""
    return json.dumps({**example, name: "HERE"}).replace('"HERE"', literal).encode()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(st.characters(codec=None)), inner, max_size=5),
    max_leaves=10,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_value_makes_the_server_fail(api, example, data):
    known = st.dictionaries(st.sampled_from(sorted(example)), anything, max_size=4)
    address, body = data.draw(
        st.tuples(st.just("predictions/"), anything | known.map(lambda change: {**example, **change}))
        | st.tuples(
            st.just("predictions/bulk/"), anything | st.lists(known.map(lambda change: {**example, **change}), max_size=3)
        )
    )
    before = Prediction.objects.count()
    response = api.post(address, body)
    assert response.status_code < 500
    response.content.decode()
    if response.status_code == 201:
        answers = response.json().get("results", [response.json()])
        assert Prediction.objects.count() == before + len(answers)
        assert answers[0].items() <= api.get(answers[0]["url"]).json().items()
        assert api.get("predictions/").status_code == 200
    else:
        problem_of(response, response.status_code, response.json()["type"].split("/")[-2])
        assert Prediction.objects.count() == before


@pytest.fixture
def reviewer(db):
    reviewer = User.objects.create_user("reviewer")
    reviewer.user_permissions.add(Permission.objects.get(codename="view_prediction"))
    return Api(reviewer)


def test_predictions_are_seen_by_their_owner_and_by_reviewers_alone(api, reviewer, anonymous, example):
    answer = api.post("predictions/", example).json()
    other = Api(User.objects.create_user("other"))
    problem_of(other.get(answer["url"]), 404, "not-found")
    assert other.get("predictions/").json()["results"] == []
    problem_of(anonymous.get(answer["url"]), 401, "unauthenticated")
    problem_of(anonymous.get("predictions/"), 401, "unauthenticated")
    assert reviewer.get(answer["url"]).json() == answer
    assert reviewer.get("predictions/").json()["results"] == [answer]
    problem_of(api.get(f"predictions/{uuid.uuid4()}/"), 404, "not-found")


@pytest.fixture
def many(user):
    """Seven stored predictions, the newest first."""
    stored = [
        Prediction(source=source, user=user, model_name="m", model_version=version, inputs={}, value=1.0)
        for source, version in [("api", "1.0.0")] * 3 + [("bulk", "1.0.0")] * 2 + [("api", "1.1.0")] * 2
    ]
    return [str(one.id) for one in reversed(Prediction.objects.bulk_create(stored))]


def listed(response):
    assert response.status_code == 200, response.content
    return [one["id"] for one in response.json()["results"]]


def test_pages_hold_every_row_once_newest_first_both_ways(api, many):
    page = api.get("predictions/?page_size=3")
    assert listed(page) == many[:3]
    second = api.get(page.json()["next"])
    assert listed(second) == many[3:6]
    last = api.get(second.json()["next"])
    assert listed(last) == many[6:]
    assert last.json()["next"] is None
    assert listed(api.get(last.json()["previous"])) == many[3:6]


def test_a_page_costs_the_same_wherever_it_is(api, many, django_assert_num_queries):
    second = api.get("predictions/?page_size=3").json()["next"]
    # The token, the tokens of its owner, two for their permissions, and the page; nothing counts the rows.
    with django_assert_num_queries(5) as queries:
        api.get(second)
    assert "COUNT" not in str(queries.captured_queries)
    assert "OFFSET" not in str(queries.captured_queries)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL reads a small table without its indexes")
def test_a_page_is_read_off_an_index_without_sorting(user):
    plan = Prediction.objects.visible_to(user).order_by("-id")[:51].explain()
    assert "prediction_owner" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize("size", ["1000000000", "9" * 4000])
def test_the_size_of_a_page_is_capped(api, user, size):
    stored = {"source": "api", "user": user, "model_name": "m", "model_version": "1.0.0", "inputs": {}, "value": 1.0}
    Prediction.objects.bulk_create(Prediction(**stored) for _ in range(201))
    assert len(listed(api.get(f"predictions/?page_size={size}"))) == 200


@pytest.mark.parametrize("size", ["0", "-1", "x", "%00", "", "9" * 5000])
def test_a_size_that_is_none_gives_the_usual_page(api, many, size):
    assert listed(api.get(f"predictions/?page_size={size}")) == many


@pytest.mark.parametrize(
    "cursor", ["x", "%00", "cD14", "cD0lMDA=", "ð", "bz05OTk5OTk5OTk5OTk5OTk5OTk5OTk=", "cD0wMTIzNDU2Nzg5YWJjZGVm"]
)
def test_a_cursor_that_was_never_given_is_refused(api, many, cursor):
    response = api.get(f"predictions/?cursor={cursor}")
    if response.status_code != 200:
        problem_of(response, 404, "not-found")


def test_the_list_can_be_narrowed(api, many):
    assert listed(api.get("predictions/?source=bulk")) == many[2:4]
    assert listed(api.get("predictions/?model_version=1.1.0")) == many[:2]
    assert listed(api.get("predictions/?model_version=1.1.0&source=bulk")) == []
    assert listed(api.get("predictions/?model_version=1.1.0&model=m")) == many[:2]
    assert listed(api.get("predictions/?model_version=1.1.0&model=another")) == []


@pytest.mark.parametrize(
    "query",
    [
        "source=nowhere",
        "source=",
        "source=%00",
        "model_version=%00",
        "model_version=",
        "model_version=%ED%A0%80",
        "model=m",
        "model=%00",
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(api, many, query):
    errors = problem_of(api.get(f"predictions/?{query}"), 400, "invalid")["errors"]
    assert [error["pointer"] for error in errors] == [f"/{query.partition('=')[0]}"]


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the plan of PostgreSQL depends on the size of the table")
def test_the_rows_of_the_form_have_an_index() -> None:
    assert "prediction_form" in Prediction.objects.by_source("form").order_by("-id")[:50].explain()
