"""Every estimator that a spec can ask for is compiled to a graph that answers the same."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Lasso, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ml_model.artifacts import Calibration, Fitted, digest
from ml_model.compilation import compile_fitted
from ml_model.compiled import compiled_answers, learnt_answers
from ml_model.data import read_table, read_target, records_of
from ml_model.errors import CompilationError
from ml_model.features import FeatureEncoder
from ml_model.parity import certify
from ml_model.pipeline import build_estimator, encoded
from ml_model.records import RecordValidator
from tests.ml_model.compiling import BLENDS, Graph, changed, learnt

ROWS = 400
NUMBER = Calibration(level=0.9, quantile=1.0, adaptive=False)
TASKS = {
    "a number, one width": ("concrete", {"transform": "none", "adaptive": False}),
    "a number, many widths": ("concrete", {"transform": "none", "adaptive": True}),
    "a logarithm, many widths": ("house", {"transform": "log", "adaptive": True}),
    "a logarithm, one width": ("house", {"transform": "log", "adaptive": False}),
    "two classes": ("credit", {}),
    "three classes": ("penguins", {}),
}


@pytest.fixture(scope="module")
def paths(data_folder, house_csv, tmp_path_factory):
    path = tmp_path_factory.mktemp("house") / "house.csv"
    path.write_text(house_csv)
    return {"house": path, **{name: data_folder / f"{name}.csv" for name in ("concrete", "credit", "penguins")}}


def proved(spec, fitted, matrix):
    """The certificate of what was learnt, which must hold by far."""
    parity = certify(spec, fitted, compile_fitted(fitted), matrix, drawn=500)
    assert (parity.holds, parity.reason) == (True, "")
    # Of a number that is no logarithm the relative error grows where summands cancel each other out.
    assert parity.worst < (1e-11 if spec.is_regression and spec.target.transform == "none" else 1e-12)
    assert parity.trials["data"].worst < 1e-12
    assert sum(trial.flips for trial in parity.trials.values()) == 0
    return parity


@pytest.mark.parametrize("members", BLENDS, ids="+".join)
@pytest.mark.parametrize("task", TASKS)
def test_every_estimator_is_compiled_to_the_same(task, members, specs, paths):
    name, changes = TASKS[task]
    spec = changed(specs[name], members, **changes)
    fitted, matrix = learnt(spec, paths[name], ROWS)
    parity = proved(spec, fitted, matrix)
    expected = {"data", "jittered", "unknown", "extremes", "drawn"}
    expected |= {"thresholds"} if set(members) != {"linear"} else set()
    expected |= {"choices"} if name != "concrete" else set()
    assert set(parity.trials) == expected
    assert parity.trials["data"].rows == len(matrix)


@pytest.mark.parametrize("members", [("boosting",), ("forest",)])
@pytest.mark.parametrize("name", ["concrete", "credit", "penguins"])
def test_trees_of_a_single_leaf(name, members, specs, paths):
    spec = changed(specs[name], members, boosting={"rows_per_leaf": 100_000}, forest={"rows_per_leaf": 100_000})
    fitted, matrix = learnt(spec, paths[name], 150 if name != "penguins" else None)
    parity = proved(spec, fitted, matrix)
    assert "thresholds" not in parity.trials


@pytest.mark.parametrize("members", [("linear",), ("forest", "linear")])
def test_indicators_of_another_height(members, specs, paths):
    spec = changed(specs["house"], members, linear={"category_scale": 2.5})
    proved(spec, *learnt(spec, paths["house"]))


def test_a_spec_without_choices_and_one_without_numbers(tree, parse, paths):
    kept = {"numbers": ("area", "rooms"), "choices": ("heating", "cellar")}
    fields, tree["derived"] = tree["field"], []
    for names in kept.values():
        tree["field"] = [field for field in fields if field["name"] in names]
        spec = changed(parse(tree), ("linear", "boosting", "forest"))
        proved(spec, *learnt(spec, paths["house"]))


@pytest.mark.parametrize("name", ["house", "credit", "penguins"])
def test_the_same_is_compiled_to_the_same_bytes(name, specs, paths):
    spec = changed(specs[name], ("linear", "boosting", "forest"))
    first, second = (learnt(spec, paths[name], ROWS)[0] for _ in range(2))
    assert digest(compile_fitted(first)) == digest(compile_fitted(first)) == digest(compile_fitted(second))


def test_the_graph_is_checked_in_double_precision_and_of_standard_operations(specs, paths):
    spec = changed(specs["house"], ("linear", "boosting", "forest"))
    fitted, matrix = learnt(spec, paths["house"])
    model = onnx.load_from_string(compile_fitted(fitted))
    onnx.checker.check_model(model, full_check=True)
    assert {one.domain: one.version for one in model.opset_import} == {"": 21, "ai.onnx.ml": 5}
    (given,), (answered,) = model.graph.input, model.graph.output
    assert (given.name, answered.name) == ("matrix", "answers")
    assert given.type.tensor_type.elem_type == answered.type.tensor_type.elem_type == TensorProto.DOUBLE
    assert given.type.tensor_type.shape.dim[1].dim_value == matrix.shape[1]
    assert {tensor.data_type for tensor in model.graph.initializer} == {TensorProto.DOUBLE, TensorProto.INT64}
    # What is shared is written once: the medians, the indicators, and one product for all sums.
    graph = Graph(model.SerializeToString())
    assert [len(graph.all(operation)) for operation in ("IsNaN", "Equal", "TreeEnsemble", "Gemm", "Exp")] == [1, 1, 2, 1, 1]


def test_rows_may_be_one_or_many(specs, paths):
    spec = changed(specs["penguins"], ("linear", "forest"))
    fitted, matrix = learnt(spec, paths["penguins"])
    answers = compiled_answers(compile_fitted(fitted))
    together = answers(matrix[:50])
    np.testing.assert_allclose(np.vstack([answers(row[np.newaxis]) for row in matrix[:50]]), together, rtol=1e-13)
    assert answers(matrix[:0]).shape == (0, 3)


# What is not on the list.


def fit(estimator, paths, spec):
    _, matrix = learnt(spec, paths["house"])
    return estimator.fit(matrix, np.arange(len(matrix)) % 2 + 1.0)


@pytest.mark.parametrize(
    ("build", "part"),
    [
        (lambda spec: DummyRegressor(), "DummyRegressor"),
        (lambda spec: make_pipeline(encoded(spec), GradientBoostingRegressor(n_estimators=2)), "GradientBoostingRegressor"),
        (lambda spec: make_pipeline(encoded(spec), Lasso()), "Lasso"),
        (lambda spec: make_pipeline(encoded(spec, scaled=True), HistGradientBoostingRegressor(max_iter=2)), "scaled features"),
        (
            lambda spec: TransformedTargetRegressor(make_pipeline(encoded(spec), Ridge()), func=np.log1p, inverse_func=np.expm1),
            "TransformedTargetRegressor",
        ),
    ],
)
def test_another_regression_is_not_compiled(build, part, house, paths):
    fitted = Fitted(estimator=fit(build(house), paths, changed(house, ("linear",))), calibration=NUMBER)
    with pytest.raises(CompilationError, match=f"{part} cannot be compiled$"):
        compile_fitted(fitted)


def test_trees_over_numbers_that_are_shifted_alone_are_not_compiled(house, paths):
    estimator = fit(make_pipeline(encoded(house, scaled=True), HistGradientBoostingRegressor(max_iter=2)), paths, house)
    scaler = estimator[0].named_transformers_["numbers"][1]
    scaler.scale_[:] = 1.0
    with pytest.raises(CompilationError, match="scaled features"):
        compile_fitted(Fitted(estimator=estimator, calibration=NUMBER))


def test_another_difficulty_is_not_compiled(house, paths):
    spec = changed(house, ("linear",))
    ridge = fit(build_estimator(spec), paths, spec)
    difficulty = fit(make_pipeline(encoded(spec), Lasso()), paths, spec)
    with pytest.raises(CompilationError, match="Lasso cannot be compiled"):
        compile_fitted(Fitted(estimator=ridge, calibration=NUMBER, difficulty=difficulty))


@pytest.mark.parametrize(
    ("build", "part"),
    [
        (lambda spec: DummyClassifier(), "DummyClassifier"),
        (lambda spec: make_pipeline(encoded(spec), KNeighborsClassifier()), "KNeighborsClassifier"),
        (
            lambda spec: CalibratedClassifierCV(build_estimator(spec), method="isotonic", ensemble=False),
            "calibration by isotonic",
        ),
        (lambda spec: CalibratedClassifierCV(build_estimator(spec), method="temperature"), "CalibratedClassifierCV"),
    ],
)
def test_another_classification_is_not_compiled(build, part, specs, paths):
    spec = changed(specs["penguins"], ("linear",))
    _, matrix = learnt(spec, paths["penguins"])
    estimator = build(spec).fit(matrix, np.arange(len(matrix)) % 3)
    with pytest.raises(CompilationError, match=f"{part} cannot be compiled"):
        compile_fitted(Fitted(estimator=estimator))


def test_a_blend_that_votes_by_class_is_not_compiled(specs, paths):
    spec = changed(specs["penguins"], ("linear", "forest"))
    _, matrix = learnt(spec, paths["penguins"])
    blend = build_estimator(spec).fit(matrix, np.arange(len(matrix)) % 3)
    blend.voting = "hard"
    with pytest.raises(CompilationError, match="VotingClassifier cannot be compiled"):
        compile_fitted(Fitted(estimator=blend))


@pytest.mark.parametrize("method", ["none", "sigmoid", "temperature"])
@pytest.mark.parametrize("members", [("linear",), ("boosting",), ("forest",), ("linear", "boosting", "forest")], ids="+".join)
@pytest.mark.parametrize("name", ["credit", "penguins"])
def test_each_calibration_is_compiled(name, members, method, specs, paths):
    if (name, method) == ("penguins", "sigmoid") or (name, members, method) == ("credit", ("forest",), "temperature"):
        pytest.skip("never chosen")
    spec = changed(specs[name], members)
    table = read_table(paths[name])[:ROWS]
    matrix = FeatureEncoder(spec).matrix(RecordValidator(spec).validate(records_of(table, spec)))
    estimator = build_estimator(spec)
    if method != "none":
        estimator = CalibratedClassifierCV(estimator, method=method, ensemble=False)
    fitted = Fitted(estimator=estimator.fit(matrix, read_target(spec, table)))
    found, expected = (answers(matrix) for answers in (compiled_answers(compile_fitted(fitted)), learnt_answers(fitted)))
    np.testing.assert_allclose(found, expected, atol=1e-13)


def test_numbers_of_another_weight(house, paths):
    """Means, variances and weights of the features are taken into the coefficients of a linear model."""
    _, matrix = learnt(changed(house, ("linear",)), paths["house"])
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    transformer = ColumnTransformer([("numbers", numbers, list(range(matrix.shape[1])))], transformer_weights={"numbers": 3.0})
    estimator = make_pipeline(transformer, Ridge()).fit(matrix, np.arange(len(matrix)))
    fitted = Fitted(estimator=estimator, calibration=NUMBER)
    found, expected = (answers(matrix) for answers in (compiled_answers(compile_fitted(fitted)), learnt_answers(fitted)))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
