"""A compiled form that answers otherwise than scikit-learn is refused, by the rows that were chosen to find it out."""

import io
import json
from functools import partial

import joblib
import numpy as np
import pytest
from onnx import TensorProto
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline

from ml_model import ensembles, parity
from ml_model.artifacts import COMPILED, ESTIMATORS, PARITY, TOLERANCE, Calibration, Fitted, Parity, digest, read_bundle
from ml_model.compilation import compile_fitted
from ml_model.compiled import learnt_answers, runtime_version
from ml_model.errors import BundleRefused, ReleaseError
from ml_model.features import FeatureEncoder
from ml_model.parity import certified, certify, compared, drawn_columns, prove_release, trial_rows
from ml_model.pipeline import encoded
from ml_model.releases import read_releases
from ml_model.scoring import load_scorer
from tests.ml_model.compiling import Graph, changed, learnt

KINDS = ["data", "jittered", "thresholds", "unknown", "choices", "extremes", "drawn"]


@pytest.fixture(scope="module")
def path(house_csv, tmp_path_factory):
    path = tmp_path_factory.mktemp("house") / "house.csv"
    path.write_text(house_csv)
    return path


@pytest.fixture(scope="module")
def subjects(specs, path, data_folder):
    """By name a spec, what was learnt, its matrix and its compiled form."""
    made = {
        "linear": (changed(specs["house"], ("linear",)), path),
        "boosting": (changed(specs["house"], ("boosting",), adaptive=False), path),
        "forest": (changed(specs["house"], ("forest",), adaptive=False), path),
        "blend": (changed(specs["house"], ("linear", "boosting", "forest")), path),
        "number": (changed(specs["house"], ("linear",), transform="none", adaptive=True), path),
        "classes": (changed(specs["penguins"], ("linear", "boosting")), data_folder / "penguins.csv"),
    }
    found = {}
    for name, (spec, source) in made.items():
        fitted, matrix = learnt(spec, source)
        found[name] = (spec, fitted, matrix, compile_fitted(fitted))
    return found


def failed(found):
    """Kinds of trial that a certificate fails in."""
    return [kind for kind, trial in found.trials.items() if trial.worst > TOLERANCE or trial.flips]


def sabotaged(subject, spoil, **more):
    """The certificate of a compiled form that was spoiled, which must not hold."""
    spec, fitted, matrix, content = subject
    graph = Graph(content)
    spoil(graph)
    spoiled = graph.content()
    assert spoiled != content
    found = certify(spec, fitted, spoiled, matrix, drawn=2000)
    assert not found.holds
    assert found.reason
    assert found.sha256 == digest(spoiled)
    return found


def test_an_honest_form_is_certified(subjects):
    for spec, fitted, matrix, content in subjects.values():
        found = certify(spec, fitted, content, matrix, drawn=500)
        assert (found.holds, found.reason, failed(found)) == (True, "", [])
        assert (found.tolerance, found.runtime, found.sha256) == (1e-9, runtime_version(), digest(content))
        assert set(found.trials) == set(KINDS) - (set() if found.trials.get("thresholds") else {"thresholds"})
        assert all(trial.rows and 0 <= trial.worst < 1e-12 and not trial.flips for trial in found.trials.values())
        assert found.rows == sum(trial.rows for trial in found.trials.values())
        assert found.worst == max(trial.worst for trial in found.trials.values())


# Sabotage of trees.


