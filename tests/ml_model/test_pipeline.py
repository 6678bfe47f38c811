import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from ml_model.data import load_dataset
from ml_model.features import FeatureEncoder
from ml_model.pipeline import build_difficulty, build_estimator, encoded

MEMBERS = ("linear", "boosting", "forest")


@pytest.fixture
def learn(tree, parse):
    """Parses the small houses with other members, or another task, of the estimator."""

    def change(members=MEMBERS, task="regression", transform="none", **tables):
        classes = {"regression": [], "binary": ["no", "yes"], "multiclass": ["low", "middle", "high"]}[task]
        tree["model"]["task"] = task
        tree["target"] |= {"transform": transform, "classes": [[name, name] for name in classes]}
        settings = {"linear": {"alpha": 1.0}, "boosting": {"trees": 10}, "forest": {"trees": 10}} | tables
        tree["estimator"] = {"seed": 3, **{name: settings[name] for name in members}}
        return parse(tree)

    return change


@pytest.fixture(scope="module")
def sample(house):
    """A matrix of the small houses, with unknowns, and a positive number for each row."""
    rng = np.random.default_rng(5)
    rows = 150
    columns = {
        "area": np.where(rng.random(rows) < 0.1, np.nan, rng.uniform(500, 3000, rows)),
        "heating": rng.integers(0, 3, rows).astype(float),
        "cellar": rng.choice([0.0, 1.0, 2.0, np.nan], rows),
    }
    names = FeatureEncoder(house).names
    matrix = np.column_stack([columns.get(name, rng.integers(0, 9, rows).astype(float)) for name in names])
    target = 100 + np.nan_to_num(columns["area"], nan=1500) / 10 + 80 * (columns["heating"] == 1) + rng.normal(0, 5, rows)
    return matrix, target


def answers(spec, estimator, matrix):
    return estimator.predict(matrix) if spec.is_regression else estimator.predict_proba(matrix)


def targets(spec, target):
    count = len(spec.classes)
    return target if spec.is_regression else np.digitize(target, np.quantile(target, np.arange(1, count) / count)).astype(float)


COMBINATIONS = [["linear"], ["boosting"], ["forest"], ["linear", "boosting"], ["boosting", "forest"], list(MEMBERS)]


@pytest.mark.parametrize("members", COMBINATIONS, ids="+".join)
@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_each_task_with_each_combination_of_members(task, members, learn, sample):
    spec = learn(members, task)
    matrix, target = sample
    unfitted = build_estimator(spec)
    copied = clone(unfitted)
    assert copied is not unfitted
    with pytest.raises(NotFittedError):
        check_is_fitted(unfitted)
    first = answers(spec, unfitted.fit(matrix, targets(spec, target)), matrix)
    second = answers(spec, copied.fit(matrix, targets(spec, target)), matrix)
    np.testing.assert_array_equal(first, second)
    assert np.isfinite(first).all()
    # The sums of trees differ in the last bits with the number of rows.
    for row in range(5):
        np.testing.assert_allclose(answers(spec, unfitted, matrix[[row]]), first[[row]], rtol=1e-13)
    if spec.is_regression:
        assert first.shape == (len(matrix),)
        assert np.corrcoef(first, target)[0, 1] > 0.9
    else:
        assert first.shape == (len(matrix), len(spec.classes))
        np.testing.assert_allclose(first.sum(axis=1), 1, rtol=1e-12)
        assert ((first >= 0) & (first <= 1)).all()
        np.testing.assert_array_equal(unfitted.classes_, np.arange(len(spec.classes)))
        assert np.mean(first.argmax(axis=1) == targets(spec, target)) > 0.7


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_the_answer_is_the_weighted_average_of_the_members(task, learn, sample):
    matrix, target = sample
    settings = {"linear": {"weight": 3.0}, "boosting": {"trees": 10, "weight": 1.0}}
    both = learn(["linear", "boosting"], task, **settings)
    truth = targets(both, target)

    def fitted(members):
        spec = learn(members, task, **settings)
        estimator = build_estimator(spec)
        return answers(spec, estimator.fit(matrix, truth), matrix)

    expected = (3 * fitted(["linear"]) + fitted(["boosting"])) / 4
    np.testing.assert_allclose(fitted(["linear", "boosting"]), expected, rtol=1e-12)


def test_a_logarithm_is_learnt_and_undone(learn, sample):
    matrix, target = sample
    spec = learn(["linear"], transform="log")
    estimator = build_estimator(spec)
    assert isinstance(estimator, TransformedTargetRegressor)
    plain = build_estimator(learn(["linear"])).fit(matrix, np.log(target))
    np.testing.assert_allclose(estimator.fit(matrix, target).predict(matrix), np.exp(plain.predict(matrix)), rtol=1e-12)


