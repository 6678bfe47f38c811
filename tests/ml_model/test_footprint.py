from dataclasses import replace

import pytest

from ml_model.acceptance import GatesTable
from ml_model.features import FeatureEncoder
from ml_model.footprint import _loading, footprint_gates, load_contender


class Slow:
    def __init__(self, scorer):
        self.spec, self.runtime, self._scorer = scorer.spec, scorer.runtime, scorer

    def score(self, records):
        return [self._scorer.score(records) for _ in range(30)]


class Plain:
    runtime = "scikit-learn"

    def __init__(self, scorer):
        self.spec = scorer.spec


@pytest.fixture
def live(trained):
    return load_contender("1.0.0", trained)


def gates(candidate, live, **limits):
    return {gate.name: gate for gate in footprint_gates(GatesTable(metric="rmsle", **limits), candidate, live)}


def test_a_release_is_as_large_as_itself(live, trained):
    assert live.files.keys() == {path.name for path in (trained / "1.0.0").iterdir()}
    found = gates(live, live, load_ratio=10.0, latency_ratio=10.0)
    assert list(found) == ["size", "load", "latency"]
    assert found["size"].value == 1
    assert all(gate.passed for gate in found.values())


def opened(one):
    """What a round of the gate ``load`` opens, beside the spec."""
    return _loading(one)()[1]


def test_what_is_timed_to_load_is_what_answers(live):
    assert live.scorer.runtime == "onnxruntime"
    assert opened(live)(FeatureEncoder(live.scorer.spec).matrix([live.scorer.spec.example()])).shape == (1, 2)
    assert opened(replace(live, scorer=Plain(live.scorer))).keys() == {"estimator", "difficulty"}


def test_a_heavier_one_is_refused(live):
    heavy = replace(live, files={**live.files, "golden.json": bytes(30_000_000)})
    assert not gates(heavy, live)["size"].passed


def test_files_that_one_side_lacks_do_not_count(live):
    lighter = replace(live, files={name: content for name, content in live.files.items() if name != "card.md"})
    assert gates(lighter, live)["size"].value == 1


def test_a_slower_one_is_refused(live):
    found = gates(replace(live, scorer=Slow(live.scorer)), live)
    assert not found["latency"].passed
    assert found["latency"].value > 10