def shift(ensemble, by):
    """Moves the threshold of one split in the middle of an ensemble on a number."""

    def spoil(graph):
        node = graph.one("TreeEnsemble", ensemble)
        thresholds, features = graph.tensor(node, "nodes_splits"), graph.attribute(node, "nodes_featureids").ints
        numbers = [position for position, feature in enumerate(features) if feature < 7 and thresholds[position] > 1]
        chosen = numbers[len(numbers) // 2]
        thresholds[chosen] = by(thresholds[chosen])
        graph.set_tensor(node, "nodes_splits", thresholds)

    return spoil


@pytest.mark.parametrize(
    "by",
    [
        lambda threshold: np.nextafter(threshold, -np.inf),
        lambda threshold: threshold * 0.99,
        lambda threshold: threshold * 1.01,
    ],
    ids=["to the next number below", "by -1 %", "by 1 %"],
)
@pytest.mark.parametrize(("name", "ensemble"), [("boosting", 0), ("blend", 0)])
def test_one_threshold_that_moved(by, name, ensemble, subjects):
    found = sabotaged(subjects[name], shift(ensemble, by))
    assert "thresholds" in failed(found)
    assert found.reason.startswith("beyond the tolerance on rows of the kind ")


@pytest.mark.parametrize("name", ["boosting", "blend"])
def test_one_threshold_that_moved_to_the_next_number_is_seen_there_alone(name, subjects):
    """Rows are found on either side of every threshold of every tree, of which 10,000 drawn rows know nothing."""
    found = sabotaged(subjects[name], shift(0, lambda threshold: np.nextafter(threshold, np.inf)))
    assert failed(found) == ["thresholds"]


@pytest.mark.parametrize("by", [-1, 1])
def test_one_threshold_of_a_forest_that_moved_by_one_number_of_single_precision(by, subjects):
    def moved(threshold):
        last = np.float32(threshold)
        if last > threshold:  # rounded up: the largest number of single precision on the left is the one below
            last = np.nextafter(last, np.float32(-np.inf))
        return float(np.nextafter(last, np.float32(by * np.inf)))

    assert "thresholds" in failed(sabotaged(subjects["forest"], shift(0, moved)))


def test_every_split_is_tried(subjects):
    """One after another, each threshold on a number of a boosting is moved by a hair."""
    spec, fitted, matrix, content = subjects["boosting"]
    graph = Graph(content)
    node = graph.one("TreeEnsemble")
    honest, features = graph.tensor(node, "nodes_splits"), graph.attribute(node, "nodes_featureids").ints
    rows = dict(trial_rows(spec, fitted, matrix, drawn=1))["thresholds"]
    rows = np.vstack(list(rows))
    answers = learnt_answers(fitted)
    for position in np.flatnonzero(np.array(features) < 7):
        moved = honest.copy()
        moved[position] = np.nextafter(honest[position], np.inf)
        graph.set_tensor(node, "nodes_splits", moved)
        trial = compared(FeatureEncoder(spec).names, parity.compiled_answers(graph.content()), answers, [rows], labels=False)
        assert trial.worst > TOLERANCE


def single_thresholds(graph):
    node = graph.one("TreeEnsemble")
    graph.set_tensor(node, "nodes_splits", graph.tensor(node, "nodes_splits").astype(np.float32).astype(np.float64))


def single_inputs(graph):
    node = graph.one("TreeEnsemble")
    graph.before(node, "Cast", to=TensorProto.FLOAT)
    graph.before(node, "Cast", to=TensorProto.DOUBLE)


def single_leaves(graph):
    node = graph.one("TreeEnsemble")
    graph.set_tensor(node, "leaf_weights", graph.tensor(node, "leaf_weights").astype(np.float32).astype(np.float64))


@pytest.mark.parametrize("name", ["boosting", "blend"])
def test_trees_in_single_precision(name, subjects):
    assert failed(sabotaged(subjects[name], single_thresholds)) == ["thresholds"]
    assert "thresholds" in failed(sabotaged(subjects[name], single_inputs))


def test_leaves_in_single_precision(subjects):
    """Of a blend as well, but there they err by less than is allowed."""
    assert "data" in failed(sabotaged(subjects["boosting"], single_leaves))


def test_a_forest_without_its_single_precision(subjects):
    def spoil(graph):
        for node in [node for node in graph.all("Cast") if graph.attribute(node, "to").i == TensorProto.FLOAT]:
            after = next(other for other in graph.nodes if list(other.input) == list(node.output))
            graph.bypass(after)
            graph.bypass(node)

    for name in ("forest", "blend"):
        assert "thresholds" in failed(sabotaged(subjects[name], spoil))


def swap_leaves(graph):
    node = graph.one("TreeEnsemble")
    weights = graph.tensor(node, "leaf_weights")
    assert weights[3] != weights[4]
    weights[[3, 4]] = weights[[4, 3]]
    graph.set_tensor(node, "leaf_weights", weights)


def swap_branches(graph):
    node = graph.one("TreeEnsemble")
    one, other = (graph.attribute(node, name) for name in ("nodes_trueleafs", "nodes_falseleafs"))
    position = next(at for at, (left, right) in enumerate(zip(one.ints, other.ints, strict=True)) if left and right)
    one, other = (graph.attribute(node, name) for name in ("nodes_truenodeids", "nodes_falsenodeids"))
    one.ints[position], other.ints[position] = other.ints[position], one.ints[position]


def at_least(graph, ensemble):
    """Sends what lies on a threshold to the other side."""
    node = graph.one("TreeEnsemble", ensemble)
    graph.set_tensor(node, "nodes_modes", np.full_like(graph.tensor(node, "nodes_modes"), 2))


def test_leaves_and_branches_that_were_swapped(subjects):
    for name in ("boosting", "forest", "blend", "classes"):
        assert "data" in failed(sabotaged(subjects[name], swap_leaves))
    for name in ("boosting", "blend", "classes"):
        assert "data" in failed(sabotaged(subjects[name], swap_branches))


def test_a_value_on_a_threshold_that_goes_to_the_other_side(subjects):
    for name in ("boosting", "blend"):
        # A median that stands for what is unknown may lie on a threshold, too.
        found = failed(sabotaged(subjects[name], partial(at_least, ensemble=0)))
        assert "thresholds" in found
        assert not {"data", "jittered", "drawn"} & set(found)


def test_missing_values_that_go_to_the_other_side(subjects):
    """No median takes their place, and so they take the branch of what is above the threshold."""
    for name in ("boosting", "forest", "blend"):
        found = sabotaged(subjects[name], bypass_medians)
        assert "unknown" in failed(found)


def bypass_medians(graph):
    for node in graph.all("Where"):
        for other in graph.nodes:
            for position, name in enumerate(other.input):
                if name == node.output[0]:
                    other.input[position] = node.input[2]


def test_another_median(subjects):
    """Of a feature that no row of the data lacks, the trial of unknown values alone knows."""

    def spoil(graph):
        name = graph.one("Where").input[1]
        medians = graph.values(name)
        rooms = 1
        medians[0, rooms] += 4
        graph.set_values(name, medians)

    for name in ("linear", "forest", "blend"):
        assert failed(sabotaged(subjects[name], spoil)) == ["unknown"]


# Sabotage of the blend and of what is made of the answer.


def weigh(graph, change, position=-1):
    """Changes the weights of a product, by default the last one: a row of them for each number that is added up."""
    name = graph.one("Gemm", position).input[1]
    graph.set_values(name, change(graph.values(name)))


def without_the_last(weights):
    weights[-1] = 0
    return weights


def test_a_member_that_was_dropped(subjects):
    assert failed(sabotaged(subjects["blend"], partial(weigh, change=without_the_last))) == KINDS
    assert "data" in failed(sabotaged(subjects["classes"], partial(weigh, change=without_the_last)))


def test_weights_of_other_members(subjects):
    swapped = partial(weigh, change=lambda weights: np.vstack([weights[:-2], weights[:-3:-1]]))
    assert "data" in failed(sabotaged(subjects["blend"], swapped))
    scaled = partial(weigh, change=lambda weights: weights * (1 + 1e-8))
    assert "data" in failed(sabotaged(subjects["classes"], scaled))


def test_an_exponential_that_is_missing(subjects):
    """That of the price with its difficulty, that of the price alone and that of the difficulty alone."""
    for name in ("blend", "boosting", "number"):
        assert "data" in failed(sabotaged(subjects[name], lambda graph: graph.bypass(graph.one("Exp"))))


def test_coefficients_in_single_precision(subjects):
    rounded = partial(weigh, change=lambda weights: weights.astype(np.float32).astype(np.float64))
    assert "data" in failed(sabotaged(subjects["linear"], rounded))


def test_a_choice_that_is_taken_for_another(subjects):
    def spoil(graph):
        name = graph.one("Equal").input[1]
        codes = graph.values(name)
        codes[0, :2] = codes[0, 1::-1]
        graph.set_values(name, codes)

    assert {"data", "choices"} <= set(failed(sabotaged(subjects["linear"], spoil)))


def test_a_choice_that_was_never_seen(subjects):
    """Taken for the one before it, as no row of the data has it."""

    def spoil(graph):
        graph.before(graph.one("Equal"), "Min", np.array([[1.0, 1.0, 1.0, 2.0, 2.0, 2.0]]))

    assert failed(sabotaged(subjects["linear"], spoil)) == ["choices", "extremes", "drawn"]


def numbers_of(graph):
    """The node that lays numbers and indicators side by side."""
    return next(node for node in graph.all("Concat") if node.input[0] == graph.one("Where").output[0])


def test_numbers_that_are_cut_off_where_the_data_end(subjects):
    _, _, matrix, _ = subjects["linear"]
    most = np.nanmax(matrix, axis=0)[[0, 1, 2, 5, 6, 7, 8]][np.newaxis] * 1.5 + 1

    def spoil(graph):
        graph.before(numbers_of(graph), "Min", most)

    assert failed(sabotaged(subjects["linear"], spoil)) == ["extremes", "drawn"]


def test_numbers_that_are_rounded(subjects):
    """To halves of what the data are written in; the data themselves, and their medians, do not tell."""
    steps = np.array([[20.0, 1, 1, 1, 1, 1e12, 1]])

    def spoil(graph):
        node = numbers_of(graph)
        graph.before(node, "Mul", steps)
        graph.before(node, "Round")
        graph.before(node, "Div", steps)

    found = sabotaged(subjects["linear"], spoil)
    assert "jittered" in failed(found)
    assert "data" not in failed(found)


def test_probabilities_of_other_classes_are_flips(subjects):
    def spoil(graph):
        node = graph.one("Identity")
        graph.before(node, "Gather", np.array([1, 0, 2]), axis=1)

    found = sabotaged(subjects["classes"], spoil)
    assert found.trials["data"].flips > 200
    assert "data" in failed(found)


def test_a_calibration_that_is_left_out(subjects):
    shrunk = partial(weigh, change=lambda weights: weights * 1.0001, position=0)
    assert "data" in failed(sabotaged(subjects["classes"], shrunk))


# A native split on a set of categories.


@pytest.fixture(scope="module")
def categorical(specs, path):
    """A boosting that splits on sets of categories, which the list of estimators does not have."""
    spec = changed(specs["house"], ("boosting",), adaptive=False)
    _, matrix = learnt(spec, path)
    transformer = encoded(spec)
    width = transformer.fit_transform(matrix).shape[1]
    own = HistGradientBoostingRegressor(max_iter=5, categorical_features=list(range(width - 6, width)), min_samples_leaf=2)
    target = np.exp(1 + (matrix[:, 3] == 1) + 2 * (matrix[:, 4] == 2) + matrix[:, 1] / 9)
    estimator = make_pipeline(transformer, own).fit(matrix, target)
    return spec, Fitted(estimator=estimator, calibration=Calibration(level=0.9, quantile=1.0, adaptive=False)), matrix


def test_a_native_split_on_categories_is_not_compiled(categorical):
    spec, fitted, matrix = categorical
    content, found = certified(spec, fitted, matrix)
    assert content is None
    assert found == Parity(
        holds=False, tolerance=TOLERANCE, trials={}, reason="a split on a set of categories cannot be compiled"
    )


def test_a_graph_that_takes_categories_for_numbers_is_refused(categorical, monkeypatch):
    spec, fitted, matrix = categorical

    class Plain:
        """Nodes that all say they split on a number."""

        def __init__(self, nodes):
            self.nodes = nodes

        def __getitem__(self, name):
            return np.zeros(len(self.nodes)) if name == "is_categorical" else self.nodes[name]

    for iteration in fitted.estimator[-1]._predictors:
        for predictor in iteration:
            assert predictor.nodes["is_categorical"].any()
    honest = ensembles.boosted_trees

    def blind(model):
        trees = [[type("Told", (), {"nodes": Plain(one.nodes)}) for one in iteration] for iteration in model._predictors]
        return honest(type("Model", (), {"_predictors": trees}))

    monkeypatch.setattr("ml_model.compilation.boosted_trees", blind)
    monkeypatch.setattr(ensembles, "boosted_trees", blind)
    content, found = certified(spec, fitted, matrix)
    assert content is None
    assert {"data", "choices"} <= set(failed(found))


# What cannot be run at all.


def test_a_form_that_cannot_be_opened_or_run_is_no_reason_to_stop(subjects):
    spec, fitted, matrix, _ = subjects["linear"]
    for spoiled, reason in [
        (b"garbage", "it cannot be run: "),
        (subjects["classes"][3], "it cannot be run: "),
        (subjects["boosting"][3], "it cannot be run: an answer of shape (240, 1) for one of shape (240, 2)"),
    ]:
        found = certify(spec, fitted, spoiled, matrix, drawn=10)
        assert not found.holds
        assert found.reason.startswith(reason)
        assert "\n" not in found.reason
        assert (found.trials, found.sha256) == ({}, digest(spoiled))


def test_an_estimator_that_nobody_knows_is_no_reason_to_stop(subjects):
    spec, fitted, matrix, _ = subjects["linear"]
    transformer = ColumnTransformer([("rest", "passthrough", [1])])
    strange = Fitted(estimator=make_pipeline(transformer, fitted.estimator.regressor_[-1]), calibration=fitted.calibration)
    content, found = certified(spec, strange, matrix)
    assert (content, found.holds) == (None, False)
    assert found.reason


def test_a_form_that_does_not_hold_is_not_handed_out(subjects, monkeypatch):
    spec, fitted, matrix, content = subjects["linear"]
    assert certified(spec, fitted, matrix)[0] == content
    monkeypatch.setattr(parity, "compiled_answers", lambda content: lambda rows: learnt_answers(fitted)(rows) * (1 + 2e-9))
    found, why = certified(spec, fitted, matrix)
    assert (found, why.holds) == (None, False)
    assert why.reason.endswith("worst is 2e-09")


# How far apart answers are.


NAMES = ("one", "two")


def apart(here, there, *, labels=False, parts=None):
    """The trial of some answers beside others."""
    here, there = (np.array(answers, dtype=float) for answers in (here, there))
    rows = np.arange(2.0 * len(here)).reshape(-1, 2)
    first, second = (lambda part, answers=answers: answers[part[:, 0].astype(int) // 2] for answers in (here, there))
    return compared(NAMES, first, second, parts or [rows], labels=labels)


def test_errors_of_numbers_are_relative():
    trial = apart([[100.0], [200.0], [-4.0]], [[100.0], [100.0], [-5.0]])
    assert (trial.rows, trial.worst, trial.worst_row, trial.flips) == (3, 1.0, {"one": 2.0, "two": 3.0}, 0)
    assert apart([[3.0, 1.0]], [[3.0, 1.1]]).worst == pytest.approx(0.1 / 1.1)


def test_errors_of_probabilities_are_absolute():
    trial = apart([[0.25, 0.75], [0.5, 0.5]], [[0.5, 0.5], [0.0, 1.0]], labels=True)
    assert (trial.worst, trial.worst_row) == (0.5, {"one": 2.0, "two": 3.0})


def test_infinities_that_are_the_same_are_no_error():
    assert apart([[np.inf], [np.nan], [0.0]], [[np.inf], [np.nan], [0.0]]).worst == 0.0
    for here, there in ((np.inf, 1.0), (1.0, np.inf), (np.nan, 1.0), (1.0, np.nan), (np.inf, -np.inf), (1e-300, 0.0)):
        assert apart([[1.0], [here]], [[1.0], [there]]).worst == np.finfo(float).max
        assert apart([[1.0], [here]], [[1.0], [there]]).worst_row == {"one": 2.0, "two": 3.0}


def test_another_class_is_a_flip_unless_both_are_equally_probable():
    there = [[0.5, 0.5 - 1e-13, 0.0], [0.5 - 1e-13, 0.5, 0.0], [0.5, 0.5 - 1e-11, 0.0], [0.2, 0.2, 0.6]]
    here = [[0.5 - 1e-13, 0.5, 0.0], [0.5, 0.5, 0.0], [0.5 - 1e-11, 0.5, 0.0], [0.2, 0.2, 0.6]]
    assert apart(here, there, labels=True).flips == 1
    assert apart([[0.1, 0.9]], [[0.9, 0.1]], labels=True).flips == 1
    assert apart([[0.1, 0.9]], [[0.9, 0.1]]).flips == 0


def test_parts_add_up():
    here, there = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]], [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]
    rows = np.arange(6.0).reshape(-1, 2)
    whole, parts = apart(here, there, labels=True), apart(here, there, labels=True, parts=[rows[:1], rows[1:2], rows[2:]])
    assert whole == parts
    assert (whole.rows, whole.flips) == (3, 2)


def test_an_unknown_feature_of_the_worst_row_is_null():
    trial = compared(NAMES, lambda rows: rows[:, :1] + 1, lambda rows: rows[:, :1], [np.array([[1.0, np.nan]])], labels=False)
    assert trial.worst_row == {"one": 1.0, "two": None}


def test_flips_alone_are_enough_to_fail(subjects, monkeypatch):
    spec, fitted, matrix, content = subjects["classes"]

    def flipped(names, answers, learnt_ones, parts, *, labels):
        trial = compared(names, answers, learnt_ones, parts, labels=labels)
        return trial.model_copy(update={"flips": 1}) if trial.rows == 344 else trial

    monkeypatch.setattr(parity, "compared", flipped)
    found = certify(spec, fitted, content, matrix, drawn=10)
    assert not found.holds
    assert found.reason.startswith("beyond the tolerance on rows of the kind data, jittered; worst is ")


# The rows of the trials.


@pytest.fixture(scope="module")
def rows(subjects):
    spec, fitted, matrix, _ = subjects["blend"]
    return {kind: np.vstack(list(parts)) for kind, parts in trial_rows(spec, fitted, matrix, drawn=3000)}


def test_kinds_of_rows(rows, subjects):
    matrix = subjects["blend"][2]
    assert list(rows) == KINDS
    assert all(part.shape[1] == matrix.shape[1] for part in rows.values())
    np.testing.assert_array_equal(rows["data"], matrix)
    assert (len(rows["extremes"]), len(rows["drawn"])) == (1000, 3000)


def test_jittered_rows_leave_choices_alone(rows, subjects):
    spec, _, matrix, _ = subjects["blend"]
    choices = list(FeatureEncoder(spec).choices)
    numbers = [position for position in range(matrix.shape[1]) if position not in choices]
    np.testing.assert_array_equal(rows["jittered"][:, choices], matrix[:, choices])
    np.testing.assert_array_equal(np.isnan(rows["jittered"]), np.isnan(matrix))
    moved = (rows["jittered"] - matrix)[:, numbers]
    assert np.nanstd(moved, axis=0) == pytest.approx(0.05 * np.nanstd(matrix[:, numbers], axis=0), rel=0.3)


def test_rows_on_thresholds_stand_on_both_sides_in_both_precisions(rows, subjects):
    _, fitted, matrix, _ = subjects["blend"]
    positions, thresholds, found = ensembles.splits_on_numbers(fitted, matrix)
    parts = rows["thresholds"].reshape(5, len(positions), -1)
    values = parts[:, np.arange(len(positions)), positions]
    np.testing.assert_array_equal(values[0], thresholds)
    assert (values[1] < thresholds).all()
    np.testing.assert_array_equal(np.nextafter(values[1], np.inf), thresholds)
    np.testing.assert_array_equal(np.nextafter(values[2], -np.inf), thresholds)
    single = thresholds.astype(np.float32)
    assert (values[3].astype(np.float32) < single).all()
    assert (values[4].astype(np.float32) > single).all()
    rest = parts[0].copy()
    rest[np.arange(len(positions)), positions] = matrix[found, positions]
    np.testing.assert_array_equal(rest, matrix[found])


def test_many_thresholds_come_in_parts(subjects, monkeypatch):
    spec, fitted, matrix, _ = subjects["blend"]
    whole = list(dict(trial_rows(spec, fitted, matrix))["thresholds"])
    monkeypatch.setattr(parity, "_AT_ONCE", 100)
    parts = list(dict(trial_rows(spec, fitted, matrix))["thresholds"])
    assert max(map(len, parts)) == 100
    assert sum(map(len, parts)) == sum(map(len, whole))
    assert {part.tobytes() for part in np.vstack(parts)} == {part.tobytes() for part in np.vstack(whole)}


def test_rows_with_unknowns_lack_each_feature_alone_some_and_all(rows, subjects):
    matrix = subjects["blend"][2]
    width = matrix.shape[1]
    lacking = np.isnan(rows["unknown"])
    assert lacking[np.arange(width), np.arange(width)].all()
    assert lacking[:width].sum() < 3 * width
    assert lacking[-1].all()
    assert 0.05 < lacking[width:-1].mean() - np.isnan(matrix).mean() < 0.15


def test_rows_of_choices_have_each_and_one_that_is_none(rows, subjects):
    spec = subjects["blend"][0]
    choices = FeatureEncoder(spec).choices
    assert len(rows["choices"]) == sum(choices.values()) + len(choices)
    for position, count in choices.items():
        assert set(range(count + 1)) <= set(rows["choices"][:, position][~np.isnan(rows["choices"][:, position])].astype(int))


@pytest.mark.parametrize("name", ["house", "penguins", "credit", "concrete"])
def test_drawn_values_are_what_a_record_may_hold(name, specs):
    spec = specs[name]
    for ends in (False, True):
        columns = drawn_columns(spec, np.random.default_rng(1), 2000, ends_alone=ends)
        assert list(columns) == list(spec.fields)
        for field in spec.field:
            column = columns[field.name]
            unknown = np.isnan(column)
            assert unknown.any() != field.required
            values = column[~unknown]
            assert len(np.unique(values)) == (2 if ends else len(np.unique(values)))
            if field.choices:
                assert set(values) == ({0.0, len(field.choices) - 1.0} if ends else set(map(float, field.codes.values())))
            elif field.range:
                assert values.min() >= field.range[0]
                assert values.max() <= field.range[1]
                if ends:
                    assert set(values) == set(field.range)
                else:
                    assert values.max() - values.min() > 0.9 * (field.range[1] - field.range[0])
                assert field.kind == "number" or (values == values.round()).all()
            elif field.kind == "date":
                days = values.astype(int).astype("datetime64[D]")
                assert str(days.min()) >= field.earliest
                assert str(days.max()) <= field.latest
                assert (days.max() - days.min()).astype(int) > 10_000
            else:
                assert set(values) == {0.0, 1.0}


def test_a_feature_that_no_row_knows_is_no_reason_to_fail(subjects):
    spec, _, matrix, _ = subjects["linear"]
    matrix = matrix.copy()
    matrix[:, 2] = np.nan
    estimator = make_pipeline(encoded(spec), HistGradientBoostingRegressor(max_iter=3)).fit(matrix, matrix[:, 1] + 1.0)
    fitted = Fitted(estimator=estimator, calibration=Calibration(level=0.9, quantile=1.0, adaptive=False))
    content, found = certified(spec, fitted, matrix)
    assert found.reason == ""
    assert content


# The certificate of a release, made anew.


def spoiled_estimators(trained, way):
    """The estimators of the release with something changed."""
    bundle = read_bundle(trained / "1.0.0", read_releases(trained).manifest_of("1.0.0"))
    learnt_before = {"estimator": bundle.fitted.estimator, "difficulty": bundle.fitted.difficulty}
    way(learnt_before)
    buffer = io.BytesIO()
    joblib.dump(learnt_before, buffer)
    return buffer.getvalue()


def test_a_release_is_proved_on_its_data(trained, path, house, tmp_path):
    (tmp_path / "houses.csv").write_bytes(path.read_bytes())
    found = prove_release("1.0.0", trained, folder=tmp_path)
    listed = load_scorer(trained=trained).parity
    assert found == listed
    assert found.trials["data"].rows == 240


@pytest.mark.parametrize("content", [None, "", "a,b\n1,2\n"], ids=["no file", "an empty file", "other columns"])
def test_a_release_is_proved_on_drawn_rows_where_its_data_cannot_be_read(content, trained, tmp_path):
    if content is not None:
        (tmp_path / "houses.csv").write_text(content)
    found = prove_release("1.0.0", trained, folder=tmp_path)
    assert found.holds
    assert found.trials["data"].rows == 20_000


def test_a_release_is_proved_on_data_that_have_changed(trained, path, tmp_path):
    header, first, *rest = path.read_text().splitlines()
    (tmp_path / "houses.csv").write_text("\n".join([header, first, *rest[:100]]) + "\n")
    assert prove_release("1.0.0", trained, folder=tmp_path).trials["data"].rows == 101
    (tmp_path / "houses.csv").write_text("\n".join([header, first.replace("gas", "coal").replace("oil", "coal"), *rest]) + "\n")
    assert prove_release("1.0.0", trained, folder=tmp_path).trials["data"].rows == 20_000


def test_a_release_without_a_compiled_form_has_nothing_to_prove(trained, relist):
    told = json.loads((trained / "1.0.0" / PARITY).read_text()) | {"holds": False}
    manifest = json.loads((trained / "1.0.0" / "manifest.json").read_text())
    (trained / "1.0.0" / COMPILED).unlink()
    del manifest["files"][COMPILED]
    relist(trained, {"manifest.json": json.dumps(manifest).encode(), PARITY: json.dumps(told).encode()})
    assert prove_release("1.0.0", trained) is None


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        (lambda one: one["difficulty"][-1].coef_.__imul__(1.01), "golden record 0 gets .* by scikit-learn, and got"),
        (lambda one: one.update(difficulty=None), "golden record"),
        (lambda one: one.update(estimator=None), "golden records cannot be scored"),
    ],
)
def test_estimators_that_learnt_something_else_are_found(way, reason, trained, relist, tmp_path):
    relist(trained, {ESTIMATORS: spoiled_estimators(trained, way)})
    assert load_scorer(trained=trained).runtime == "onnxruntime"
    with pytest.raises(BundleRefused, match=f"release bundle 1.0.0 refused: .*{reason}"):
        prove_release("1.0.0", trained, folder=tmp_path)


