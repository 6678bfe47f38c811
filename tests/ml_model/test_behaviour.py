import numpy as np
import pytest

from ml_model.acceptance import BehaviourTable
from ml_model.behaviour import behaviour_gates, moves
from ml_model.paired import predictions
from ml_model.scoring import Score


class Known:
    """Answers by a formula."""

    def __init__(self, spec, formula):
        self.spec, self.formula = spec, formula

    def score(self, records):
        return [Score(record=record, value=self.formula(record)) for record in records]


def behaviour(**told):
    return BehaviourTable(**{"name": "one", "field": "rooms", "change": "add", "amount": 1, "expect": "not_lower"} | told)


@pytest.fixture
def records(record):
    return [{**record, "rooms": rooms} for rooms in (1, 2, 4, 20)]


def judged(house, formula, records, *told):
    scorer = Known(house.model_copy(update={"behaviour": told}), formula)
    return behaviour_gates(scorer, records)


def test_moves_by_hand(house, records):
    scorer = Known(house, lambda record: 10.0 * record["rooms"])
    before = predictions(house, scorer.score(records))
    # 20 is the most that is accepted, so that record stays as it is and takes no part.
    assert moves(scorer, behaviour(), records, before).tolist() == pytest.approx([1.0, 0.5, 0.25])
    assert moves(scorer, behaviour(change="set", amount=4), records, before).tolist() == pytest.approx([3.0, 1.0, -0.8])


@pytest.mark.parametrize(
    ("expect", "formula", "passed"),
    [
        ("not_lower", lambda record: 5.0 + record["rooms"], True),
        ("not_lower", lambda record: 50.0 - record["rooms"], False),
        ("not_higher", lambda record: 50.0 - record["rooms"], True),
        ("not_higher", lambda record: 5.0 + record["rooms"], False),
        ("same", lambda record: 5.0, True),
        ("same", lambda record: 5.0 + record["rooms"], False),
    ],
)
def test_directions(expect, formula, passed, house, records):
    (gate,) = judged(house, formula, records, behaviour(expect=expect))
    assert (gate.name, gate.passed) == ("behaviour.one", passed)


def test_tolerance_and_exceptions(house, records):
    def formula(record):
        return 100.0 - (record["rooms"] == 3)

    for told, passed in (({}, False), ({"tolerance": 0.011}, True), ({"exceptions": 0.4}, True), ({"exceptions": 0.3}, False)):
        (gate,) = judged(house, formula, records, behaviour(**told))
        assert gate.value == pytest.approx(0.0 if "tolerance" in told else 1 / 3)
        assert gate.passed is passed


def test_unknown_numbers_take_no_part_and_nothing_to_judge_is_a_failure(house, record):
    (gate,) = judged(house, lambda record: 1.0, [{**record, "area": None}], behaviour(field="area", change="multiply", amount=2))
    assert (gate.passed, gate.value) == (False, None)
    assert "no test row is altered" in gate.detail


def test_probabilities_move_by_their_difference(scorers, specs):
    scorer = scorers["credit"]
    records = [scorer.spec.example()]
    before = predictions(scorer.spec, scorer.score(records))[:, 1]
    one = behaviour(field="seniority", amount=10)
    after = scorer.score([{**records[0], "seniority": records[0]["seniority"] + 10}])[0].probabilities
    assert moves(scorer, one, records, before) == pytest.approx(np.array([list(after.values())[1] - before[0]]))
