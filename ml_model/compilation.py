"""Compilation: what scikit-learn learnt, as a graph of operations in double precision (ONNX) that ``compiled`` runs.

Written for the closed list of estimators that ``pipeline`` builds. A general converter was tried instead: its trees answer in
single precision, it knows no transformed target, and what it would take off is shorter than what would correct it
(``docs/decisions.md``). Nothing of this is believed: ``parity`` compares the graph with scikit-learn before it may answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
_LEQ = 0
"""Mode of a split in ONNX's TreeEnsemble: the true branch where the feature is at most the threshold."""
_SUM = 1


@dataclass(frozen=True)
class _Encoded:
    """The output of a ``ColumnTransformer``, whose scaling linear models take into their coefficients."""

    name: str
    factor: Vector
    shift: Vector


def compile_fitted(fitted: Fitted) -> bytes:
    """Return the ONNX model of what was learnt; raise CompilationError where a part of it cannot be said in ONNX.

    Input ``matrix`` (n, features), float64, as the feature layer makes it; output ``answers``, float64, as ``compiled`` says.
    """
    writer = _Writer()
    if fitted.calibration is None:
        output = writer.probabilities(fitted.estimator, "matrix")
    else:
        output = writer.number(fitted.estimator, "matrix")
        if fitted.difficulty is not None:
            expected = writer.add("Exp", writer.number(fitted.difficulty, "matrix"))
            output = writer.add("Concat", output, expected, axis=1)
    return writer.model(output, features=fitted.estimator.n_features_in_)


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

    def number(self, model: Any, matrix: str) -> str:
        """Write a regression, output (n, 1)."""
        match model:
            case TransformedTargetRegressor() if model.inverse_func is np.exp:
                return self.add("Exp", self.number(model.regressor_, matrix))
            case VotingRegressor():
                return self._average([self.number(member, matrix) for member in model.estimators_], model.weights)
            case Pipeline():
                encoded = self._encoded(model[0], matrix)
                if isinstance(model[-1], Ridge):
                    return self._linear(encoded, model[-1].coef_, model[-1].intercept_)
                return self._trees(model[-1], self._plain(encoded))
        raise CompilationError(type(model).__name__)

    def probabilities(self, model: Any, matrix: str) -> str:
        """Write a classification, output (n, classes)."""
        match model:
            case CalibratedClassifierCV(method="sigmoid"):
                members = [self._calibrated(member, matrix) for member in model.calibrated_classifiers_]
                return self._average(members, None)
            case VotingClassifier(voting="soft"):
                return self._average([self.probabilities(member, matrix) for member in model.estimators_], model.weights)
            case Pipeline() if isinstance(model[-1], ExtraTreesClassifier):
                positive = self._trees(model[-1], self._plain(self._encoded(model[0], matrix)))
                return self._both(positive) if len(model.classes_) == 2 else positive
            case Pipeline():
                decision = self._decision(model, matrix)
                return self._both(self.add("Sigmoid", decision)) if len(model.classes_) == 2 else self._softmax(decision)
        raise CompilationError(type(model).__name__)

    def _decision(self, model: Pipeline, matrix: str) -> str:
        """Write the decision function: (n, 1) of two classes, (n, classes) of several."""
        encoded = self._encoded(model[0], matrix)
        if isinstance(model[-1], LogisticRegression):
            return self._linear(encoded, model[-1].coef_, model[-1].intercept_)
        return self._trees(model[-1], self._plain(encoded))

    def _calibrated(self, member: Any, matrix: str) -> str:
        """Write Platt's sigmoid per class over what scikit-learn calibrates: the decision function, else the probabilities."""
        binary = len(member.classes) == 2
        if hasattr(member.estimator, "decision_function"):
            raw = self._decision(member.estimator, matrix)
        else:
            raw = self.probabilities(member.estimator, matrix)
            raw = self.add("Gather", raw, self.constant([1], np.int64), axis=1) if binary else raw
        slopes, offsets = zip(*((-one.a_, -one.b_) for one in member.calibrators), strict=True)
        shares = self.add("Sigmoid", self.add("Add", self.add("Mul", raw, self.constant([slopes])), self.constant([offsets])))
        if binary:
            return self._both(shares)
        total = self.add("ReduceSum", shares, self.constant([1], np.int64))
        uniform = self.constant([[1 / len(slopes)] * len(slopes)])
        return self.add("Where", self.add("Equal", total, self.constant([[0.0]])), uniform, self.add("Div", shares, total))

    def _both(self, positive: str) -> str:
        return self.add("Concat", self.add("Sub", self.constant([[1.0]]), positive), positive, axis=1)

    def _softmax(self, decision: str) -> str:
        return self.add("Softmax", decision, axis=1)

    def _average(self, members: Sequence[str], weights: Sequence[float] | None) -> str:
        shares = np.ones(len(members)) if weights is None else np.asarray(weights, np.float64)
        shares = shares / shares.sum()
        weighted = [
            self.add("Mul", member, self.constant([[share]])) for member, share in zip(members, shares.tolist(), strict=True)
        ]
        return weighted[0] if len(weighted) == 1 else self.add("Sum", *weighted)

    def _linear(self, encoded: _Encoded, coefficients: Vector, intercept: Vector | float) -> str:
        weights = np.atleast_2d(coefficients)
        product = self.add("MatMul", encoded.name, self.constant((weights * encoded.factor).T))
        return self.add("Add", product, self.constant([np.atleast_1d(intercept) + weights @ encoded.shift]))

    def _encoded(self, transformer: ColumnTransformer, matrix: str) -> _Encoded:
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
                equal = self.add("Equal", self.add("Gather", matrix, repeated, axis=1), codes)
                parts.append(self.add("Cast", equal, to=TensorProto.DOUBLE))
                factors.append(np.full(sum(sizes), weight))
                shifts.append(np.zeros(sum(sizes)))
                continue
            imputer, scaler = (fitted[0], fitted[1]) if isinstance(fitted, Pipeline) else (fitted, None)
            numbers = self.add("Gather", matrix, self.constant(columns, np.int64), axis=1)
            medians = self.constant([imputer.statistics_])
            parts.append(self.add("Where", self.add("IsNaN", numbers), medians, numbers))
            factors.append(weight / scaler.scale_ if scaler else np.full(len(columns), weight))
            shifts.append(-weight * scaler.mean_ / scaler.scale_ if scaler else np.zeros(len(columns)))
        joined = self.add("Concat", *parts, axis=1)
        return _Encoded(joined, np.concatenate(factors), np.concatenate(shifts))

    def _plain(self, encoded: _Encoded) -> str:
        if (encoded.factor == 1).all() and not encoded.shift.any():
            return encoded.name
        raise CompilationError("trees over scaled features")

    def _trees(self, model: Any, encoded: str) -> str:
        match model:
            case HistGradientBoostingRegressor() | HistGradientBoostingClassifier():
                baseline = np.atleast_2d(model._baseline_prediction)  # noqa: SLF001  # it has no public name
                summed = self._ensemble(boosted_trees(model), encoded, targets=baseline.shape[1])
                return self.add("Add", summed, self.constant(baseline))
            case ExtraTreesRegressor() | ExtraTreesClassifier():
                # A forest of scikit-learn reads its features in single precision.
                single = self.add("Cast", encoded, to=TensorProto.FLOAT)
                encoded = self.add("Cast", single, to=TensorProto.DOUBLE)
                trees = forest_trees(model)
                return self._ensemble(trees, encoded, targets=1 + max(tree.target for tree in trees))
        raise CompilationError(type(model).__name__)

    def _ensemble(self, trees: Sequence[Tree], encoded: str, *, targets: int) -> str:
        return self.add("TreeEnsemble", encoded, domain="ai.onnx.ml", **_attributes(trees), n_targets=targets)


