"""The rules of one review."""

from __future__ import annotations

from typing import Any

import pytest

from predictions import embedded
from predictions.models import Prediction
from predictions.reviews import ReviewForm


def form(prediction: Prediction, **typed: Any) -> ReviewForm:
    """The form as a browser would send it back."""
    form = ReviewForm({"review": "open", "seen": "", **typed}, instance=prediction)
    for name in ["corrected_label", "outcome_label"] if prediction.value is not None else ["corrected_value", "outcome_value"]:
        del form.fields[name]
    return form


def number() -> Prediction:
    """A number by a release that nobody knows."""
    return Prediction(value=5.0, low=4.0, high=6.0, level=0.9, model_version="0.0.1", inputs={})


def label() -> Prediction:
    """A class."""
    return Prediction(label="a", probabilities={"a": 0.6, "b": 0.4}, model_version="0.0.1", inputs={})


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "twelve", "1,000"])
@pytest.mark.parametrize("name", ["corrected_value", "outcome_value"])
def test_number_must_be_finite(text: str, name: str) -> None:
    typed = {"review": "corrected", "corrected_value": "1"} | {name: text}
    assert name in form(number(), **typed).errors


@pytest.mark.parametrize("text", ["0", "-1", "-0.0", "1e-400"])
@pytest.mark.parametrize("name", ["corrected_value", "outcome_value"])
def test_number_of_a_logarithmic_target_must_be_positive(
    text: str, name: str, prediction: Prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = embedded.live().spec
    for transform, is_refused in (("log", True), ("none", False)):
        changed = spec.model_copy(update={"target": spec.target.model_copy(update={"transform": transform})})
        monkeypatch.setattr(embedded, "spec_of", lambda model, version, changed=changed: changed)
        typed = {"review": "corrected", "corrected_value": "1"} | {name: text}
        assert (name in form(prediction, **typed).errors) is is_refused


def test_corrected_needs_the_corrected_answer() -> None:
    assert "corrected_value" in form(number(), review="corrected").errors
    assert "corrected_label" in form(label(), review="corrected").errors
    assert form(number(), review="corrected", corrected_value="0").is_valid()
    assert form(label(), review="corrected", corrected_label="b").is_valid()


@pytest.mark.parametrize("review", ["open", "approved", "rejected"])
def test_corrected_answer_needs_the_review_corrected(review: str) -> None:
    assert "review" in form(number(), review=review, corrected_value="3").errors
    assert form(number(), review=review).is_valid()


def test_label_must_be_one_of_the_classes() -> None:
    assert "outcome_label" in form(label(), outcome_label="c").errors
    assert form(label(), outcome_label="b").is_valid()


def test_note_has_a_limit() -> None:
    assert "note" in form(number(), note="x" * 2001).errors
    assert form(number(), note="x" * 2000).is_valid()


@pytest.mark.parametrize(("value", "shown"), [(158000.0, "158000"), (0.5, "0.5"), (1e300, "1e+300"), (None, "None")])
def test_whole_number_is_shown_without_a_fraction(value: float | None, shown: str) -> None:
    prediction = number()
    prediction.outcome_value = value
    assert str(ReviewForm(instance=prediction).initial["outcome_value"]) == shown
