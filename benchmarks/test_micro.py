"""What each step of a prediction costs by itself: ``make bench-micro``. Not part of the tests; the budget is in ``budget.py``."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pytest

from benchmarks import harness  # first, for its one thread
from ml_model.artifacts import Bundle, read_bundle
from ml_model.compiled import Answering, answers_of, learnt_answers
from ml_model.features import FeatureEncoder
from ml_model.releases import TRAINED, read_releases
from ml_model.scoring import Scorer, load_scorer

Record = dict[str, Any]


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    """The live release."""
    return load_scorer()


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """The same with the estimators that it was compiled from."""
    releases = read_releases()
    return read_bundle(TRAINED / releases.live, releases.manifest_of(releases.live))


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """As many records as one bulk request may have."""
    return harness.real_records(10_000)


def test_validation_of_one_record(benchmark: Any, scorer: Scorer, records: list[Record]) -> None:
    """JSON values against the contract."""
    ones = cycle([[record] for record in records[:500]])
    benchmark(lambda: scorer.validator.validate(next(ones)))


def test_features_of_one_record(benchmark: Any, scorer: Scorer, records: list[Record]) -> None:
    """A valid record to its row of the matrix."""
    encoder = FeatureEncoder(scorer.spec)
    ones = cycle([[record] for record in scorer.validator.validate(records[:500])])
    benchmark(lambda: encoder.matrix(next(ones)))


@pytest.mark.parametrize("by", ["onnxruntime", "scikit-learn"])
def test_answer_to_one_record(by: str, benchmark: Any, scorer: Scorer, bundle: Bundle, records: list[Record]) -> None:
    """A valid record to its answers, features included: by the compiled form, and by the estimators themselves."""
    answers: Answering = answers_of(bundle) if by == "onnxruntime" else learnt_answers(bundle.fitted)
    encoder = FeatureEncoder(scorer.spec)
    ones = cycle([[record] for record in scorer.validator.validate(records[:500])])
    benchmark(lambda: answers(encoder.matrix(next(ones))))


def test_score_of_one_record(benchmark: Any, scorer: Scorer, records: list[Record]) -> None:
    """All of it but storing: validation, features, estimator, interval, warnings."""
    ones = cycle([[record] for record in records[:500]])
    benchmark(lambda: scorer.score(next(ones)))


def test_score_of_10_000_records(benchmark: Any, scorer: Scorer, records: list[Record]) -> None:
    """The largest bulk request."""
    benchmark.pedantic(scorer.score, args=[records], rounds=7, warmup_rounds=1)


def test_load_of_the_bundle(benchmark: Any) -> None:
    """Verification of every digest, opening, and proof by the golden records."""
    benchmark.pedantic(load_scorer, rounds=10, warmup_rounds=1)


@pytest.mark.django_db(transaction=True)
def test_one_stored_prediction(benchmark: Any, records: list[Record]) -> None:
    """The score and its row in a SQLite file, on the disk when the call returns."""
    from predictions.models import Prediction
    from predictions.services import predict_and_store

    ones = cycle(records[:500])
    benchmark(lambda: predict_and_store(next(ones), source=Prediction.Source.API))
