"""Compilation: what scikit-learn learnt, as a graph of operations in double precision (ONNX) that ``compiled`` runs.

Written for the closed list of estimators that ``pipeline`` builds. A general converter was tried instead: its trees answer in
single precision, it knows no transformed target, and what it would take off is shorter than what would correct it
(``docs/decisions.md``). Nothing of this is believed: ``parity`` compares the graph with scikit-learn before it may answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline

from ml_model.artifacts import Fitted
from ml_model.ensembles import Tree, boosted_trees, forest_trees
from ml_model.errors import CompilationError

Vector = npt.NDArray[np.float64]
_OPSET, _ML_OPSET = 21, 5
_GT = 3
"""Mode of a split in ONNX's TreeEnsemble: the true branch where the feature is above the threshold.

onnxruntime lays the other branch beside the split, and most rows take that one: a choice is another one than the split's."""
_SUM = 1
_SMALLEST_PROBABILITY = 1e-12
"""What scikit-learn's temperature scaling adds to a probability before its logarithm."""


@dataclass(frozen=True)
class _Encoded:
    """The output of a ``ColumnTransformer``, whose scaling linear models take into their coefficients."""

    name: str
    factor: Vector
    shift: Vector


@dataclass(frozen=True)
class _Affine:
    """Named matrices, each times a matrix of weights, and a constant: what can be one product, however many summands it had."""

    weights: Mapping[str, Vector]
    """By the name of (n, columns): (columns, targets)."""
    constant: Vector
    """Shape (targets,)."""

    def __add__(self, other: _Affine) -> _Affine:
        weights = dict(self.weights)
        for name, more in other.weights.items():
            weights[name] = weights[name] + more if name in weights else more
        return _Affine(weights, self.constant + other.constant)

    def times(self, factor: Vector | float) -> _Affine:
        """Return each target times its factor."""
        return _Affine({name: weights * factor for name, weights in self.weights.items()}, self.constant * factor)

    def target(self, position: int) -> _Affine:
        """Return one of the targets."""
        here = slice(position, position + 1)
        return _Affine({name: weights[:, here] for name, weights in self.weights.items()}, self.constant[here])

    def beside(self, other: _Affine) -> _Affine:
        """Return the targets of both."""
        left, right = len(self.constant), len(other.constant)
        widened = [
            _Affine({name: np.pad(weights, ((0, 0), pads)) for name, weights in one.weights.items()}, np.pad(one.constant, pads))
            for one, pads in ((self, (0, right)), (other, (left, 0)))
        ]
        return widened[0] + widened[1]


def compile_fitted(fitted: Fitted) -> bytes:
    """Return the ONNX model of what was learnt; raise CompilationError where a part of it cannot be said in ONNX.

    Input ``matrix`` (n, features), float64, as the feature layer makes it; output ``answers``, float64, as ``compiled`` says.
    """
    writer, estimator = _Writer(), fitted.estimator
    output = writer.classes(estimator) if fitted.calibration is None else writer.numbers(estimator, fitted.difficulty)
    return writer.model(output, features=estimator.n_features_in_)


