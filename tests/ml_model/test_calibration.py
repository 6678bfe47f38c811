from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import Pipeline

from ml_model.artifacts import Fitted
from ml_model.calibration import calibrate
from ml_model.errors import DataError
from ml_model.features import FeatureEncoder
from ml_model.pipeline import build_estimator
from ml_model.scoring import predict_intervals

TRAINING, FRESH = 2000, 4000


@pytest.fixture
def noisy(tree, parse):
    """Parses a spec of two numbers, of which the first makes the target noisy."""

    def change(*, adaptive=True, level=0.9, transform="none", folds=5):
        number = {key: value for key, value in tree["field"][0].items() if key not in {"name", "column", "blank", "required"}}
        number |= {"range": [0, 10], "trained": [0, 1], "example": 0.5}
        tree["field"] = [{**number, "name": name, "column": name} for name in ("noise", "slope")]
        tree["derived"] = []
        tree["target"]["transform"] = transform
        tree["estimator"] = {"seed": 1, "linear": {"alpha": 1.0}}
        tree["interval"] = {"level": level, "folds": folds, "adaptive": adaptive}
        return parse(tree)

    return change


def draw(seed, rows, transform="none"):
    """Features (rows, 2), targets and the standard deviations of their noise."""
    rng = np.random.default_rng(seed)
    matrix = rng.random((rows, 2))
    deviation = 0.05 * np.exp(2.5 * matrix[:, 0])
    target = 5 + 2 * matrix[:, 1] + rng.normal(0, deviation)
    return matrix, np.exp(target) if transform == "log" else target, deviation


def intervals(spec, seed=0):
    """Fresh features, targets and deviations with the ends of their intervals."""
    matrix, target, _ = draw(seed, TRAINING, spec.target.transform)
    estimator = build_estimator(spec).fit(matrix, target)
    calibration, difficulty = calibrate(spec, estimator, matrix, target, np.arange(len(target)))
    fresh, truth, deviation = draw(seed + 1000, FRESH, spec.target.transform)
    _, low, high = predict_intervals(spec, Fitted(estimator=estimator, calibration=calibration, difficulty=difficulty), fresh)
    return truth, deviation, low, high


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("transform", ["none", "log"])
@pytest.mark.parametrize("adaptive", [True, False])
@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_intervals_hold_the_declared_share(level, adaptive, transform, seed, noisy):
    truth, _, low, high = intervals(noisy(adaptive=adaptive, level=level, transform=transform), seed)
    # The share of fresh values varies by the binomial of the fresh rows and by the quantile of the training rows.
    deviation = np.sqrt(level * (1 - level) * (1 / FRESH + 1 / TRAINING))
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(level, abs=3 * deviation)


def test_adaptive_intervals_are_wide_where_the_noise_is(noisy):
    truth, deviation, low, high = intervals(noisy(adaptive=True))
    width = high - low
    assert np.corrcoef(np.log(width), np.log(deviation))[0, 1] > 0.99
    # The noise grows by exp(2.5), which is 12, from the calmest rows to the noisiest.
    assert 6 < np.quantile(width, 0.99) / np.quantile(width, 0.01) < 15
    covered = (low <= truth) & (truth <= high)
    thirds = np.digitize(deviation, np.quantile(deviation, [1 / 3, 2 / 3]))
    # The penalty on the difficulty draws it to the mean, and so calm rows are covered a little more often.
    for third in range(3):
        assert covered[thirds == third].mean() == pytest.approx(0.9, abs=0.06)


def test_intervals_of_one_width_are_not_honest_where_the_noise_is(noisy):
    truth, deviation, low, high = intervals(noisy(adaptive=False))
    np.testing.assert_allclose(high - low, (high - low)[0], rtol=1e-9)
    covered = (low <= truth) & (truth <= high)
    thirds = np.digitize(deviation, np.quantile(deviation, [1 / 3, 2 / 3]))
    assert covered[thirds == 0].mean() > 0.99
    assert covered[thirds == 2].mean() < 0.8


@pytest.mark.parametrize("rows", [19, 20, 49, 100, 399])
@pytest.mark.parametrize("level", ["0.5", "0.8", "0.9", "0.95"])
def test_quantile_is_the_finite_sample_one(level, rows, noisy):
    spec = noisy(adaptive=False, level=float(level))
    matrix, target, _ = draw(3, rows)
    calibration, difficulty = calibrate(spec, LinearRegression(), matrix, target, np.arange(len(target)))
    folds = KFold(5, shuffle=True, random_state=spec.estimator.seed)
    residuals = np.sort(np.abs(target - cross_val_predict(LinearRegression(), matrix, target, cv=folds)))
    rank = ceil((rows + 1) * Fraction(level))
    assert calibration.quantile == residuals[rank - 1]
    assert calibration.level == float(level)
    assert difficulty is None


def test_too_few_rows_for_the_level(noisy):
    matrix, target, _ = draw(3, 9)
    with pytest.raises(DataError, match=r"9 rows are too few for intervals of level 0\.95"):
        calibrate(noisy(adaptive=False, level=0.95), LinearRegression(), matrix, target, np.arange(len(target)))
    enough, _ = calibrate(noisy(adaptive=False, level=0.9), LinearRegression(), matrix, target, np.arange(len(target)))
    assert np.isfinite(enough.quantile)


def test_residuals_are_out_of_fold(noisy):
    matrix, target, _ = draw(3, 200)

    class Memory(DummyRegressor):
        """Knows every row that it has learnt by heart."""

        def fit(self, matrix, target):
            self.known_ = {row.tobytes(): one for row, one in zip(matrix, target, strict=True)}
            return super().fit(matrix, target)

        def predict(self, matrix):
            return np.array([self.known_.get(row.tobytes(), 0.0) for row in matrix])

    calibration, _ = calibrate(noisy(adaptive=False), Memory(), matrix, target, np.arange(len(target)))
    assert calibration.quantile > 5


def test_logarithms_are_measured_as_such(noisy):
    matrix, target, _ = draw(3, 200, "log")
    spec = noisy(adaptive=False, transform="log")
    calibration, _ = calibrate(spec, build_estimator(spec), matrix, target, np.arange(len(target)))
    assert calibration.quantile < 1
    logarithms, _ = calibrate(noisy(adaptive=False), build_estimator(noisy()), matrix, np.log(target), np.arange(len(target)))
    assert calibration.quantile == pytest.approx(logarithms.quantile, rel=1e-12)


def test_the_estimator_is_not_changed_and_the_difficulty_is_fitted(noisy):
    matrix, target, _ = draw(3, 200)
    spec = noisy()
    estimator = clone(build_estimator(spec))
    calibration, difficulty = calibrate(spec, estimator, matrix, target, np.arange(len(target)))
    assert not hasattr(estimator[-1], "coef_")
    assert isinstance(difficulty, Pipeline)
    assert difficulty.predict(matrix).shape == (200,)
    assert calibration.adaptive
    assert len(FeatureEncoder(spec).names) == 2


def test_the_same_seed_gives_the_same_intervals(noisy):
    matrix, target, _ = draw(3, 200)
    spec = noisy()
    first, _ = calibrate(spec, build_estimator(spec), matrix, target, np.arange(len(target)))
    second, _ = calibrate(spec, build_estimator(spec), matrix, target, np.arange(len(target)))
    assert first == second
