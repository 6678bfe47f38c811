"""Parity: the proof that the compiled form answers as scikit-learn does, on rows chosen to find out where it does not.

Trials: the rows of the data set; those with every number jittered; for each split of each tree a row that comes by it, on its
threshold and one representable number to either side, in double and in single precision; rows with each feature unknown, and with
a tenth of them; every choice, also one that training never saw; the ends of the accepted ranges; and rows drawn from all of what
the spec accepts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_model.artifacts import COMPILED, ESTIMATORS, TOLERANCE, Fitted, Parity, Trial, digest, read_bundle
from ml_model.compiled import Answering, compiled_answers, learnt_answers, runtime_version
from ml_model.csv_files import read_table
from ml_model.data import records_of
from ml_model.ensembles import splits_on_numbers
from ml_model.errors import BundleRefused, CompilationError, DataError, RecordsRefused, in_one_line
from ml_model.expressions import Column
from ml_model.features import FeatureEncoder, Matrix, encode_days
from ml_model.logbook import Report
from ml_model.records import RecordValidator
from ml_model.releases import TRAINED, read_releases
from ml_model.scoring import Scorer, prove_golden
from ml_model.spec import ModelSpec
from ml_model.tables import FieldTable

DATA = Path(__file__).parent
"""The folder that the data files of specs lie relative to."""
_JITTER = 0.05
"""Standard deviation of the jitter, in those of the feature."""
_TIE = 1e-12
"""Classes whose probabilities are no further apart are equally probable: far outside of the data, where a sigmoid ends at 1."""
_DRAWN = 20_000
_UNKNOWN_SHARE = 0.1
_AT_ONCE = 20_000
"""Most rows that are made and answered at once, so that the proof needs little memory."""
_NUMBERS_AT_ONCE = 4_000_000
"""Most numbers that those rows are encoded as."""


def _silent(_: str) -> None:
    """Report nothing."""


def certified(spec: ModelSpec, fitted: Fitted, matrix: Matrix, *, report: Report = _silent) -> tuple[bytes | None, Parity]:
    """Compile what was learnt and certify it on ``matrix`` (n, features), the rows of the data set; ``report`` shows progress.

    Returns the compiled form with its certificate, or None with a certificate that says why scikit-learn must serve.
    """
    from ml_model.compilation import compile_fitted  # needs the libraries of the extra "train"

    try:
        compiled = compile_fitted(fitted)
    except Exception as error:  # whatever there is in a foreign estimator, scikit-learn still serves it
        return None, Parity(holds=False, tolerance=TOLERANCE, trials={}, reason=in_one_line(error))
    parity = certify(spec, fitted, compiled, matrix, report=report)
    return (compiled if parity.holds else None), parity


def certify(
    spec: ModelSpec, fitted: Fitted, compiled: bytes, matrix: Matrix, *, drawn: int = _DRAWN, report: Report = _silent
) -> Parity:
    """Return the certificate of a compiled form; it holds only where no trial goes beyond the tolerance and no class flips."""
    shared: dict[str, Any] = {"tolerance": TOLERANCE, "runtime": runtime_version(), "sha256": digest(compiled)}
    try:
        answers = compiled_answers(compiled)
        trials = _trials(spec, fitted, answers, matrix, drawn=drawn, report=report)
    except Exception as error:  # whatever a foreign graph does, scikit-learn still serves
        return Parity(holds=False, trials={}, reason=f"it cannot be run: {in_one_line(error)}", **shared)
    failed = [name for name, trial in trials.items() if trial.worst > TOLERANCE or trial.flips]
    worst = max(trials, key=lambda name: (trials[name].flips, trials[name].worst))
    reason = f"beyond the tolerance on rows of the kind {', '.join(failed)}; worst is {trials[worst].worst:.3g}" if failed else ""
    return Parity(holds=not failed, trials=trials, reason=reason, **shared)


def prove_release(version: str, trained: Path = TRAINED, *, folder: Path = DATA) -> Parity | None:
    """Certify the compiled form of a listed release anew, and prove its golden records by scikit-learn as well.

    The rows are those of its data file under ``folder``, whatever has become of it, or drawn ones where the spec of the release
    cannot read it any more. Returns None where there is no compiled form; raises BundleRefused where its answers are others.
    """
    bundle = read_bundle(trained / version, read_releases(trained).manifest_of(version))
    if bundle.compiled is None:
        return None
    prove_golden(Scorer(replace(bundle, compiled=None)), bundle)
    parity = certify(bundle.spec, bundle.fitted, bundle.compiled, _rows(bundle.spec, folder))
    if not parity.holds:
        raise BundleRefused(version, f"{COMPILED} does not answer as {ESTIMATORS} does: {parity.reason}")
    return parity


def _rows(spec: ModelSpec, folder: Path) -> Matrix:
    encoder = FeatureEncoder(spec)
    try:
        records = RecordValidator(spec).validate(records_of(read_table(folder / spec.data.file), spec))
    except (DataError, RecordsRefused):
        return encoder.derive(drawn_columns(spec, np.random.default_rng(spec.estimator.seed), _DRAWN))
    return encoder.matrix(records)


def _trials(
    spec: ModelSpec, fitted: Fitted, answers: Answering, matrix: Matrix, *, drawn: int, report: Report
) -> dict[str, Trial]:
    names, learnt, trials = FeatureEncoder(spec).names, learnt_answers(fitted), {}
    for kind, parts in trial_rows(spec, fitted, matrix, drawn=drawn):
        trials[kind] = compared(names, answers, learnt, parts, labels=fitted.calibration is None)
        report(f"compile: {trials[kind].rows:,} rows of the kind '{kind}' compared")
    return trials


def trial_rows(spec: ModelSpec, fitted: Fitted, matrix: Matrix, *, drawn: int = _DRAWN) -> Iterator[tuple[str, Iterable[Matrix]]]:
    """Yield the kinds of trial, each with its rows in parts of shape (n, features); ``matrix`` are those of the data set."""
    random = np.random.default_rng(spec.estimator.seed)
    encoder = FeatureEncoder(spec)
    at_once = min(_AT_ONCE, max(1, _NUMBERS_AT_ONCE // (len(encoder.names) + sum(encoder.choices.values()))))
    parts = partial(_in_parts, at_once=at_once)
    yield "data", parts(matrix)
    yield "jittered", parts(_jittered(matrix, set(encoder.choices), random))
    positions, thresholds, rows = splits_on_numbers(fitted, matrix)
    if len(positions):
        yield "thresholds", _on_thresholds(matrix, positions, thresholds, rows, at_once)
    yield "unknown", parts(_with_unknowns(matrix, random))
    if encoder.choices:
        yield "choices", parts(_with_choices(encoder.choices, matrix, random))
    yield "extremes", parts(encoder.derive(drawn_columns(spec, random, 1000, ends_alone=True)))
    yield "drawn", parts(encoder.derive(drawn_columns(spec, random, drawn)))


def _in_parts(rows: Matrix, *, at_once: int) -> Iterator[Matrix]:
    return (rows[start : start + at_once] for start in range(0, len(rows), at_once))


def drawn_columns(spec: ModelSpec, random: np.random.Generator, rows: int, *, ends_alone: bool = False) -> dict[str, Column]:
    """Return random valid values of every field, encoded, shape (rows,) each: over the whole of its range, or its ends alone."""
    columns = {}
    for field in spec.field:
        low, high = _ends(field)
        column = random.choice([low, high], rows) if ends_alone else random.uniform(low, high, rows)
        whole = field.kind != "number"
        column = np.round(column) if whole else column
        if not field.required:
            column = np.where(random.random(rows) < _UNKNOWN_SHARE, np.nan, column)
        columns[field.name] = column
    return columns


def _ends(field: FieldTable) -> tuple[float, float]:
    if field.choices:
        return 0.0, len(field.choices) - 1.0
    if field.kind == "date":
        return encode_days(field.earliest), encode_days(field.latest)
    return field.range or (0.0, 1.0)


def _jittered(matrix: Matrix, choices: set[int], random: np.random.Generator) -> Matrix:
    jittered = matrix.copy()
    for position in set(range(matrix.shape[1])) - choices:
        known = matrix[~np.isnan(matrix[:, position]), position]
        spread = known.std() if len(known) else 0.0
        jittered[:, position] += _JITTER * spread * random.standard_normal(len(matrix))
    return jittered


def _on_thresholds(
    matrix: Matrix, positions: npt.NDArray[np.int64], thresholds: Column, rows: npt.NDArray[np.int64], at_once: int
) -> Iterator[Matrix]:
    for start in range(0, len(rows), at_once):
        here = slice(start, start + at_once)
        on = thresholds[here]
        single = on.astype(np.float32)
        sides = [on, *(np.nextafter(on, end) for end in (-np.inf, np.inf))]
        sides += [np.nextafter(single, np.float32(end)).astype(np.float64) for end in (-np.inf, np.inf)]
        for side in sides:
            part = matrix[rows[here]]
            part[np.arange(len(part)), positions[here]] = side
            yield part


def _with_unknowns(matrix: Matrix, random: np.random.Generator) -> Matrix:
    width = matrix.shape[1]
    alone = matrix[random.integers(0, len(matrix), width)].copy()
    np.fill_diagonal(alone, np.nan)
    scattered = np.where(random.random(matrix.shape) < _UNKNOWN_SHARE, np.nan, matrix)
    return np.vstack([alone, scattered, np.full((1, width), np.nan)])


def _with_choices(choices: dict[int, int], matrix: Matrix, random: np.random.Generator) -> Matrix:
    # One more than there are, because the estimator must answer a code that it does not know as it does an unknown one.
    pairs = [(position, code) for position, count in choices.items() for code in range(count + 1)]
    rows = matrix[random.integers(0, len(matrix), len(pairs))].copy()
    for row, (position, code) in zip(rows, pairs, strict=True):
        row[position] = code
    return rows


def compared(names: Iterable[str], answers: Answering, learnt: Answering, parts: Iterable[Matrix], *, labels: bool) -> Trial:
    """Return how far two ways to answer are apart on rows in parts of shape (n, features), whose columns have ``names``.

    ``labels`` says that the answers are probabilities of classes.
    """
    rows, worst, worst_row, flips = 0, -1.0, np.empty(0), 0
    for part in parts:
        with np.errstate(all="ignore"):
            here, there = answers(part), learnt(part)
        if here.shape != there.shape:
            raise CompilationError(f"an answer of shape {here.shape} for one of shape {there.shape}")
        errors = _errors(here, there, absolute=labels).max(axis=1)
        rows += len(part)
        if errors.max() > worst:
            worst, worst_row = float(errors.max()), part[errors.argmax()]
        flips += int(_flipped(here, there).sum()) if labels else 0
    shown = {name: None if np.isnan(value) else float(value) for name, value in zip(names, worst_row, strict=True)}
    return Trial(rows=rows, worst=worst, worst_row=shown, flips=flips)


def _flipped(here: Matrix, there: Matrix) -> npt.NDArray[np.bool_]:
    """Rows that get another class, beside those where the last bit decides between classes that are equally probable."""
    chosen = np.take_along_axis(there, here.argmax(axis=1)[:, np.newaxis], axis=1)[:, 0]
    flipped: npt.NDArray[np.bool_] = there.max(axis=1) - chosen > _TIE
    return flipped


def _errors(here: Matrix, there: Matrix, *, absolute: bool) -> npt.NDArray[np.float64]:
    """Relative errors of numbers, absolute ones of probabilities; the same infinity, or both no number, is no error."""
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.abs(here - there)
        errors = apart if absolute else apart / np.abs(there)
    errors[(here == there) | (np.isnan(here) & np.isnan(there))] = 0.0
    return np.nan_to_num(errors, nan=np.finfo(np.float64).max, posinf=np.finfo(np.float64).max)
