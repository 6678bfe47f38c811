"""Behaviour of the release that is live: as good as its manifest says, and moving in the directions that its subject demands.

With the sabotage suite the one file of tests that knows the subject of the shipped model; another model brings its own.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from ml_model.data import Dataset, load_dataset
from ml_model.evaluation import regression_metrics
from ml_model.records import Record
from ml_model.scoring import Scorer, load_scorer
from ml_model.training import SPEC_PATH


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return load_scorer()


@pytest.fixture(scope="module")
def dataset(scorer: Scorer) -> Dataset:
    return load_dataset(scorer.spec, SPEC_PATH.parent)


@pytest.fixture(scope="module")
def test_records(dataset: Dataset) -> list[Record]:
    return [record for record, is_test in zip(dataset.records, dataset.is_test, strict=True) if is_test]


def values(scorer: Scorer, records: list[Record]) -> np.ndarray:
    return np.array([score.value for score in scorer.score(records)])


def test_the_metrics_of_the_manifest_come_out_again(scorer, dataset, test_records):
    scores = scorer.score(test_records)
    arrays = [np.array([getattr(score, name) for score in scores]) for name in ("value", "low", "high")]
    metrics = regression_metrics(dataset.target[dataset.is_test], *arrays, seed=scorer.manifest.seed)
    assert metrics.keys() == scorer.manifest.metrics.keys()
    for name, metric in metrics.items():
        recorded = scorer.manifest.metrics[name]
        assert (metric.value, metric.low, metric.high) == pytest.approx((recorded.value, recorded.low, recorded.high), rel=1e-6)


def test_it_is_good_enough_to_be_live(scorer):
    metrics = scorer.manifest.metrics
    assert metrics["rmsle"].value <= 0.121
    assert 0.87 <= metrics["coverage"].value <= 0.94


def test_the_bundle_was_trained_from_the_data_in_the_tree(scorer, dataset):
    assert scorer.manifest.data.sha256 == dataset.provenance.sha256
    assert scorer.manifest.data.test_rows == dataset.is_test.sum()


@pytest.mark.parametrize(
    ("field", "better"),
    [
        ("living_area", lambda value: value * 1.1),
        ("overall_quality", lambda value: min(value + 1, 10)),
        ("overall_condition", lambda value: min(value + 1, 10)),
        ("kitchen_quality", lambda value: "Ex"),
        ("lot_area", lambda value: min(value * 1.2, 250_000)),
        ("basement_area", lambda value: value * 1.1),
        ("garage_cars", lambda value: value + 1),
        ("fireplaces", lambda value: value + 1),
        ("full_baths", lambda value: value + 1),
    ],
)
def test_more_of_a_good_thing_does_not_lower_the_price(scorer, test_records, field, better):
    improved = [{**record, field: better(record[field])} for record in test_records]
    change = values(scorer, improved) / values(scorer, test_records)
    assert (change > 0.999).all(), f"lowest {change.min():.4f}"
    assert np.median(change) > 1.005


def test_what_was_never_asked_does_not_matter(scorer, test_records):
    assert scorer.spec.data.identity[0] not in {field.column for field in scorer.spec.field}
    shuffled = [dict(reversed(record.items())) for record in test_records]
    assert (values(scorer, shuffled) == values(scorer, test_records)).all()


def test_one_row_is_scored_as_in_a_crowd(scorer, test_records):
    crowd = values(scorer, test_records)
    alone = np.array([values(scorer, [record])[0] for record in test_records[:50]])
    assert alone == pytest.approx(crowd[:50], rel=1e-12)


def test_a_blank_for_every_optional_answer_still_gets_a_sane_price(scorer, test_records):
    sparse = [{name: record[name] for name, field in scorer.spec.fields.items() if field.required} for record in test_records]
    ratio = values(scorer, sparse) / values(scorer, test_records)
    assert ((ratio > 0.5) & (ratio < 2)).all()


def test_the_first_curl_of_the_readme_is_a_valid_record(scorer):
    readme = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
    record = json.loads(re.search(r"-d '(\{.*?\})'", readme, re.DOTALL)[1])
    assert scorer.score([record])[0].value > 0
