from dataclasses import replace

import pytest

from ml_model.acceptance import GatesTable
from ml_model.benchmark import read_benchmark
from ml_model.data import read_table
from ml_model.sanity import sanity_gates


@pytest.fixture(scope="module")
def tables(data_folder):
    return {name: read_table(data_folder / f"{name}.csv") for name in ("penguins", "credit", "concrete")}


@pytest.fixture
def judged(scorers, tables):
    """What the gates say of a release whose answers are changed, by the name of the gate."""

    def judge(name, change=lambda score: score, spec=None):
        scorer, table = scorers[name], tables[name]
        bench = read_benchmark(scorer.spec, table)
        records, target = bench.take(list(bench.records))
        scores = [change(score) for score in scorer.score(records)]
        return {gate.name: gate for gate in sanity_gates(spec or scorer.spec, scores, target, table)}

    return judge


@pytest.mark.parametrize("name", ["penguins", "credit", "concrete"])
def test_an_honest_release_passes(name, judged):
    gates = judged(name)
    assert list(gates) == ["sanity.constant", "sanity.trivial", "sanity.baseline"]
    assert all(gate.passed for gate in gates.values())


def test_probabilities_that_are_spoiled_lose_to_a_plain_model(judged):
    """As calibration on folds that were not shuffled spoils them: still better than a constant."""

    def flatten(score):
        shares = {label: 0.55 * share + 0.15 for label, share in score.probabilities.items()}
        return replace(score, probabilities=shares)

    gates = judged("penguins", flatten)
    assert gates["sanity.trivial"].passed
    assert not gates["sanity.baseline"].passed
    assert gates["sanity.baseline"].value > 0.05


def test_numbers_that_are_biased_lose_to_a_plain_model(judged):
    gates = judged("concrete", lambda score: replace(score, value=score.value * 1.25))
    assert gates["sanity.trivial"].passed
    assert not gates["sanity.baseline"].passed
    assert "compared with a plain boosting model of the same training rows" in gates["sanity.baseline"].detail


def test_a_spec_can_allow_to_be_worse_than_a_plain_model(judged, specs):
    allowed = specs["concrete"].model_copy(update={"gates": GatesTable(metric="rmse", worse_than_baseline=0.5)})
    assert judged("concrete", lambda score: replace(score, value=score.value * 1.25), allowed)["sanity.baseline"].passed


def test_a_constant_is_refused(judged):
    gates = judged("concrete", lambda score: replace(score, value=35.0))
    assert not any(gate.passed for gate in gates.values())


def test_a_spec_can_ask_for_more_than_a_constant_or_for_less(judged, specs):
    def limit(least):
        gates = specs["concrete"].gates.model_copy(update={"better_than_constant": least})
        return specs["concrete"].model_copy(update={"gates": gates})

    assert judged("concrete", spec=limit(0.9))["sanity.trivial"].passed
    assert not judged("concrete", spec=limit(0.95))["sanity.trivial"].passed
    worse = [judged("concrete", lambda score: replace(score, value=34.0), limit(least)) for least in (0.0, -0.1)]
    assert [gates["sanity.trivial"].passed for gates in worse] == [False, True]
