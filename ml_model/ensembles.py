"""What ensembles of trees learnt, as arrays: each tree with its splits and its leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline

from ml_model.artifacts import Fitted
from ml_model.errors import CompilationError
from ml_model.features import Matrix

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tree:
    """One tree in arrays with one entry per node; node 0 is the root."""

    feature: npt.NDArray[np.int64]
    threshold: Vector
    left: npt.NDArray[np.int64]
    """Child of a value that is at most the threshold."""
    right: npt.NDArray[np.int64]
    leaf: npt.NDArray[np.bool_]
    value: Vector
    """What a leaf adds to its target."""
    target: int = 0


def boosted_trees(model: Any) -> list[Tree]:
    """Return the trees of a histogram boosting, whose sum added to its baseline is the raw answer."""
    trees = []
    for iteration in model._predictors:  # noqa: SLF001  # nor have they
        for target, predictor in enumerate(iteration):
            nodes = predictor.nodes
            leaf = nodes["is_leaf"].astype(bool)
            if (nodes["is_categorical"].astype(bool) & ~leaf).any():
                raise CompilationError("a split on a set of categories")
            columns = {name: nodes[name].astype(np.int64) for name in ("feature_idx", "left", "right")}
            trees.append(
                Tree(
                    feature=columns["feature_idx"],
                    threshold=nodes["num_threshold"].astype(np.float64),
                    left=columns["left"],
                    right=columns["right"],
                    leaf=leaf,
                    value=nodes["value"].astype(np.float64),
                    target=target,
                )
            )
    return trees


def forest_trees(model: Any) -> list[Tree]:
    """Return the trees of a forest, whose sum is the answer; of two classes, the share of the second."""
    trees = []
    for fitted in model.estimators_:
        tree = fitted.tree_
        values = tree.value[:, 0, :]
        for target, outcome in enumerate(range(1, 2) if values.shape[1] == 2 else range(values.shape[1])):
            trees.append(
                Tree(
                    feature=tree.feature.astype(np.int64),
                    threshold=tree.threshold.astype(np.float64),
                    left=tree.children_left.astype(np.int64),
                    right=tree.children_right.astype(np.int64),
                    leaf=tree.children_left < 0,
                    value=values[:, outcome] / len(model.estimators_),
                    target=target,
                )
            )
    return trees


def splits_on_numbers(fitted: Fitted, matrix: Matrix) -> tuple[npt.NDArray[np.int64], Vector, npt.NDArray[np.int64]]:
    """Return every split of every tree on a number, as three arrays of shape (splits,).

    They are the position of the number in ``matrix`` (n, features) of the feature layer, the threshold, and a row of the matrix
    that comes by that split; the first row where none does.
    """
    found: list[tuple[npt.NDArray[Any], ...]] = []
    for pipeline in _tree_pipelines(fitted.estimator):
        columns = [columns for name, _, columns in pipeline[0].transformers_ if name in {"numbers", "codes"}]
        numbers = np.concatenate(columns).astype(np.int64)
        model, encoded = pipeline[-1], pipeline[0].transform(matrix)
        boosted = hasattr(model, "_predictors")
        # A forest of scikit-learn reads its features in single precision.
        encoded = encoded if boosted else encoded.astype(np.float32)
        for tree in boosted_trees(model) if boosted else forest_trees(model):
            inner = ~tree.leaf & (tree.feature < len(numbers))
            found.append((numbers[tree.feature[inner]], tree.threshold[inner], _reached(tree, encoded)[inner]))
    if not found:
        return np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64)
    positions, thresholds, rows = map(np.concatenate, zip(*found, strict=True))
    return positions, thresholds, rows


def _reached(tree: Tree, encoded: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """One row per node that comes by it."""
    reached = np.zeros(len(tree.leaf), np.int64)
    rows, nodes = np.arange(len(encoded)), np.zeros(len(encoded), np.int64)
    while len(rows):
        reached[nodes] = rows
        onwards = ~tree.leaf[nodes]
        rows, nodes = rows[onwards], nodes[onwards]
        low = encoded[rows, tree.feature[nodes]] <= tree.threshold[nodes]
        nodes = np.where(low, tree.left[nodes], tree.right[nodes])
    return reached


def _tree_pipelines(model: Any) -> list[Pipeline]:
    match model:
        case TransformedTargetRegressor():
            return _tree_pipelines(model.regressor_)
        case CalibratedClassifierCV():
            members = [member.estimator for member in model.calibrated_classifiers_]
        case VotingRegressor() | VotingClassifier():
            members = model.estimators_
        case _:
            return [] if isinstance(model[-1], (Ridge, LogisticRegression)) else [model]
    return [pipeline for member in members for pipeline in _tree_pipelines(member)]
