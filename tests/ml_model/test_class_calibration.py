import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import log_loss

from ml_model.class_calibration import fit_classifier
from ml_model.data import load_dataset
from ml_model.features import FeatureEncoder
from ml_model.pipeline import build_estimator
from ml_model.split import make_folds
from tests.ml_model.compiling import changed


@pytest.fixture(scope="module")
def rows(specs, data_folder):
    """Matrix and target of a thousand rows at most, by name of the spec."""

    def load(name):
        dataset = load_dataset(specs[name], data_folder)
        return FeatureEncoder(specs[name]).matrix(dataset.records)[:1000], dataset.target[:1000]

    return {name: load(name) for name in ("penguins", "credit")}


def learnt(spec, matrix, target):
    return fit_classifier(spec, matrix, target, np.arange(len(target)))


@pytest.fixture(scope="module")
def noisy():
    """A sorted file of four classes that overlap, of which boosting is too sure: 600 rows to learn from, then as many others."""
    rng = np.random.default_rng(4)
    target = np.tile(np.repeat(np.arange(4.0), 150), 2)
    return rng.normal(np.eye(4)[target.astype(int)], 1.0), target


@pytest.fixture
def four_classes(tree, parse):
    tree["model"]["task"] = "multiclass"
    tree["target"] |= {"transform": "none", "classes": [[str(label), str(label)] for label in range(4)]}
    tree["field"] = [tree["field"][1] | {"name": f"f{number}", "column": f"F{number}"} for number in range(4)]
    tree["derived"] = []
    tree["estimator"] = {"seed": 1, "boosting": {"trees": 100, "learning_rate": 0.2}}
    return parse(tree)


def test_a_sorted_file_is_calibrated_by_shuffled_folds(four_classes, noisy):
    matrix, target = noisy
    estimator, losses = learnt(four_classes, matrix[:600], target[:600])
    found = log_loss(target[600:], estimator.predict_proba(matrix[600:]))
    raw = log_loss(target[600:], build_estimator(four_classes).fit(matrix[:600], target[:600]).predict_proba(matrix[600:]))
    assert estimator.method == "temperature"
    assert found < 0.8 * raw
    # The out-of-fold loss is an honest forecast of it.
    assert losses["temperature"] == pytest.approx(found, rel=0.1)
    assert losses["none"] == pytest.approx(raw, rel=0.1)


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("penguins", ("boosting",)),
        ("penguins", ("linear", "boosting")),
        ("credit", ("boosting",)),
        ("credit", ("forest",)),
    ],
)
def test_the_calibration_is_that_of_scikit_learn(name, members, rows, specs):
    """It is made without fitting the folds a second time, and must answer as if it were."""
    spec, (matrix, target) = changed(specs[name], members), rows[name]
    estimator, losses = learnt(spec, matrix, target)
    assert estimator.method == min(losses, key=losses.get)
    folds = make_folds(target, np.arange(len(target)), folds=5, seed=spec.estimator.seed, stratified=True)
    expected = CalibratedClassifierCV(build_estimator(spec), method=estimator.method, cv=folds, ensemble=False).fit(
        matrix, target
    )
    np.testing.assert_array_equal(estimator.predict_proba(matrix), expected.predict_proba(matrix))
    np.testing.assert_array_equal(estimator.classes_, expected.classes_)
    assert estimator.n_features_in_ == expected.n_features_in_


def test_nothing_is_calibrated_if_that_does_not_help(rows, specs):
    spec, (matrix, target) = changed(specs["credit"], ("linear",)), rows["credit"]
    estimator, losses = learnt(spec, matrix, target)
    assert losses["none"] < min(losses["sigmoid"], losses["temperature"])
    np.testing.assert_array_equal(
        estimator.predict_proba(matrix), build_estimator(spec).fit(matrix, target).predict_proba(matrix)
    )


def test_two_classes_without_a_decision_have_no_temperature(rows, specs):
    assert learnt(changed(specs["credit"], ("forest",)), *rows["credit"])[1].keys() == {"none", "sigmoid"}


def test_several_classes_have_no_sigmoid(rows, specs):
    assert learnt(changed(specs["penguins"], ("linear",)), *rows["penguins"])[1].keys() == {"none", "temperature"}