class _Writer:
    """Collects nodes and constants; the same operation on the same inputs is written once."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._written: dict[object, str] = {}

    def model(self, output: str, *, features: int) -> bytes:
        self._nodes.append(helper.make_node("Identity", [output], ["answers"]))
        graph = helper.make_graph(
            self._nodes,
            "inhouse",
            [helper.make_tensor_value_info("matrix", TensorProto.DOUBLE, [None, features])],
            [helper.make_tensor_value_info("answers", TensorProto.DOUBLE, [None, None])],
            self._constants,
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="inhouse")
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def add(self, operation: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        key = (operation, inputs, repr(sorted(attributes.items())))
        if key not in self._written:
            name = f"{operation.lower()}_{len(self._nodes)}"
            self._nodes.append(helper.make_node(operation, inputs, [name], domain=domain, **attributes))
            self._written[key] = name
        return self._written[key]

    def constant(self, value: npt.ArrayLike, dtype: Any = np.float64) -> str:
        array = np.ascontiguousarray(value, dtype=dtype)
        key = (array.tobytes(), array.shape, array.dtype.str)
        if key not in self._written:
            self._constants.append(numpy_helper.from_array(array, f"constant_{len(self._constants)}"))
            self._written[key] = self._constants[-1].name
        return self._written[key]

    def product(self, affine: _Affine) -> str:
        """Write an affine function, output (n, targets): one product of matrices, or nothing where it changes nothing."""
        names, weights = list(affine.weights), np.vstack(list(affine.weights.values()))
        if len(names) == 1 and np.array_equal(weights, np.eye(len(weights))) and not affine.constant.any():
            return names[0]
        joined = names[0] if len(names) == 1 else self.add("Concat", *names, axis=1)
        return self.add("Gemm", joined, self.constant(weights), self.constant([affine.constant]))

    def numbers(self, estimator: Any, difficulty: Any) -> str:
        """Write a regression, output (n, 1) or, with the difficulty of each number, (n, 2)."""
        is_log = isinstance(estimator, TransformedTargetRegressor) and estimator.inverse_func is np.exp
        number = self._number(estimator.regressor_ if is_log else estimator)
        expected = _Affine({}, np.empty(0)) if difficulty is None else self._number(difficulty)
        if is_log:
            return self.add("Exp", self.product(number.beside(expected)))
        if difficulty is None:
            return self.product(number)
        return self.add("Concat", self.product(number), self.add("Exp", self.product(expected)), axis=1)

    def classes(self, estimator: Any) -> str:
        """Write a classification, output (n, classes)."""
        return self.product(self._probabilities(estimator))

    def _number(self, model: Any) -> _Affine:
        match model:
            case VotingRegressor():
                return _average([self._number(member) for member in model.estimators_], model.weights)
            case Pipeline():
                encoded = self._encoded(model[0])
                if isinstance(model[-1], Ridge):
                    return _linear(encoded, model[-1].coef_, model[-1].intercept_)
                return self._trees(model[-1], _plain(encoded))
        raise CompilationError(type(model).__name__)

    def _probabilities(self, model: Any) -> _Affine:
        match model:
            case CalibratedClassifierCV(ensemble=False):
                (member,) = model.calibrated_classifiers_
                return self._calibrated(member)
            case VotingClassifier(voting="soft"):
                return _average([self._probabilities(member) for member in model.estimators_], model.weights)
            case Pipeline() if isinstance(model[-1], ExtraTreesClassifier):
                shares = self._trees(model[-1], _plain(self._encoded(model[0])))
                return _both(shares) if len(model.classes_) == 2 else shares
            case Pipeline():
                decision = self.product(self._decision(model))
                if len(model.classes_) == 2:
                    return _both(_itself(self.add("Sigmoid", decision), 1))
                return _itself(self.add("Softmax", decision, axis=1), len(model.classes_))
        raise CompilationError(type(model).__name__)

    def _decision(self, model: Pipeline) -> _Affine:
        """Return the decision function: one target of two classes, a target each of several."""
        encoded = self._encoded(model[0])
        if isinstance(model[-1], LogisticRegression):
            return _linear(encoded, model[-1].coef_, model[-1].intercept_)
        return self._trees(model[-1], _plain(encoded))

    def _calibrated(self, member: Any) -> _Affine:
        """Write Platt's sigmoid or a temperature over what scikit-learn calibrates: the decision, else the probabilities."""
        calibrator = member.calibrators[0]
        decides, two = hasattr(member.estimator, "decision_function"), len(member.classes) == 2
        raw = self._decision(member.estimator) if decides else self._probabilities(member.estimator)
        match member.method:
            case "sigmoid":
                raw = raw if decides else raw.target(1)
                share = raw.times(-calibrator.a_) + _Affine({}, np.array([-calibrator.b_]))
                return _both(_itself(self.add("Sigmoid", self.product(share)), 1))
            case "temperature" if decides and two:
                return _both(_itself(self.add("Sigmoid", self.product(raw.times(2 * calibrator.beta_))), 1))
            case "temperature":
                if not decides:
                    # Added by itself: next to other constants it would be lost in their last bits.
                    positive = self.add("Add", self.product(raw), self.constant([[_SMALLEST_PROBABILITY]]))
                    raw = _itself(self.add("Log", positive), len(member.classes))
                scaled = self.product(raw.times(calibrator.beta_))
                return _itself(self.add("Softmax", scaled, axis=1), len(member.classes))
        raise CompilationError(f"calibration by {member.method}")

    def _encoded(self, transformer: ColumnTransformer) -> _Encoded:
        """Write medians for unknown numbers and an indicator per choice, side by side."""
        parts: list[str] = []
        factors: list[Vector] = []
        shifts: list[Vector] = []
        for name, fitted, columns in transformer.transformers_:
            if not len(columns):
                continue
            weight = (transformer.transformer_weights or {}).get(name, 1.0)
            if name == "choices":
                sizes = [len(categories) for categories in fitted.categories_]
                repeated = self.constant(np.repeat(columns, sizes), np.int64)
                codes = self.constant([np.concatenate(fitted.categories_)])
                equal = self.add("Equal", self.add("Gather", "matrix", repeated, axis=1), codes)
                parts.append(self.add("Cast", equal, to=TensorProto.DOUBLE))
                factors.append(np.full(sum(sizes), weight))
                shifts.append(np.zeros(sum(sizes)))
                continue
            imputer, scaler = (fitted[0], fitted[1]) if isinstance(fitted, Pipeline) else (fitted, None)
            numbers = self.add("Gather", "matrix", self.constant(columns, np.int64), axis=1)
            medians = self.constant([imputer.statistics_])
            parts.append(self.add("Where", self.add("IsNaN", numbers), medians, numbers))
            factors.append(weight / scaler.scale_ if scaler else np.full(len(columns), weight))
            shifts.append(-weight * scaler.mean_ / scaler.scale_ if scaler else np.zeros(len(columns)))
        joined = self.add("Concat", *parts, axis=1)
        return _Encoded(joined, np.concatenate(factors), np.concatenate(shifts))

    def _trees(self, model: Any, encoded: str) -> _Affine:
        match model:
            case HistGradientBoostingRegressor() | HistGradientBoostingClassifier():
                baseline = np.atleast_2d(model._baseline_prediction)[0]  # noqa: SLF001  # it has no public name
                return self._ensemble(boosted_trees(model), encoded, len(baseline)) + _Affine({}, baseline)
            case ExtraTreesRegressor() | ExtraTreesClassifier():
                # A forest of scikit-learn reads its features in single precision.
                single = self.add("Cast", encoded, to=TensorProto.FLOAT)
                encoded = self.add("Cast", single, to=TensorProto.DOUBLE)
                trees = forest_trees(model)
                return self._ensemble(trees, encoded, 1 + max(tree.target for tree in trees))
        raise CompilationError(type(model).__name__)

    def _ensemble(self, trees: Sequence[Tree], encoded: str, targets: int) -> _Affine:
        return _itself(self.add("TreeEnsemble", encoded, domain="ai.onnx.ml", **_attributes(trees), n_targets=targets), targets)


