"""What answers a matrix: the compiled form by onnxruntime, or the estimators themselves by scikit-learn; both give the same."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ml_model.artifacts import Bundle, Fitted
from ml_model.errors import BundleRefused, in_one_line
from ml_model.features import Matrix

RUNTIME = "onnxruntime"
Answering = Callable[[Matrix], Matrix]
"""From the matrix of the feature layer, (n, features), to the answers, float64: of a number (n, 2), in the unit of the target and
its difficulty, or (n, 1) where intervals have one width; of classes (n, classes), their probabilities."""


class _OneRow(threading.local):
    """One row in and its answers out, in memory that a session knows already; each thread has its own."""

    def __init__(self, session: Any, features: int, answers: int) -> None:
        value_of = _onnxruntime().OrtValue.ortvalue_from_numpy  # shares the memory of the array
        self.row, self.answers = np.empty((1, features)), np.empty((1, answers))
        self.binding = session.io_binding()
        self.binding.bind_ortvalue_input("matrix", value_of(self.row))
        self.binding.bind_ortvalue_output("answers", value_of(self.answers))


def compiled_answers(content: bytes) -> Answering:
    """Return the answers of a compiled form; safe to share between threads, not through a fork.

    Opening it executes nothing of it but the graph, on no rows.
    """
    onnxruntime = _onnxruntime()
    options = onnxruntime.SessionOptions()
    # One thread each: requests run side by side already, and a pool of threads costs a single row more than it helps.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Without an arena what ten thousand rows needed is given back.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    features = session.get_inputs()[0].shape[1]
    [nothing] = session.run(["answers"], {"matrix": np.empty((0, features))})
    one = _OneRow(session, features, nothing.shape[1])

    def answers(matrix: Matrix) -> Matrix:
        if matrix.shape != one.row.shape:
            return session.run(["answers"], {"matrix": matrix})[0]  # type: ignore[no-any-return]
        # To make values of the runtime from arrays and back takes it as long as a quarter of the answer.
        np.copyto(one.row, matrix, casting="no")
        session.run_with_iobinding(one.binding)
        return one.answers.copy()

    return answers


def learnt_answers(fitted: Fitted) -> Answering:
    """Return the answers of the estimators themselves."""
    estimator, difficulty = fitted.estimator, fitted.difficulty
    if fitted.calibration is None:
        return _total(estimator.predict_proba)
    if difficulty is None:
        return _total(lambda matrix: estimator.predict(matrix)[:, np.newaxis])
    return _total(lambda matrix: np.column_stack([estimator.predict(matrix), np.exp(difficulty.predict(matrix))]))


def _total(answers: Answering) -> Answering:
    """Answer NaN for rows with numbers beyond single precision, if scikit-learn refuses them: its forests do."""

    def answered(matrix: Matrix) -> Matrix:
        with np.errstate(over="ignore", invalid="ignore"):
            try:
                return answers(matrix)
            except ValueError:
                too_large = np.abs(matrix) > np.finfo(np.float32).max
                if not too_large.any():
                    raise
                found = answers(np.where(too_large, np.nan, matrix))
                return np.where(too_large.any(axis=1, keepdims=True), np.nan, found)

    return answered


def runtime_version() -> str:
    """Return the version of onnxruntime."""
    return str(_onnxruntime().__version__)


def serves_compiled(bundle: Bundle) -> bool:
    """Whether a bundle answers by its compiled form: where its certificate is of the runtime that is installed."""
    return bundle.compiled is not None and bundle.parity is not None and bundle.parity.runtime == runtime_version()


def answers_of(bundle: Bundle) -> Answering:
    """Return what answers for a bundle; raise BundleRefused where it cannot be opened."""
    if not serves_compiled(bundle):
        return learnt_answers(bundle.fitted)
    try:
        return compiled_answers(bundle.compiled or b"")
    except Exception as error:
        raise BundleRefused(bundle.manifest.version, f"its compiled form cannot be opened: {in_one_line(error)}") from error


def _onnxruntime() -> Any:
    # From its version 1.29 on it reports to its maker unless it is told not to before it is imported. The thread that it has for
    # that is lost where a server imports the code first and forks its workers then, and they could not end.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    return onnxruntime