def test_probabilities_follow_the_order_of_the_spec(scorers, specs):
    for name in ("penguins", "credit"):
        scorer, spec = scorers[name], specs[name]
        assert tuple(scorer.score([spec.example()])[0].probabilities) == spec.classes


def test_probabilities_are_of_the_class_that_they_name(scorers, specs, data_folder):
    dataset = load_dataset(specs["penguins"], data_folder)
    labels = [score.label for score in scorers["penguins"].score(dataset.records)]
    truth = [specs["penguins"].classes[int(one)] for one in dataset.target]
    assert np.mean([one == other for one, other in zip(labels, truth, strict=True)]) > 0.97


@pytest.mark.parametrize("members", [["linear"], ["boosting"], ["forest"]], ids="+".join)
def test_a_column_of_unknowns(members, learn, sample, house):
    matrix, target = sample
    names = FeatureEncoder(house).names
    emptied = matrix.copy()
    emptied[:, [names.index("cellar"), names.index("area")]] = np.nan
    spec = learn(members)
    estimator = build_estimator(spec).fit(emptied, target)
    assert np.isfinite(estimator.predict(emptied)).all()
    # What was never known when it learnt makes no difference afterwards.
    known = emptied.copy()
    known[:, names.index("area")] = 0.0
    np.testing.assert_array_equal(estimator.predict(known), estimator.predict(emptied))


def test_an_unknown_choice_is_no_choice(learn, sample, house):
    matrix, target = sample
    position = FeatureEncoder(house).names.index("heating")
    estimator = build_estimator(learn(["linear"])).fit(matrix, target)
    predicted = {}
    for code in (0.0, 1.0, 2.0, np.nan):
        changed = matrix[:1].copy()
        changed[0, position] = code
        predicted[code] = estimator.predict(changed)[0]
    assert len(set(predicted.values())) == 4
    assert predicted[1.0] > max(value for code, value in predicted.items() if code != 1.0)


def test_settings_reach_the_estimator(learn):
    tables = {
        "linear": {"alpha": 4.0, "category_scale": 0.5},
        "boosting": {"trees": 11, "learning_rate": 0.2, "leaves": 7, "rows_per_leaf": 3, "l2": 0.5},
        "forest": {"trees": 12, "rows_per_leaf": 4, "features": 0.25},
    }
    settings = build_estimator(learn(**tables)).get_params()
    assert settings["linear__ridge__alpha"] == 4.0
    assert settings["linear__columntransformer__transformer_weights"] == {"choices": 0.5}
    boosting = (
        "max_iter",
        "learning_rate",
        "max_leaf_nodes",
        "min_samples_leaf",
        "l2_regularization",
        "early_stopping",
        "random_state",
    )
    assert [settings[f"boosting__histgradientboostingregressor__{name}"] for name in boosting] == [11, 0.2, 7, 3, 0.5, False, 3]
    forest = ("n_estimators", "min_samples_leaf", "max_features", "random_state", "n_jobs")
    assert [settings[f"forest__extratreesregressor__{name}"] for name in forest] == [12, 4, 0.25, 3, None]
    logistic = build_estimator(learn(["linear"], "binary", **tables)).get_params()
    assert logistic["logisticregression__C"] == 0.25


def test_difficulty_is_a_regression_of_its_own(house, sample):
    matrix, target = sample
    difficulty = clone(build_difficulty(house)).fit(matrix, np.log(target))
    assert difficulty.predict(matrix).shape == (len(matrix),)


def test_a_field_of_many_choices_is_sparse_for_linear_models_and_a_position_for_trees(house, tree, parse):
    tree["field"][3]["choices"] = [["gas", "Gas"], *([f"c{number}", f"Choice {number}"] for number in range(299))]
    spec = parse(tree)
    position = FeatureEncoder(spec).names.index("heating")
    matrix = np.zeros((4, len(FeatureEncoder(spec).names)))
    matrix[:, position] = [0, 7, 299, np.nan]
    linear, trees = encoded(spec, scaled=True).fit_transform(matrix), encoded(spec).fit_transform(matrix)
    # 7 numbers, 300 and 3 indicators; of each row at most two indicators.
    assert linear.shape == (4, 310)
    assert linear.nnz <= 8
    assert trees.shape == (4, 11)
    np.testing.assert_array_equal(trees[:, 7], [0, 7, 299, -1])


# The encoding that all members share: numbers first, then an indicator per choice.