def _itself(name: str, targets: int) -> _Affine:
    return _Affine({name: np.eye(targets)}, np.zeros(targets))


def _linear(encoded: _Encoded, coefficients: Vector, intercept: Vector | float) -> _Affine:
    weights = np.atleast_2d(coefficients)
    return _Affine({encoded.name: (weights * encoded.factor).T}, np.atleast_1d(intercept) + weights @ encoded.shift)


def _plain(encoded: _Encoded) -> str:
    if (encoded.factor == 1).all() and not encoded.shift.any():
        return encoded.name
    raise CompilationError("trees over scaled features")


def _average(members: Sequence[_Affine], weights: Sequence[float] | None) -> _Affine:
    shares = np.ones(len(members)) if weights is None else np.asarray(weights, np.float64)
    return reduce(add, [member.times(share) for member, share in zip(members, shares / shares.sum(), strict=True)])


def _both(positive: _Affine) -> _Affine:
    """Return the probabilities of two classes by that of the second."""
    return (positive.times(-1.0) + _Affine({}, np.ones(1))).beside(positive)


def _attributes(trees: Sequence[Tree]) -> dict[str, Any]:
    """Return trees as attributes of ONNX's TreeEnsemble, which numbers inner nodes and leaves apart."""
    feature: list[int] = []
    low: list[int] = []
    high: list[int] = []
    low_leaf: list[int] = []
    high_leaf: list[int] = []
    targets: list[int] = []
    roots: list[int] = []
    threshold: list[float] = []
    weights: list[float] = []
    for tree in trees:
        first_node, first_leaf = len(feature), len(weights)
        roots.append(first_node)
        weights += tree.value[tree.leaf].tolist()
        targets += [tree.target] * int(tree.leaf.sum())
        # Position of each node among its own kind.
        place = np.where(tree.leaf, first_leaf + np.cumsum(tree.leaf) - 1, first_node + np.cumsum(~tree.leaf) - 1)
        if tree.leaf[0]:
            # ONNX wants an inner node for a tree that is one leaf; both of its branches are that leaf.
            feature.append(0)
            threshold.append(0.0)
            for children, are_leaves in ((low, low_leaf), (high, high_leaf)):
                children.append(first_leaf)
                are_leaves.append(1)
            continue
        inner = ~tree.leaf
        feature += tree.feature[inner].tolist()
        threshold += tree.threshold[inner].tolist()
        for children, are_leaves, nodes in ((low, low_leaf, tree.left[inner]), (high, high_leaf, tree.right[inner])):
            children.extend(place[nodes].tolist())
            are_leaves.extend(tree.leaf[nodes].astype(int).tolist())
    return {
        "aggregate_function": _SUM,
        "tree_roots": roots,
        "nodes_featureids": feature,
        "nodes_splits": numpy_helper.from_array(np.array(threshold, np.float64)),
        "nodes_modes": numpy_helper.from_array(np.full(len(feature), _GT, np.uint8)),
        "nodes_truenodeids": high,
        "nodes_falsenodeids": low,
        "nodes_trueleafs": high_leaf,
        "nodes_falseleafs": low_leaf,
        "leaf_targetids": targets,
        "leaf_weights": numpy_helper.from_array(np.array(weights, np.float64)),
    }
