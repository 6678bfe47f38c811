"""Answers in words and figures for people."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_model.spec import parse_spec
from ml_model.tables import TargetTable
from predictions.models import Prediction
from predictions.presentation import amount, answer_of, curl_command, facts_of, groups_of, json_text, odds, sketch_of

PENGUINS = parse_spec((Path(__file__).parent.parent / "data" / "penguins.toml").read_text("utf-8"))
DOLLARS = TargetTable(column="y", label="Price", unit="US dollars", prefix="$")
PASCALS = TargetTable(column="y", label="Strength", unit="MPa", decimals=1)


@pytest.mark.parametrize(
    ("target", "value", "low", "high", "shown"),
    [
        (DOLLARS, 157407.86, 135480.8, 182883.7, "$157,000"),
        (DOLLARS, 1_234_567.0, 1_000_000.0, 1_500_000.0, "$1,230,000"),
        (DOLLARS, 157407.86, None, None, "$157,408"),
        (DOLLARS, -1200.4, -1210.0, -1190.0, "−$1,200"),
        (DOLLARS, -0.2, None, None, "−$0.2"),
        (DOLLARS, 0.0, None, None, "$0"),
        (DOLLARS, -0.0, -1.0, 1.0, "$0"),
        (DOLLARS, 1e-9, None, None, "$1e-9"),
        (PASCALS, 5e-324, 0.0, 5e-324, "4.94e-324 MPa"),
        (DOLLARS, 2.0, 1e-9, sys.float_info.max, "$2"),
        (DOLLARS, 1.2345e200, -sys.float_info.max, sys.float_info.max, "$1.23e200"),
        (DOLLARS, 200000.0, None, math.inf, "$200,000"),
        (DOLLARS, math.nan, math.nan, math.nan, "not a finite number"),
        (DOLLARS, 5.0, 5.0, 5.0, "$5"),
        (PASCALS, 35.249, 30.0, 42.0, "35.2 MPa"),
        (PASCALS, 35.249, 35.2, 35.3, "35.2 MPa"),
        (None, 0.125, None, None, "0.125"),
        (None, 1200.0, None, None, "1,200"),
    ],
)
def test_amounts_have_the_digits_that_the_interval_bears_out(target, value, low, high, shown):
    assert amount(target, value, low=low, high=high) == shown


@pytest.mark.parametrize(
    ("level", "words"),
    [(0.5, "five times out of ten"), (0.9, "nine times out of ten"), (0.95, "19 times out of 20"), (0.99, "99 times out of 100")],
)
def test_odds_are_as_people_say_them(level, words):
    assert odds(level) == words


@given(value=st.floats(), low=st.none() | st.floats(), high=st.none() | st.floats())
def test_every_float_is_an_amount_and_only_zero_is_0(value, low, high):
    for target in (None, DOLLARS, PASCALS):
        text = amount(target, value, low=low, high=high)
        assert 0 < len(text) < 40
        assert (text.strip("−$0., MPa") == "") == (value == 0)


@pytest.mark.parametrize(
    ("low", "high", "interval"),
    [
        (1000.0, 3000.0, "$1,000 to $3,000"),
        (1000.0, None, "$1,000 or more, no upper bound"),
        (None, 3000.0, "$3,000 or less, no lower bound"),
        (None, None, "no lower bound, no upper bound"),
        (1000.0, math.inf, "$1,000 or more, no upper bound"),
        (-math.inf, math.nan, "no lower bound, no upper bound"),
        (1000.0, sys.float_info.max, "$1,000 or more, no upper bound"),
        (-sys.float_info.max, 3000.0, "$3,000 or less, no lower bound"),
    ],
)
def test_an_end_that_bounds_nothing_is_said_to_be_none(low, high, interval):
    spec = PENGUINS.model_copy(update={"target": DOLLARS})
    prediction = Prediction(value=2000.0, low=low, high=high, level=0.9, inputs={}, model_version="1")
    answer = answer_of(prediction, spec)
    assert (answer.interval, answer.odds, answer.headline) == (interval, "nine times out of ten", "$2,000")
    assert bool(answer.low and answer.high) == (interval == "$1,000 to $3,000")
    facts = json.loads(json_text(facts_of(prediction)), parse_constant=pytest.fail)
    assert (facts["low"] is None) == ("no lower" in interval)
    assert (facts["high"] is None) == ("no upper" in interval)


@pytest.mark.parametrize(
    ("value", "position"), [(1000.0, "12.0"), (2000.0, "50.0"), (3000.0, "88.0"), (9e9, "88.0"), (-5.0, "12.0")]
)
def test_the_answer_stands_in_the_bar_of_its_interval(value, position):
    prediction = Prediction(value=value, low=1000.0, high=3000.0, level=0.9, inputs={}, model_version="1")
    assert answer_of(prediction, None).position == position


@given(level=st.floats(), value=st.floats(), low=st.floats(), high=st.floats())
def test_any_stored_numbers_are_an_answer(level, value, low, high):
    prediction = Prediction(value=value, low=low, high=high, level=level, inputs={}, model_version="1")
    answer = answer_of(prediction, None)
    assert answer.headline
    assert 0 <= float(answer.position) <= 100
    json.loads(json_text(facts_of(prediction)), parse_constant=pytest.fail)


@given(st.dictionaries(st.text(max_size=3), st.none() | st.floats()))
def test_any_probabilities_are_shown(probabilities):
    prediction = Prediction(label="a", probabilities=probabilities, inputs={}, model_version="1")
    shares = answer_of(prediction, None).shares
    assert {share.words for share in shares} == set(probabilities)
    assert all(0 <= float(share.width) <= 100 and share.percent for share in shares)


def test_a_row_without_an_answer_says_so():
    assert answer_of(Prediction(label="", probabilities=None, inputs={}, model_version="1"), None).headline == "No answer"


def classified(**probabilities: float) -> Prediction:
    label = max(probabilities, key=lambda name: probabilities[name])
    return Prediction(label=label, probabilities=probabilities, model_version="1", inputs=PENGUINS.example())


def test_a_class_is_answered_in_words_with_the_most_probable_first():
    answer = answer_of(classified(Chinstrap=0.004, Adelie=0.994, Gentoo=0.002), PENGUINS)
    assert answer.headline == "Adélie"
    assert [(share.words, share.percent, share.chosen) for share in answer.shares] == [
        ("Adélie", "over 99%", True),
        ("Chinstrap", "under 1%", False),
        ("Gentoo", "under 1%", False),
    ]


def test_a_prediction_of_a_release_that_is_gone_is_still_shown():
    prediction = classified(Adelie=1.0)
    assert answer_of(prediction, None).headline == "Adelie"
    assert ("island", "Biscoe") in groups_of(prediction, None)[0].rows
    assert sketch_of(prediction, None).startswith("Biscoe")


def test_inputs_are_echoed_in_words():
    prediction = classified(Adelie=1.0)
    prediction.inputs["bill_length"] = None
    rows = dict(groups_of(prediction, PENGUINS)[0].rows)
    assert rows["Length of the bill"] == "not known"
    assert rows["Depth of the bill"] == "17.2 mm"


def test_a_curl_command_holds_any_text_in_its_quotes():
    record = {"a": "it's $(rm -rf /) `x` \\ \n"}
    command = curl_command("http://testserver/a b", record)
    shell = f"TOKEN=secret; curl() {{ printf '%s\\0' \"$@\"; }}; {command}"
    words = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True).stdout.split("\0")
    assert words[:4] == ["http://testserver/a b", "--header", "Authorization: Token secret", "--header"]
    assert json.loads(words[6]) == record
