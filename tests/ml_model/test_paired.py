import numpy as np
import pytest

from ml_model.evaluation import classification_metrics, regression_metrics
from ml_model.paired import default_metric, losses, mean_loss, paired_difference
from ml_model.scoring import Score


@pytest.fixture(scope="module")
def live():
    return np.random.default_rng(1).exponential(1.0, 400)


def test_equal_losses_are_no_difference(live):
    found = paired_difference(live, live.copy(), seed=0)
    assert (found.verdict, found.mean_share, found.smallest_visible) == ("no difference", 0.0, 0.0)
    assert str(found) == "no difference on 400 rows"


@pytest.mark.parametrize(("factor", "verdict"), [(1.03, "worse"), (0.97, "better")])
def test_an_even_change_is_seen_however_small(factor, verdict, live):
    found = paired_difference(live * factor, live, seed=0)
    assert found.mean_share == pytest.approx(factor - 1)
    assert found.verdict == verdict
    assert found.low <= found.mean_share <= found.high


def test_noise_is_not_distinguishable_and_says_what_could_be_seen(live):
    noise = np.random.default_rng(2).normal(0, 1, 400)
    found = paired_difference(live + noise - noise.mean(), live, seed=0)
    assert found.verdict == "not distinguishable"
    assert found.smallest_visible == pytest.approx(2.487 * noise.std(ddof=1) / 20 / live.mean())
    assert "cannot be seen with 400 rows" in str(found)


def test_what_is_called_visible_is_seen_four_times_in_five(live):
    rng = np.random.default_rng(3)
    seen = 0
    for _ in range(200):
        noise = rng.normal(0, 1, 400)
        shift = 2.487 * 1 / 20
        seen += (noise + shift).mean() > 1.645 * noise.std(ddof=1) / 20
    assert 0.7 < seen / 200 < 0.9


def test_the_same_seed_gives_the_same_interval(live):
    other = live + np.random.default_rng(4).normal(0, 0.5, 400)
    assert paired_difference(other, live, seed=1) == paired_difference(other, live, seed=1)
    assert paired_difference(other, live, seed=1) != paired_difference(other, live, seed=2)


@pytest.mark.parametrize("metric", ["rmsle", "rmse", "mae"])
def test_losses_of_numbers_have_the_metric_as_their_mean(metric, house):
    rng = np.random.default_rng(5)
    true = rng.uniform(1, 9, 50)
    scores = [Score(record={}, value=float(value)) for value in true * rng.uniform(0.8, 1.2, 50)]
    row_losses = losses(house, scores, true, metric=metric)
    values = np.array([score.value for score in scores])
    expected = regression_metrics(true, values, values, values, seed=0)[metric].value
    assert row_losses.shape == (50,)
    assert mean_loss(metric, row_losses) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("metric", ["log_loss", "brier"])
@pytest.mark.parametrize("name", ["penguins", "credit"])
def test_losses_of_classes_have_the_metric_as_their_mean(metric, name, specs):
    spec, rng = specs[name], np.random.default_rng(6)
    shares = rng.dirichlet(np.ones(len(spec.classes)), 40)
    true = rng.integers(0, len(spec.classes), 40).astype(float)
    scores = [Score(record={}, probabilities=dict(zip(spec.classes, row.tolist(), strict=True))) for row in shares]
    expected = classification_metrics(true, shares, seed=0)[metric].value
    assert mean_loss(metric, losses(spec, scores, true, metric=metric)) == pytest.approx(expected, rel=1e-12)


def test_a_prediction_that_is_not_positive_costs_much_and_no_more(house):
    (loss,) = losses(house, [Score(record={}, value=-5.0)], np.array([1.0]), metric="rmsle")
    assert loss == pytest.approx(np.log(1e-9) ** 2)


def test_the_metric_without_gates(specs, house):
    assert default_metric(house) == "rmsle"
    assert {name: default_metric(spec.model_copy(update={"gates": None})) for name, spec in specs.items()} == {
        "penguins": "log_loss",
        "credit": "log_loss",
        "concrete": "rmse",
        "house": "rmsle",
    }
