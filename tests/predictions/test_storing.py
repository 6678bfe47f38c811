"""The one INSERT: the same row as an instance of the model makes, all rows or none."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone
from uuid_utils.compat import uuid7

from predictions.models import Prediction
from predictions.storing import NewPrediction, NewPredictions, insert, insert_many, stored_as_new

pytestmark = pytest.mark.django_db
NUMBER = NewPrediction(
    id=str(uuid7()),
    created_at=timezone.now(),
    source="api",
    user_id=None,
    visitor=None,
    submission=None,
    model_name="m",
    model_version="1.0.0",
    inputs={"a": 1, "b": None, "c": "é\t\\N\n\"'", "d": 0.1, "e": True},
    value=1.5,
    low=-1e300,
    high=2.0,
    level=0.9,
    label="",
    probabilities=None,
    warnings=[],
)
WARNED = dataclasses.replace(
    NUMBER, id=str(uuid7()), visitor="v", submission="s", warnings=[{"field": "a", "code": "c", "detail": "%s"}]
)
CLASS = dataclasses.replace(
    NUMBER, id=str(uuid7()), value=None, low=None, high=None, level=None, label="yes", probabilities={"yes": 0.75, "no": 0.25}
)


def several(*ids: object, **columns: Any) -> NewPredictions:
    """As many like NUMBER as there are ids."""
    one, many = dataclasses.asdict(NUMBER), len(ids)
    common = {name: one[name] for name in ("created_at", "source", "user_id", "model_name", "model_version", "level")}
    told = {
        "ids": [str(key) for key in ids],
        "inputs": [json.dumps(NUMBER.inputs)] * many,
        "values": [NUMBER.value] * many,
        "lows": [NUMBER.low] * many,
        "highs": [NUMBER.high] * many,
        "labels": [""] * many,
        "probabilities": [None] * many,
        "warnings": {},
    }
    return NewPredictions(**common | told | columns)


def row_of(key: str) -> tuple[object, ...]:
    """A row as the database holds it."""
    names = ", ".join(field.column for field in Prediction._meta.concrete_fields if field.name != "id")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {names} FROM predictions_prediction WHERE id = %s", [key.replace("-", "")])  # noqa: S608
        row: tuple[object, ...] = cursor.fetchone()
    return row


@pytest.mark.parametrize("new", [NUMBER, WARNED, CLASS], ids=["number", "warned", "class"])
def test_the_row_is_the_one_that_an_instance_makes(new):
    told = {field.name: getattr(new, field.name) for field in dataclasses.fields(new)}
    instance = Prediction(**told | {"id": str(uuid7()), "submission": None}, has_warnings=bool(new.warnings))
    instance.save()
    insert(dataclasses.replace(new, submission=None))
    written, expected = Prediction.objects.get(pk=new.id), Prediction.objects.get(pk=instance.pk)
    for field in Prediction._meta.concrete_fields:
        if field.name != "id":
            assert getattr(written, field.attname) == getattr(expected, field.attname), field.name
    if connection.vendor == "sqlite":  # to the type of each column, but for the spaces of JSON
        here, there = (
            [(type(one), one.replace(", ", ",").replace(": ", ":") if isinstance(one, str) else one) for one in row_of(key)]
            for key in (new.id, instance.id)
        )
        assert [kind for kind, _ in here] == [kind for kind, _ in there]
    assert stored_as_new(written) == dataclasses.replace(new, submission=None)


def test_several_rows_are_those_that_are_inserted_alone():
    classes = dataclasses.replace(CLASS, submission=None)
    insert(classes)
    insert(dataclasses.replace(WARNED, submission=None, visitor=None))
    insert(NUMBER)
    keys = [uuid7() for _ in range(3)]
    other = uuid7()
    warned = several(*keys, warnings={1: WARNED.warnings})
    classified = several(
        other, level=None, values=[None], lows=[None], highs=[None], labels=["yes"], probabilities=[CLASS.probabilities]
    )
    insert_many([warned, classified])
    pairs = [(NUMBER, keys[0]), (WARNED, keys[1]), (NUMBER, keys[2]), (CLASS, other)]
    for one, key in pairs:
        if connection.vendor == "sqlite":
            here, there = row_of(one.id), row_of(str(key))
            assert [type(part) for part in here] == [type(part) for part in there]
        alone, together = Prediction.objects.get(pk=one.id), Prediction.objects.get(pk=key)
        for field in Prediction._meta.concrete_fields:
            if field.name != "id":
                assert getattr(alone, field.attname) == getattr(together, field.attname), field.name


def test_the_second_of_two_equal_submissions_is_refused():
    insert(WARNED)
    with pytest.raises(IntegrityError):
        insert(dataclasses.replace(WARNED, id=str(uuid7())))


def test_rows_without_a_submission_are_many():
    for _ in range(3):
        insert(dataclasses.replace(NUMBER, id=str(uuid7())))
    assert Prediction.objects.filter(submission=None, visitor=None).count() == 3


def test_who_watches_statements_sees_those_of_many_rows():
    seen = []

    def watch(execute, statement, parameters, many, context):
        seen.append((statement.split()[0], len(parameters)) if many else statement)
        return execute(statement, parameters, many, context)

    with connection.execute_wrapper(watch):
        insert_many([several(uuid7(), uuid7())])
    assert ("INSERT", 2) in seen
    assert Prediction.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_many_rows_none_stays_where_one_fails():
    with pytest.raises(IntegrityError):
        insert_many([several(uuid7()), several(uuid7(), NUMBER.id, NUMBER.id)])
    assert not Prediction.objects.exists()


@pytest.mark.parametrize("count", [1, 99, 100, 101, 250])
def test_each_of_many_rows_is_stored_once(count):
    keys = [uuid7() for _ in range(count)]
    insert_many([several(*keys, values=list(map(float, range(count))))])
    stored = Prediction.objects.in_bulk()
    assert [stored[key].value for key in keys] == list(map(float, range(count)))
    assert len(stored) == count
