"""The one rule behind every door: what is answered is stored, all of it or nothing, and a submission once."""

from __future__ import annotations

import datetime as dt
import json
import uuid

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.utils import timezone

from ml_model.errors import RecordsRefused
from predictions import embedded, sqlite
from predictions.models import Prediction, first_key, keys_at
from predictions.services import predict_and_store, predict_and_store_many, record_review
from tests.predictions.door import predicted

pytestmark = pytest.mark.django_db
API, BULK, FORM = Prediction.Source.API, Prediction.Source.BULK, Prediction.Source.FORM


def test_what_is_stored_is_what_the_model_answers(user, example):
    scorer = embedded.live()
    score = scorer.score([example])[0]
    stored = Prediction.objects.get(pk=predict_and_store(example, source=API, user_id=user.pk).id)
    assert (stored.value, stored.low, stored.high, stored.level) == (score.value, score.low, score.high, score.level)
    assert (stored.label or None, stored.probabilities) == (score.label, score.probabilities)
    assert (stored.model_name, stored.model_version) == (scorer.spec.model.name, scorer.version)
    assert (stored.inputs, stored.warnings, stored.source, stored.user) == (score.record, [], "api", user)
    assert stored.answer == (score.label if score.value is None else score.value)


@pytest.mark.django_db(transaction=True)
def test_one_is_stored_by_one_statement(user, example, django_assert_num_queries):
    embedded.live()
    with django_assert_num_queries(1) as queries:
        predict_and_store(example, source=API, user_id=user.pk)
    assert "INSERT" in queries.captured_queries[0]["sql"]


def test_many_are_returned_in_their_order(user, example, number):
    low, high = number.trained
    records = [{**example, number.name: low + (high - low) * share} for share in (0.75, 0.0, 0.5, 1.0)]
    records = [{**record, number.name: round(record[number.name])} for record in records]
    [stored] = predict_and_store_many(records, user_id=user.pk)
    assert [json.loads(inputs)[number.name] for inputs in stored.inputs] == [record[number.name] for record in records]
    rows = [Prediction.objects.get(pk=key) for key in stored.ids]
    assert [row.inputs[number.name] for row in rows] == [record[number.name] for record in records]
    assert Prediction.objects.count() == len(rows)


def test_many_are_stored_as_one_by_one(user, example, number, monkeypatch):
    """In blocks, the last of which is shorter, and warnings in some of the rows."""
    monkeypatch.setattr("ml_model.scoring._TOGETHER", 4)
    monkeypatch.setattr("ml_model.scoring._NOT_BESIDE", 0)
    low, high = number.trained
    outside = next(value for value in (high + 1, low - 1) if number.range[0] <= value <= number.range[1])
    records = [{**example, number.name: round(value)} for value in (low, outside, high, low, high, outside, low, low, high, low)]
    alone = [predict_and_store(record, source=BULK, user_id=user.pk) for record in records]
    together = predict_and_store_many(records, user_id=user.pk)
    assert [len(part.ids) for part in together] == [4, 4, 2]
    for one, key in zip(alone, [key for part in together for key in part.ids], strict=True):
        mine, other = Prediction.objects.get(pk=one.id), Prediction.objects.get(pk=key)
        for field in Prediction._meta.concrete_fields:
            if field.name not in {"id", "created_at"}:
                here, there = getattr(mine, field.attname), getattr(other, field.attname)
                # A product of matrices sums in another order when it has more rows.
                assert here == (pytest.approx(there, rel=1e-12) if isinstance(there, float) else there), field.name
    assert [bool(one.warnings) for one in alone] == [row in {1, 5} for row in range(10)]


def test_the_faults_of_all_records_are_told_and_none_is_stored(user, example):
    with pytest.raises(RecordsRefused) as refused:
        predict_and_store_many([example, {}, None], user_id=user.pk)
    assert list(refused.value.errors_by_row) == [1, 2]
    assert not Prediction.objects.exists()


def test_answers_are_computed_before_the_write_begins(user, example, monkeypatch):
    monkeypatch.setattr("ml_model.scoring._TOGETHER", 4)
    monkeypatch.setattr("ml_model.scoring._NOT_BESIDE", 0)
    steps, whole, turn = [], embedded.live()._answers, sqlite.Turn

    def answers(matrix):
        steps.append("score")
        return whole(matrix)

    def in_turn(connection):
        steps.append("write")
        return turn(connection)

    monkeypatch.setattr(embedded.live(), "_answers", answers)
    monkeypatch.setattr(sqlite, "Turn", in_turn)
    predict_and_store_many([example] * 10, user_id=user.pk)
    assert steps == ["score", "score", "score", "write"]
    keys = list(Prediction.objects.order_by("pk").values_list("pk", flat=True))
    assert len(set(keys)) == 10


