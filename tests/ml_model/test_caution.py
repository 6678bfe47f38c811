"""Warnings: for what the model has not learnt from, and for nothing else; the same one by one and by column."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ml_model.artifacts import FieldProfile
from ml_model.caution import Caution, ScoreWarning
from ml_model.features import encode_column
from ml_model.packing import profile_of


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


def test_what_was_never_unknown(scorer, record):
    (score,) = scorer.score([record | {"sold": None, "grade": None, "area": None, "cellar": None}])
    assert [(warning.field, warning.code) for warning in score.warnings] == [
        ("grade", "unseen_unknown"),
        ("sold", "unseen_unknown"),
    ]
    assert score.warnings[0].detail == "Grade: it was known of every house that the model has learnt from."


FEW = [{"flag": False, "day": "2020-01-01", "z": 0}, {"flag": False, "day": "2020-12-31", "z": 1}]


@pytest.fixture
def cautious(tree, parse):
    """Finds warnings by what the given training rows hold, of a flag and a day that are optional and a number."""
    common = {"section": "main", "label": "X"}
    tree["field"] = [
        common | {"name": "flag", "column": "F", "kind": "boolean", "required": False, "example": False},
        common | {"name": "day", "column": "D", "kind": "date", "required": False, "example": "2020-06-01"},
        common
        | {"name": "z", "column": "Z", "kind": "number", "range": [0, 9], "trained": [0, 1], "example": 1}
        | {"required": False, "blank": "the median is assumed."},
    ]
    tree["field"][1] |= {"earliest": "0001-01-01", "latest": "9999-12-31"}
    tree["derived"] = []
    spec = parse(tree)

    def warned(training, record, **missing):
        profile = {name: held.model_copy(update=missing) for name, held in profile_of(spec, training).items()}
        caution = Caution(spec, profile)
        found = caution.warnings(FEW[0] | record)
        encoded = {field.name: encode_column(field, [(FEW[0] | record)[field.name]]) for field in spec.field}
        assert caution.rows(encoded) == ([0] if found else [])
        return [(one.field, one.code) for one in found]

    return warned


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"flag": True}, [("flag", "unseen_choice")]),
        ({"flag": False}, []),
        ({"flag": None}, [("flag", "unseen_unknown")]),
        ({"day": None}, [("day", "unseen_unknown")]),
        ({"z": None}, []),  # its blank says what is done
        ({"day": "2099-01-01"}, [("day", "outside_training")]),
        ({"day": "0001-01-01"}, [("day", "outside_training")]),
        ({"day": "9999-12-31"}, [("day", "outside_training")]),
        # A tenth of the 365 days is not far.
        ({"day": "2021-02-05"}, []),
        ({"day": "2021-02-06"}, [("day", "outside_training")]),
        ({"day": "2019-11-26"}, []),
        ({"day": "2019-11-25"}, [("day", "outside_training")]),
    ],
)
def test_what_no_training_row_held(record, expected, cautious):
    assert cautious(FEW, record) == expected


def test_a_boolean_that_was_never_false(cautious):
    assert cautious([row | {"flag": True} for row in FEW], {"flag": False}) == [("flag", "unseen_choice")]


def test_one_unknown_row_is_enough(cautious):
    assert cautious([*FEW, {"flag": None, "day": None, "z": 0}], {"flag": None, "day": None}) == []


def test_dates_that_were_all_unknown_and_days_at_the_ends_of_the_calendar(cautious):
    assert cautious([row | {"day": None} for row in FEW], {"day": "2099-01-01"}) == []
    ends = [FEW[0] | {"day": "0001-01-01"}, FEW[0] | {"day": "9999-12-31"}]
    assert cautious(ends, {"day": "0001-01-01"}) == cautious(ends, {"day": "9999-12-31"}) == []


def test_a_profile_without_the_later_keys_warns_of_nothing_new(cautious):
    later = {"choices": {}, "first_day": "", "last_day": ""}
    assert cautious(FEW, {"flag": True, "day": "2099-01-01"}, **later) == []


def test_warnings_come_in_the_order_of_the_fields(scorer, record):
    (score,) = scorer.score([record | {"lot": 10, "heating": "wood", "area": 4000}])
    assert [warning.field for warning in score.warnings] == ["area", "heating", "lot"]


def test_rows_with_warnings_are_found_by_column(scorer, record):
    odd = [{"area": 4000.5}, {}, {"heating": "wood"}, {"area": 500}, {"rooms": 0, "lot": 10}, {"area": None}]
    records = [record | change for change in odd * 3]
    alone = [scorer.score([one])[0].warnings for one in records]
    assert [score.warnings for score in scorer.score(records)] == alone
    assert [len(warnings) for warnings in alone[:6]] == [1, 0, 1, 0, 2, 0]
