"""Answers in words and figures for people."""

import json
import subprocess
from pathlib import Path

import pytest

from ml_model.spec import parse_spec
from ml_model.tables import TargetTable
from predictions.models import Prediction
from predictions.presentation import amount, answer_of, curl_command, groups_of, odds, sketch_of

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
        (DOLLARS, -0.2, None, None, "$0"),
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
