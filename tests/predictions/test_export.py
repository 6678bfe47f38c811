"""Predictions as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from ml_model.tables import Value
from predictions import export
from predictions.models import Prediction
from tests.predictions.door import predicted


def rows() -> list[dict[str, str]]:
    """All predictions, as a spreadsheet would read them."""
    return list(csv.DictReader(io.StringIO("".join(export.csv_lines(Prediction.objects.all())), newline="")))


def test_one_line_for_each_with_inputs_answer_and_review(prediction: Prediction, user: User) -> None:
    Prediction.objects.filter(pk=prediction.pk).update(outcome_value=12.5, note="Two\nlines", reviewed_by=user)
    (row,) = rows()
    assert row["id"] == str(prediction.pk)
    assert float(row["answer"]) == prediction.value
    assert float(row["outcome"]) == 12.5
    assert (row["note"], row["reviewed_by"]) == ("Two\nlines", user.username)
    for name, value in prediction.inputs.items():
        written = "" if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
        assert row[f"input.{name}"] == written


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
@pytest.mark.django_db
def test_text_is_never_a_formula(start: str) -> None:
    text = f"{start}SUM(A1)"
    facts: dict[str, Any] = {"source": "api", "model_name": "m", "model_version": "0.0.1", "probabilities": {text: 1.0}}
    Prediction.objects.create(**facts, inputs={"a": text, "b": -5, "c": -0.5}, label=text, note=text)
    (row,) = rows()
    assert [row["note"], row["answer"], row["input.a"]] == [f"'{text}"] * 3
    assert [row["input.b"], row["input.c"]] == ["-5", "-0.5"]


def test_inputs_of_different_releases_stand_side_by_side(prediction: Prediction) -> None:
    Prediction.objects.create(source="api", model_name="m", model_version="0.0.1", inputs={"old": 3}, label="a", probabilities={})
    by_id = {row["id"]: row for row in rows()}
    assert by_id.pop(str(prediction.pk))["input.old"] == ""
    (other,) = by_id.values()
    assert other["input.old"] == "3"
    assert {other[f"input.{name}"] for name in prediction.inputs} == {""}


@pytest.mark.django_db
def test_inputs_of_two_models_that_share_a_version_stand_side_by_side() -> None:
    for model, inputs in (("first", {"island": "Biscoe"}), ("second", {"x": 3.0, "flag": False})):
        Prediction.objects.create(source="api", model_name=model, model_version="1.0.0", inputs=inputs, value=1.0)
    second, first = rows()
    assert (first["input.island"], first["input.x"], first["input.flag"]) == ("Biscoe", "", "")
    assert (second["input.island"], second["input.x"], second["input.flag"]) == ("", "3.0", "no")


def test_pages_are_put_together_without_loss(example: dict[str, Value], monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setattr(export, "_PAGE", 3)
    made = predicted([example] * 7, source=Prediction.Source.BULK)
    assert [row["id"] for row in rows()] == sorted((str(one.pk) for one in made), reverse=True)


def test_action_downloads_what_was_chosen(prediction: Prediction, reviewer: User, example: dict[str, Value]) -> None:
    predicted([example], source=Prediction.Source.FORM)
    client = Client()
    client.force_login(reviewer)
    address = reverse("admin:predictions_prediction_changelist")
    response = client.post(address, {"action": "export_csv", "_selected_action": [str(prediction.pk)]})
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="predictions-')
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    assert [row["id"] for row in csv.DictReader(io.StringIO(text))] == [str(prediction.pk)]