def test_estimators_of_another_release_are_found(trained, relist, released, tmp_path):
    relist(trained, {ESTIMATORS: (released["concrete"] / "1.0.0" / ESTIMATORS).read_bytes()})
    assert load_scorer(trained=trained).runtime == "onnxruntime"
    with pytest.raises(BundleRefused, match="its golden records cannot be scored"):
        prove_release("1.0.0", trained, folder=tmp_path)


def test_a_difference_that_golden_records_do_not_know_is_found(trained, relist, path, tmp_path):
    """A choice that no row of the data has costs something by the estimators alone."""

    def way(one):
        ridge = one["estimator"].regressor_.estimators_[0]
        wood = 7 + 2
        ridge[-1].coef_[wood] = 0.5

    (tmp_path / "houses.csv").write_bytes(path.read_bytes())
    relist(trained, {ESTIMATORS: spoiled_estimators(trained, way)})
    assert load_scorer(trained=trained).runtime == "onnxruntime"
    why = (
        r"1\.0\.0 refused: model\.onnx does not answer as pipeline\.joblib does: .* on rows of the kind choices, extremes, drawn;"
    )
    with pytest.raises(BundleRefused, match=why):
        prove_release("1.0.0", trained, folder=tmp_path)


def test_a_compiled_form_that_was_spoiled_and_certified_by_hand_is_found(trained, relist, path, tmp_path):
    """Every digest is right, the certificate says what it should, and the golden records get their answers."""
    graph = Graph((trained / "1.0.0" / COMPILED).read_bytes())
    shift(0, lambda threshold: np.nextafter(threshold, np.inf))(graph)
    told = json.loads((trained / "1.0.0" / PARITY).read_text()) | {"sha256": digest(graph.content())}
    relist(trained, {COMPILED: graph.content(), PARITY: json.dumps(told).encode()})
    (tmp_path / "houses.csv").write_bytes(path.read_bytes())
    assert load_scorer(trained=trained).runtime == "onnxruntime"
    with pytest.raises(BundleRefused, match=r"does not answer as pipeline\.joblib does: .* of the kind thresholds; worst is"):
        prove_release("1.0.0", trained, folder=tmp_path)


def test_a_release_that_is_not_listed_has_no_proof(trained):
    with pytest.raises(ReleaseError, match="is not listed"):
        prove_release("2.0.0", trained)


def test_a_certificate_is_the_same_each_time(subjects):
    spec, fitted, matrix, content = subjects["blend"]
    assert certify(spec, fitted, content, matrix, drawn=100) == certify(spec, fitted, content, matrix, drawn=100)
