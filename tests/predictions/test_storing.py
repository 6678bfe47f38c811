"""The one INSERT: the same row as an instance of the model makes, all rows or none."""

from __future__ import annotations

import dataclasses
import fcntl
from pathlib import Path

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone
from uuid_utils.compat import uuid7

from predictions import storing
from predictions.models import Prediction
from predictions.storing import NewPrediction, insert, stored_as_new

pytestmark = pytest.mark.django_db
NUMBER = NewPrediction(
    id=uuid7(),
    created_at=timezone.now(),
    source="api",
    user_id=None,
    visitor=None,
    submission=None,
    model_name="m",
    model_version="1.0.0",
    inputs={"a": 1, "b": None, "c": "é", "d": 0.1, "e": True},
    value=1.5,
    low=-1e300,
    high=2.0,
    level=0.9,
    label="",
    probabilities=None,
    warnings=[],
)
WARNED = dataclasses.replace(
    NUMBER, id=uuid7(), visitor="v", submission="s", warnings=[{"field": "a", "code": "c", "detail": "%s"}]
)
CLASS = dataclasses.replace(
    NUMBER, id=uuid7(), value=None, low=None, high=None, level=None, label="yes", probabilities={"yes": 0.75, "no": 0.25}
)


def row_of(key: object) -> tuple[object, ...]:
    """A row as the database holds it."""
    names = ", ".join(field.column for field in Prediction._meta.concrete_fields if field.name != "id")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {names} FROM predictions_prediction WHERE id = %s", [key])  # noqa: S608
        row: tuple[object, ...] = cursor.fetchone()
    return row


@pytest.mark.parametrize("new", [NUMBER, WARNED, CLASS], ids=["number", "warned", "class"])
@pytest.mark.parametrize("count", [1, 2])
def test_the_row_is_the_one_that_an_instance_makes(new, count):
    told = {field.name: getattr(new, field.name) for field in dataclasses.fields(new)}
    instance = Prediction(**told | {"id": uuid7(), "submission": None}, has_warnings=bool(new.warnings))
    instance.save()
    insert([dataclasses.replace(new, submission=None), dataclasses.replace(CLASS, id=uuid7())][:count])
    written, expected = Prediction.objects.get(pk=new.id), Prediction.objects.get(pk=instance.pk)
    for field in Prediction._meta.concrete_fields:
        if field.name != "id":
            assert getattr(written, field.attname) == getattr(expected, field.attname), field.name
    if connection.vendor == "sqlite":  # to the type of each column, but for the spaces of JSON
        here, there = (
            [(type(one), one.replace(", ", ",").replace(": ", ":") if isinstance(one, str) else one) for one in row_of(key.hex)]
            for key in (new.id, instance.pk)
        )
        assert [kind for kind, _ in here] == [kind for kind, _ in there]
    assert stored_as_new(written) == dataclasses.replace(new, submission=None)


def test_the_second_of_two_equal_submissions_is_refused():
    insert([WARNED])
    with pytest.raises(IntegrityError):
        insert([dataclasses.replace(WARNED, id=uuid7())])


def test_rows_without_a_submission_are_many():
    insert([dataclasses.replace(NUMBER, id=uuid7()) for _ in range(3)])
    assert Prediction.objects.filter(submission=None, visitor=None).count() == 3


class File:
    """A connection to a database in a file, as far as the queue asks."""

    vendor, in_atomic_block = "sqlite", False

    def __init__(self, path: Path) -> None:
        self.settings_dict = {"NAME": path}

    def is_in_memory_db(self) -> bool:
        return False


def test_one_writer_after_the_other(monkeypatch, tmp_path):
    monkeypatch.setattr(storing, "connection", File(tmp_path / "db"))
    with storing._turn(), (tmp_path / "db-queue").open() as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / "db-queue").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_without_a_queue_the_database_has_writers_wait(monkeypatch, tmp_path):
    monkeypatch.setattr(storing, "connection", File(tmp_path / "no such folder" / "db"))
    with storing._turn():
        assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_of_many_rows_none_stays_where_one_fails():
    with pytest.raises(IntegrityError):
        insert([dataclasses.replace(NUMBER, id=uuid7()), NUMBER, NUMBER])
    assert not Prediction.objects.exists()
