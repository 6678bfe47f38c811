"""Warnings: for what the model has not learnt from, and for nothing else; the same one by one and by column."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ml_model.artifacts import FieldProfile
from ml_model.caution import Caution, ScoreWarning


@pytest.fixture
def scorer(scorers):
    return scorers["house"]


def test_an_ordinary_record_has_no_warnings(scorer, record):
    assert scorer.score([record])[0].warnings == ()


def test_a_number_beyond_what_was_learnt(scorer, record):
    (score,) = scorer.score([record | {"area": 4000.5, "rooms": 0}])
    assert score.warnings == (
        ScoreWarning(
            field="area",
            code="outside_training",
            detail="Area: the model has learnt from 500 sq ft to 3,000 sq ft; 4,000.5 sq ft lies outside.",
        ),
        ScoreWarning(field="rooms", code="outside_training", detail="Rooms: the model has learnt from 1 to 9; 0 lies outside."),
    )


@pytest.mark.parametrize(
    ("area", "warned"), [(500, 0), (3000, 0), (np.nextafter(500, 0), 1), (np.nextafter(3000, 9999), 1), (None, 0)]
)
def test_the_ends_of_what_was_learnt_lie_inside(area, warned, scorer, record):
    assert len(scorer.score([record | {"area": area}])[0].warnings) == warned


def test_a_number_that_only_test_rows_show_was_not_learnt(house, record):
    """A spec that claims too much is not believed where the profile of the training rows is narrower."""
    profile = {field.name: FieldProfile(unknown=1, choices=dict.fromkeys(map(str, field.codes), 1)) for field in house.field}
    believed = Caution(house, profile)
    profile["area"] = FieldProfile(unknown=1, choices={}, least=600.0, greatest=2000.0)
    doubted = Caution(house, profile)
    for area, warned in ((599.5, 1), (600.0, 0), (2000.0, 0), (2500.0, 1)):
        assert len(doubted.warnings(record | {"area": area})) == warned
        assert believed.warnings(record | {"area": area}) == ()
    (warning,) = doubted.warnings(record | {"area": 2500.0})
    assert warning.detail == "Area: the model has learnt from 600 sq ft to 2,000 sq ft; 2,500 sq ft lies outside."


def test_the_profile_holds_the_ends_of_the_training_rows(released):
    profile = json.loads((released["house"] / "1.0.0" / "profile.json").read_text())
    assert (profile["lot"]["least"], profile["lot"]["greatest"]) == (1000, 9000)
    assert profile["heating"]["least"] is profile["sold"]["greatest"] is None


def test_a_choice_that_was_never_seen(scorer, record):
    (score,) = scorer.score([record | {"heating": "wood"}])
    (warning,) = score.warnings
    assert (warning.field, warning.code) == ("heating", "unseen_choice")
    assert warning.detail == "Heating: the model has not seen one house with 'Wood'."
    assert np.isfinite([score.value, score.low, score.high]).all()


def test_warnings_come_in_the_order_of_the_fields(scorer, record):
    (score,) = scorer.score([record | {"lot": 10, "heating": "wood", "area": 4000}])
    assert [warning.field for warning in score.warnings] == ["area", "heating", "lot"]


def test_rows_with_warnings_are_found_by_column(scorer, record):
    odd = [{"area": 4000.5}, {}, {"heating": "wood"}, {"area": 500}, {"rooms": 0, "lot": 10}, {"area": None}]
    records = [record | change for change in odd * 3]
    alone = [scorer.score([one])[0].warnings for one in records]
    assert [score.warnings for score in scorer.score(records)] == alone
    assert [len(warnings) for warnings in alone[:6]] == [1, 0, 1, 0, 2, 0]