PLAIN = ("area", "rooms", "garden", "grade", "sold", "log_lot", "area_unknown")
WIDTH = len(PLAIN) + 3 + 3


@pytest.fixture(scope="module")
def names(house):
    return FeatureEncoder(house).names


@pytest.fixture(scope="module")
def encoding(house, sample):
    return encoded(house).fit(sample[0])


@pytest.fixture
def one(sample, names, encoding):
    """Encodes the first row without unknowns, with some values replaced; returns its numbers, heating and cellar."""
    row = sample[0][~np.isnan(sample[0]).any(axis=1)][0]

    def encode(encoding=encoding, **values):
        changed = row.copy()
        for name, value in values.items():
            changed[names.index(name)] = value
        (answer,) = encoding.transform(changed[None, :])
        return dict(zip(PLAIN, answer, strict=False)), answer[-6:-3].tolist(), answer[-3:].tolist()

    return encode


def test_an_unknown_number_is_the_median_and_zero_is_zero(one, sample, names):
    for name in PLAIN:
        assert one(**{name: np.nan})[0][name] == np.nanmedian(sample[0][:, names.index(name)])
        assert one(**{name: 0.0})[0][name] == 0.0


def test_unknown_none_and_each_choice_are_different_indicators(one):
    assert one(cellar=np.nan)[2] == [0, 0, 0]
    assert one(cellar=0.0)[2] == [1, 0, 0]
    assert one(cellar=2.0)[2] == [0, 0, 1]
    assert one(heating=1.0)[1:] == ([0, 1, 0], one()[2])


@pytest.mark.parametrize("code", [3.0, -1.0, 0.5, 1e300])
def test_an_unseen_choice_has_no_indicator(code, one):
    assert one(heating=code)[1] == [0, 0, 0]


def test_a_choice_without_a_row_keeps_its_place(house, sample, names, one):
    matrix = sample[0].copy()
    matrix[:, names.index("heating")] = 2.0
    assert one(encoded(house).fit(matrix), heating=1.0)[1] == [0, 1, 0]


def test_extreme_numbers_stay_finite(one, house, sample):
    assert one(area=1e308)[0]["area"] == 1e308
    assert np.isfinite(one(encoded(house, scaled=True).fit(sample[0]), area=1e300)[0]["area"])


@pytest.mark.parametrize("scaled", [False, True])
def test_one_row_is_encoded_as_among_many(scaled, house, sample):
    encoding = encoded(house, scaled=scaled).fit(sample[0])
    many = encoding.transform(np.tile(sample[0], (40, 1)))
    assert many.shape == (40 * len(sample[0]), WIDTH)
    assert many.dtype == np.float64
    for row in range(10):
        np.testing.assert_array_equal(encoding.transform(sample[0][[row]])[0], many[row])


def test_scaled_numbers_have_variance_one_and_choices_their_height(house, sample):
    numbers, choices = np.split(encoded(house, scaled=True, category_scale=2.5).fit_transform(sample[0]), [len(PLAIN)], axis=1)
    np.testing.assert_allclose(numbers.mean(axis=0), 0, atol=1e-12)
    spread = numbers.std(axis=0)
    np.testing.assert_allclose(spread[spread > 0], 1, rtol=1e-12)
    assert set(np.unique(choices)) == {0.0, 2.5}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda matrix: matrix.astype(str),
        lambda matrix: np.where(np.isnan(matrix), None, "wide"),
        lambda matrix: matrix.astype(complex) * 1j,
        lambda matrix: matrix[:, :-1],
        lambda matrix: np.column_stack([matrix, matrix[:, 0]]),
        lambda matrix: matrix[0],
        lambda matrix: np.where(np.isnan(matrix), np.inf, matrix),
    ],
    ids=["text", "objects", "complex", "a column less", "a column more", "one dimension", "infinity"],
)
def test_a_matrix_of_another_type_or_shape_is_refused(spoil, encoding, sample):
    with pytest.raises((ValueError, TypeError)):
        encoding.transform(spoil(sample[0]))


def test_the_order_of_the_columns_is_that_of_the_spec(encoding, sample, names):
    before = encoding.transform(sample[0][:1])[0]
    for position, name in enumerate(names):
        changed = sample[0][:1].copy()
        changed[0, position] = 1.0 if changed[0, position] != 1.0 else 0.0
        moved = np.flatnonzero(encoding.transform(changed)[0] != before).tolist()
        if name in PLAIN:
            assert moved == [PLAIN.index(name)]
        else:
            first = len(PLAIN) + 3 * (name == "cellar")
            assert moved
            assert set(moved) <= set(range(first, first + 3))
