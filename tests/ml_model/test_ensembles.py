import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline

from ml_model.artifacts import Fitted
from ml_model.ensembles import boosted_trees, forest_trees, splits_on_numbers
from ml_model.errors import CompilationError
from ml_model.features import FeatureEncoder
from ml_model.pipeline import encoded
from tests.ml_model.compiling import changed, learnt


@pytest.fixture(scope="module")
def path(house_csv, tmp_path_factory):
    path = tmp_path_factory.mktemp("house") / "house.csv"
    path.write_text(house_csv)
    return path


def summed(trees, rows, targets=1):
    """What trees answer, by the book: one row and one node after another."""
    answers = np.zeros((len(rows), targets))
    for tree in trees:
        for position, row in enumerate(rows):
            node = 0
            while not tree.leaf[node]:
                node = tree.left[node] if row[tree.feature[node]] <= tree.threshold[node] else tree.right[node]
            answers[position, tree.target] += tree.value[node]
    return answers


def test_trees_of_a_boosting_are_all_of_it(house, path):
    fitted, matrix = learnt(changed(house, ("boosting",)), path)
    pipeline = fitted.estimator.regressor_
    rows = pipeline[0].transform(matrix[:40])
    trees = boosted_trees(pipeline[-1])
    assert len(trees) == 8
    assert {tree.target for tree in trees} == {0}
    found = summed(trees, rows)[:, 0] + pipeline[-1]._baseline_prediction[0, 0]
    np.testing.assert_allclose(found, pipeline[-1].predict(rows), rtol=1e-13)


def test_trees_of_a_forest_are_all_of_it(house, path):
    fitted, matrix = learnt(changed(house, ("forest",)), path)
    pipeline = fitted.estimator.regressor_
    rows = pipeline[0].transform(matrix[:40])
    trees = forest_trees(pipeline[-1])
    assert len(trees) == 6
    np.testing.assert_allclose(summed(trees, rows.astype(np.float32))[:, 0], pipeline[-1].predict(rows), rtol=1e-13)


@pytest.mark.parametrize(("name", "outcomes"), [("credit", [1]), ("penguins", [0, 1, 2])])
def test_trees_of_classes_have_a_target_each(name, outcomes, specs, data_folder):
    """Of two classes the share of the second says all."""
    fitted, matrix = learnt(changed(specs[name], ("forest",)), data_folder / f"{name}.csv", 200 if name == "credit" else None)
    pipeline = getattr(fitted.estimator, "calibrated_classifiers_", [fitted])[0].estimator
    rows = pipeline[0].transform(matrix[:20])
    trees = forest_trees(pipeline[-1])
    assert len(trees) == 6 * len(outcomes)
    expected = pipeline[-1].predict_proba(rows)[:, outcomes]
    np.testing.assert_allclose(summed(trees, rows.astype(np.float32), len(outcomes)), expected, rtol=1e-13, atol=1e-15)


def test_a_split_on_a_set_of_categories_is_refused(house, path):
    _, matrix = learnt(changed(house, ("linear",)), path)
    rows = encoded(house).fit_transform(matrix)
    model = HistGradientBoostingRegressor(max_iter=3, categorical_features=list(range(rows.shape[1] - 6, rows.shape[1])))
    model.fit(rows, matrix[:, 3] + 10 * matrix[:, 4] == 1.0)
    with pytest.raises(CompilationError, match="a split on a set of categories cannot be compiled"):
        boosted_trees(model)


def comes_by(tree, row):
    """The nodes that a row comes by."""
    node, nodes = 0, [0]
    while not tree.leaf[node]:
        node = int(tree.left[node] if row[tree.feature[node]] <= tree.threshold[node] else tree.right[node])
        nodes.append(node)
    return nodes


@pytest.mark.parametrize(
    ("member", "on_thresholds"), [("boosting", False), ("boosting", True), ("forest", False), ("forest", True)]
)
def test_splits_come_with_a_row_that_comes_by_them(member, on_thresholds, house, path):
    fitted, matrix = learnt(changed(house, (member,)), path)
    positions, thresholds, rows = splits_on_numbers(fitted, matrix)
    if on_thresholds:
        # Rows that stand on the very thresholds, in every tree that has them.
        matrix = matrix[rows]
        matrix[np.arange(len(rows)), positions] = thresholds
        matrix = matrix[::-1]
        positions, thresholds, rows = splits_on_numbers(fitted, matrix)
    pipeline = fitted.estimator.regressor_
    numbers = [position for position in range(matrix.shape[1]) if position not in FeatureEncoder(house).choices]
    trees = boosted_trees(pipeline[-1]) if member == "boosting" else forest_trees(pipeline[-1])
    coded = pipeline[0].transform(matrix)
    coded = coded.astype(np.float32) if member == "forest" else coded
    split = 0
    for tree in trees:
        for node in np.flatnonzero(~tree.leaf & (tree.feature < len(numbers))):
            assert positions[split] == numbers[tree.feature[node]]
            assert thresholds[split] == tree.threshold[node]
            assert node in comes_by(tree, coded[rows[split]])
            split += 1
    assert split == len(positions) == len(thresholds) == len(rows) > 40


def test_a_split_that_no_row_comes_by_has_the_first(house, path):
    fitted, matrix = learnt(changed(house, ("forest",)), path)
    _, _, rows = splits_on_numbers(fitted, matrix[:1])
    assert set(rows.tolist()) == {0}


def test_linear_models_have_no_splits(house, path, specs, data_folder):
    for spec, source in ((house, path), (specs["penguins"], data_folder / "penguins.csv")):
        fitted, matrix = learnt(changed(spec, ("linear",)), source)
        assert [len(one) for one in splits_on_numbers(fitted, matrix)] == [0, 0, 0]


@pytest.mark.parametrize("name", ["house", "penguins"])
def test_splits_of_every_member_are_found(name, specs, path, data_folder):
    source = path if name == "house" else data_folder / "penguins.csv"
    found = {}
    for members in (("boosting",), ("forest",), ("linear", "boosting", "forest")):
        fitted, matrix = learnt(changed(specs[name], members), source)
        found[members] = len(splits_on_numbers(fitted, matrix)[0])
    assert found[("linear", "boosting", "forest")] == found[("boosting",)] + found[("forest",)]


def test_a_pipeline_of_numbers_alone(house, path, tree, parse):
    tree["field"] = [field for field in tree["field"] if field["name"] in ("area", "rooms")]
    tree["derived"] = []
    fitted, matrix = learnt(changed(parse(tree), ("boosting",)), path)
    assert set(splits_on_numbers(fitted, matrix)[0]) == {0, 1}
    plain = make_pipeline(encoded(parse(tree)), HistGradientBoostingRegressor(max_iter=1, max_leaf_nodes=2)).fit(
        matrix, matrix[:, 1]
    )
    positions, thresholds, _ = splits_on_numbers(Fitted(estimator=plain), matrix)
    assert (positions.tolist(), len(thresholds)) == ([1], 1)
