import numpy as np
import pytest
from sklearn import metrics as reference

from ml_model.evaluation import classification_metrics, regression_metrics, resampled


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.default_rng(2)
    true = rng.uniform(50, 150, 300)
    predicted = true * np.exp(rng.normal(0, 0.1, 300))
    return true, predicted, predicted * 0.85, predicted * 1.15


@pytest.fixture(scope="module")
def classes():
    rng = np.random.default_rng(2)
    true = rng.integers(0, 3, 300).astype(float)
    probabilities = rng.dirichlet(np.ones(3), 300) + 0.8 * np.eye(3)[true.astype(int)] * rng.random((300, 1))
    return true, probabilities / probabilities.sum(axis=1, keepdims=True)


def test_regression_agrees_with_scikit_learn(numbers):
    true, predicted, _, _ = numbers
    found = {name: metric.value for name, metric in regression_metrics(*numbers, seed=0).items()}
    assert list(found) == ["rmsle", "rmse", "mae", "r2", "coverage", "median_ape", "relative_width"]
    assert found["rmsle"] == pytest.approx(reference.root_mean_squared_error(np.log(true), np.log(predicted)), rel=1e-12)
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(true, predicted), rel=1e-12)
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(true, predicted), rel=1e-12)
    assert found["r2"] == pytest.approx(reference.r2_score(true, predicted), rel=1e-12)
    assert found["median_ape"] == pytest.approx(np.median(np.abs(predicted / true - 1)), rel=1e-12)
    assert found["relative_width"] == pytest.approx(0.3, rel=1e-12)


def test_regression_by_hand():
    true, predicted = np.tile([1.0, 2.0, 3.0, 4.0], 10), np.tile([1.0, 3.0, 3.0, 2.0], 10)
    low, high = predicted - 1, predicted + 1
    found = {name: metric.value for name, metric in regression_metrics(true, predicted, low, high, seed=0).items()}
    assert found["mae"] == 0.75
    assert found["rmse"] == pytest.approx(np.sqrt(5 / 4), rel=1e-15)
    assert found["r2"] == 0.0
    # 2 lies on the edge of 2 to 4, and 4 outside of 1 to 3.
    assert found["coverage"] == 0.75
    assert found["median_ape"] == 0.25


@pytest.mark.parametrize("spoiled", [0, 1])
def test_shares_need_positive_numbers(spoiled, numbers):
    arrays = [one.copy() for one in numbers]
    arrays[spoiled][0] = -1.0
    assert list(regression_metrics(*arrays, seed=0)) == ["rmse", "mae", "r2", "coverage"]


def test_classification_agrees_with_scikit_learn(classes):
    true, probabilities = classes
    found = {name: metric.value for name, metric in classification_metrics(*classes, seed=0).items()}
    assert list(found) == ["log_loss", "brier", "accuracy", "calibration_error"]
    assert found["log_loss"] == pytest.approx(reference.log_loss(true, probabilities), rel=1e-12)
    assert found["brier"] == pytest.approx(reference.brier_score_loss(true, probabilities, scale_by_half=False), rel=1e-12)
    assert found["accuracy"] == reference.accuracy_score(true, probabilities.argmax(axis=1))


def test_calibration_error_by_hand():
    # Two of the bin 0.9 to 1 of which one is right, two of the bin 0.6 to 0.7 of which both are.
    probabilities = np.array([[0.92, 0.08], [0.06, 0.94], [0.62, 0.38], [0.34, 0.66]])
    true = np.array([0.0, 0.0, 0.0, 1.0])
    found = classification_metrics(true, probabilities, seed=0)["calibration_error"].value
    assert found == pytest.approx(0.5 * abs(0.5 - 0.93) + 0.5 * abs(1 - 0.64), rel=1e-12)


def test_a_certain_classifier():
    true, certain = np.array([0.0, 1.0, 1.0]), np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert {name: metric.value for name, metric in classification_metrics(true, certain, seed=0).items()} == {
        "log_loss": 0.0,
        "brier": 0.0,
        "accuracy": 1.0,
        "calibration_error": 0.0,
    }
    wrong = classification_metrics(1 - true, certain, seed=0)
    assert wrong["log_loss"].value == pytest.approx(-np.log(1e-15), rel=1e-12)
    assert wrong["brier"].value == 2.0


def test_intervals_contain_their_value(numbers, classes):
    found = {**regression_metrics(*numbers, seed=0), **classification_metrics(*classes, seed=0)}
    # A bias of resampling, which has fewer different rows, lifts the calibration error alone.
    for name, metric in found.items():
        assert metric.low <= metric.high
        assert metric.low <= metric.value <= metric.high or name == "calibration_error"


def mean(sample):
    return float(np.mean(sample))


def test_intervals_are_the_same_for_the_same_seed(numbers):
    assert regression_metrics(*numbers, seed=4) == regression_metrics(*numbers, seed=4)
    assert resampled(mean, (numbers[0],), seed=4) != resampled(mean, (numbers[0],), seed=5)


@pytest.mark.parametrize("rows", [100, 1600])
def test_intervals_are_as_wide_as_theory_says(rows):
    sample = np.random.default_rng(rows).normal(3, 2, rows)
    metric = resampled(mean, (sample,), seed=0)
    assert metric.value == sample.mean()
    # 2,000 resamples know their ends to about 4 %.
    assert metric.high - metric.low == pytest.approx(2 * 1.96 * sample.std() / np.sqrt(rows), rel=0.12)


def test_rows_are_drawn_in_pairs():
    sample = np.random.default_rng(0).random(50)
    metric = resampled(lambda x, y: float(np.max(np.abs(x - y))), (sample, sample), seed=0)
    assert (metric.value, metric.low, metric.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_a_few_rows_have_finite_metrics(rows):
    """As a slice may hold: resamples of one row alone have no variance."""
    true = np.arange(1.0, rows + 1)
    metrics = regression_metrics(true, true + 0.1, true - 1, true + 1, seed=1)
    assert ("r2" in metrics) == (rows > 1)
    assert all(np.isfinite([metric.value, metric.low, metric.high]).all() for metric in metrics.values())
