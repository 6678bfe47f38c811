"""Whatever is stored can be read for ever: as a page, in the history, the admin's list and page, the export and the API."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from ml_model.spec import ModelSpec
from ml_model.tables import NUMERIC, FieldTable, Value
from predictions import embedded
from predictions.forms import texts_of
from predictions.models import Prediction
from predictions.storing import insert
from tests.predictions.door import Api
from tests.predictions.test_storing import NUMBER

pytestmark = pytest.mark.django_db
EDGES = [
    0.0,
    -0.0,
    5e-324,
    1e-9,
    0.4,
    2.0**53 + 2,
    1e15,
    1e300,
    sys.float_info.max,
    -sys.float_info.max,
    math.inf,
    -math.inf,
    math.nan,
]
slowly = settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
numbers = st.floats() | st.sampled_from(EDGES)


class Reader:
    """A reviewer who opens everything."""

    def __init__(self, user: User) -> None:
        self.user, self.api, self.browser = user, Api(user), Client()
        self.browser.force_login(user)

    def store(self, **columns: Any) -> Prediction:
        """Store a row as the doors do, whatever its numbers."""
        blank: dict[str, Any] = {"inputs": {}, "value": None, "low": None, "high": None, "level": None}
        new = replace(NUMBER, id=str(uuid7()), user_id=self.user.pk, **blank | columns)
        insert(new)
        return Prediction.objects.get(pk=new.id)

    def read(self, *stored: Prediction) -> None:
        """Open rows everywhere."""
        keys = [str(one.pk) for one in stored]
        for key in keys:
            assert self.browser.get(reverse("prediction", args=[key])).status_code == 200
            assert self.browser.get(reverse("admin:predictions_prediction_change", args=[key])).status_code == 200
            assert json.loads(self.api.get(f"predictions/{key}/").content, parse_constant=pytest.fail)["id"] == key
        assert self.browser.get(reverse("again", args=[keys[0]])).status_code == 200
        listed = json.loads(self.api.get("predictions/?page_size=200").content, parse_constant=pytest.fail)
        assert {one["id"] for one in listed["results"]} >= set(keys)
        history = self.browser.get(reverse("history")).content.decode()
        desk = self.browser.get(reverse("admin:predictions_prediction_changelist")).content.decode()
        assert [key for key in keys if key not in history or key not in desk] == []
        export = self.browser.post(
            reverse("admin:predictions_prediction_changelist"), {"action": "export_csv", "_selected_action": keys}
        )
        lines = csv.DictReader(io.StringIO(export.getvalue().decode(), newline=""))
        assert {line["id"] for line in lines} == set(keys)


@pytest.fixture
def reader(reviewer: User) -> Reader:
    return Reader(reviewer)


def test_rows_with_every_kind_of_number(reader: Reader, spec: ModelSpec, example: dict[str, Value]) -> None:
    model = {"model_name": spec.model.name, "model_version": embedded.live().version, "inputs": example, "level": 0.9}
    ends = [(None, 1.0), (5e-324, sys.float_info.max), (-sys.float_info.max, sys.float_info.max)]
    rows = [
        reader.store(**model, value=value, low=low, high=high) for value in EDGES if math.isfinite(value) for low, high in ends
    ]
    reader.read(*rows)


@slowly
@given(value=numbers, low=st.none() | numbers, high=st.none() | numbers, level=st.none() | numbers)
def test_any_stored_numbers(value: float, low: float | None, high: float | None, level: float | None, reader: Reader) -> None:
    reader.read(reader.store(value=value, low=low, high=high, level=level, inputs={"a": 1e-9}))


text = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=20)


@slowly
@given(label=text, shares=st.dictionaries(text, st.none() | numbers, max_size=4), inputs=st.dictionaries(text, text, max_size=4))
def test_any_classes_and_texts(label: str, shares: dict[str, Any], inputs: dict[str, str], reader: Reader) -> None:
    reader.read(reader.store(label=label, probabilities=shares, inputs=inputs))


def valid(field: FieldTable) -> st.SearchStrategy[Any]:
    """Every kind of value that a field takes."""
    if field.kind in NUMERIC:
        low, high = field.range or (0.0, 0.0)
        ends = st.sampled_from([low, high])
        inside = st.floats(low, high) if field.kind == "number" else st.integers(math.ceil(low), math.floor(high))
        values: st.SearchStrategy[Any] = ends | inside
    elif field.kind == "boolean":
        values = st.booleans()
    elif field.kind == "date":
        values = st.sampled_from([field.earliest, field.latest])
    else:
        values = st.sampled_from(list(field.codes))
    return values if field.required else st.none() | values


@slowly
@given(data=st.data())
def test_whatever_is_accepted(data: st.DataObject, reader: Reader, spec: ModelSpec) -> None:
    record = data.draw(st.fixed_dictionaries({field.name: valid(field) for field in spec.field}))
    answer = reader.api.post("predictions/", record)
    sent = reader.browser.post("/", texts_of(record))
    if answer.status_code == 201:
        reader.read(Prediction.objects.get(pk=answer.json()["id"]), Prediction.objects.get(pk=sent["Location"].split("/")[2]))
    else:
        assert (answer.status_code, sent.status_code) == (400, 422)
        assert {error["code"] for error in answer.json()["errors"]} == {"no_answer"}


def test_the_interval_of_an_extreme_record(reader: Reader, example: dict[str, Value], spec: ModelSpec) -> None:
    extreme = example | {"living_area": 20000, "sale_year": 2100, "sale_condition": "Partial"}
    if not extreme.keys() <= spec.fields.keys():
        pytest.skip("another model is live")
    answer = reader.api.post("predictions/", extreme)
    if answer.status_code == 201:
        interval = answer.json()["interval"]
        assert interval["high"] is None or interval["high"] < sys.float_info.max
        reader.read(Prediction.objects.get(pk=answer.json()["id"]))