def test_the_keys_of_many_records_are_in_their_order(user, example, monkeypatch):
    monkeypatch.setattr("ml_model.scoring._TOGETHER", 4)
    parts = predict_and_store_many([example] * 10, user_id=user.pk)
    keys = [key for part in parts for key in part.ids]
    assert keys == sorted(keys)


def test_the_key_of_a_row_has_its_time_also_after_the_clock_was_put_back(user, example, monkeypatch):
    now = timezone.now()
    for days in (3, 0, -400, 0):
        instant = now + dt.timedelta(days=days)
        monkeypatch.setattr(timezone, "now", lambda instant=instant: instant)
        first = Prediction.objects.get(pk=predict_and_store(example, source=API, user_id=user.pk).id)
        [part] = predict_and_store_many([example], user_id=user.pk)
        for row in (first, Prediction.objects.get(pk=part.ids[0])):
            assert row.created_at == instant
            assert first_key(instant) <= row.pk < first_key(instant + dt.timedelta(milliseconds=1))
            assert (row.pk.version, row.pk.variant) == (7, uuid.RFC_4122)


def test_where_the_database_fails_half_way_nothing_is_stored(user, example, monkeypatch):
    monkeypatch.setattr("predictions.services.keys_at", lambda instant, count: keys_at(instant, count - 1) + ["0" * 32] * 2)
    predict_and_store_many([example], user_id=user.pk)
    Prediction.objects.update(id="0" * 32)
    with pytest.raises(IntegrityError):
        predict_and_store_many([example] * 6, user_id=user.pk)
    assert Prediction.objects.count() == 1


def test_where_the_last_answers_fail_nothing_is_stored(user, example, monkeypatch):
    monkeypatch.setattr("ml_model.scoring._TOGETHER", 4)
    monkeypatch.setattr("ml_model.scoring._NOT_BESIDE", 0)
    seen, whole = [], embedded.live()._answers

    def answers(matrix):
        seen.append(len(matrix))
        if len(matrix) == 2:
            raise MemoryError
        return whole(matrix)

    monkeypatch.setattr(embedded.live(), "_answers", answers)
    with pytest.raises(MemoryError):
        predict_and_store_many([example] * 10, user_id=user.pk)
    assert seen == [4, 4, 2]
    assert not Prediction.objects.exists()


def test_nobody_is_no_visitor(user, example):
    predict_and_store(example, source=API, user_id=user.pk)
    assert Prediction.objects.get().visitor is None


def test_the_order_of_the_fields_does_not_matter(user, example):
    backwards = dict(reversed(example.items()))
    [stored] = predict_and_store_many([example, backwards], user_id=user.pk)
    assert json.loads(stored.inputs[0]) == json.loads(stored.inputs[1]) == example
    assert stored.values[0] == stored.values[1]
    assert stored.labels[0] == stored.labels[1]


def test_columns_are_stored_as_records_are(user, example):
    columns = {name: [value] * 3 for name, value in example.items()}
    [rows] = predict_and_store_many(columns, user_id=user.pk)
    [same] = predict_and_store_many([example] * 3, user_id=user.pk)
    assert rows.inputs == same.inputs
    assert Prediction.objects.count() == 6


def test_a_submission_is_stored_once(example):
    first = predict_and_store(example, source=FORM, visitor="v", submission="key")
    again = predict_and_store(example, source=FORM, visitor="v", submission="key")
    assert again.id == first.id
    assert Prediction.objects.count() == 1


def test_the_key_of_another_gives_nothing_away(user, example):
    predict_and_store(example, source=FORM, visitor="v", submission="key")
    for owner in ({"visitor": "w"}, {"user_id": user.pk}, {"user_id": user.pk, "visitor": "v"}):
        with pytest.raises(IntegrityError):
            predict_and_store(example, source=FORM, submission="key", **owner)
    assert Prediction.objects.count() == 1


def test_without_a_model_nothing_is_stored(example, settings, tmp_path):
    settings.MODEL_RELEASES = tmp_path
    with pytest.raises(embedded.ModelUnavailable):
        predict_and_store(example, source=API)
    assert not Prediction.objects.exists()


def test_a_review_is_signed_and_an_outcome_dated_once(user, example):
    [stored] = predicted([example], source=API, user_id=user.pk)
    reviewer = User.objects.create_user("reviewer")
    record_review(stored, reviewer)
    assert (stored.reviewed_by, stored.outcome_at) == (reviewer, None)
    if stored.value is None:
        stored.outcome_label = stored.label
    else:
        stored.outcome_value = 0.0
    record_review(stored, reviewer)
    first = stored.outcome_at
    assert first == stored.reviewed_at
    record_review(stored, reviewer)
    assert stored.outcome_at == first
    assert stored.reviewed_at > first
    stored.outcome_value, stored.outcome_label = None, ""
    record_review(stored, reviewer)
    assert stored.outcome_at is None