def _attributes(trees: Sequence[Tree]) -> dict[str, Any]:
    """Return trees as attributes of ONNX's TreeEnsemble, which numbers inner nodes and leaves apart."""
    feature, threshold, branches, true_leaf, false_leaf = [], [], ([], []), [], []  # type: ignore[var-annotated]
    weights: list[float] = []
    targets: list[int] = []
    roots: list[int] = []
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
            for side in branches:
                side.append(first_leaf)
            true_leaf.append(1)
            false_leaf.append(1)
            continue
        inner = ~tree.leaf
        feature += tree.feature[inner].tolist()
        threshold += tree.threshold[inner].tolist()
        branches[0].extend(place[tree.left[inner]].tolist())
        branches[1].extend(place[tree.right[inner]].tolist())
        true_leaf += tree.leaf[tree.left[inner]].astype(int).tolist()
        false_leaf += tree.leaf[tree.right[inner]].astype(int).tolist()
    return {
        "aggregate_function": _SUM,
        "tree_roots": roots,
        "nodes_featureids": feature,
        "nodes_splits": numpy_helper.from_array(np.array(threshold, np.float64)),
        "nodes_modes": numpy_helper.from_array(np.full(len(feature), _LEQ, np.uint8)),
        "nodes_truenodeids": branches[0],
        "nodes_falsenodeids": branches[1],
        "nodes_trueleafs": true_leaf,
        "nodes_falseleafs": false_leaf,
        "leaf_targetids": targets,
        "leaf_weights": numpy_helper.from_array(np.array(weights, np.float64)),
    }
