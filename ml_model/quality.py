"""The check of the data before anything is learnt: what stops the training, what a person should weigh, what is noted.

Types, ranges and choices are the validator's; here is what only the whole file shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from ml_model.artifacts import Finding
from ml_model.features import encode_column
from ml_model.records import Record
from ml_model.spec import ModelSpec
from ml_model.suspicion import leakage, separates, sides_differ
from ml_model.tables import NUMERIC, FieldTable

if TYPE_CHECKING:
    import pandas as pd

Vector = npt.NDArray[np.float64]
Sides = npt.NDArray[np.bool_]
_MISSING = 0.5
_LEAST_TEST_ROWS = 10
_LEAST_OF_CLASS = 5
_FAR = 5.0
"""Quartile distances beyond a quartile at which a target is noted as an outlier."""
_UNIQUE = 0.98


def check_data(spec: ModelSpec, table: pd.DataFrame, records: list[Record], target: Vector, is_test: Sides) -> list[Finding]:
    """Return what is odd about a training set: raw ``table``, ``records`` (n), ``target`` (n,), ``is_test`` (n,).

    A finding of severity ``error`` must stop the training; its detail says how to mend the file or the spec.
    """
    found = [*_repeated_rows(spec, table, records, target), *_target(spec, target, is_test)]
    if any(one.severity == "error" for one in found):
        return found
    for field in spec.field:
        column = encode_column(field, [record[field.name] for record in records])
        found += _column(spec, field, column)
        found += _trained(field, column[~is_test])
        found += _suspicions(spec, field, column, target, is_test)
    if spec.is_regression and sides_differ(target, is_test):
        found.append(_finding("error", spec.target.column, "sides_differ", _SIDES))
    return found


_SIDES = "test and training rows differ more than a split by chance allows; look for mixed units, or a part that was changed"


def _finding(severity: Literal["error", "warning", "note"], column: str, code: str, detail: str) -> Finding:
    return Finding(severity=severity, column=column, code=code, detail=detail)


def _repeated_rows(spec: ModelSpec, table: pd.DataFrame, records: list[Record], target: Vector) -> Iterator[Finding]:
    identity = list(spec.data.identity)
    if identity and (again := table.duplicated(identity, keep="first")).any():
        line, columns = table.index[int(np.argmax(again))], ", ".join(identity)
        detail = f"{int(again.sum())} row(s) repeat an identity, first in line {line}; remove them, or extend data.identity"
        yield _finding("error", columns, "identity_repeated", detail)
    elif (same := table.duplicated(keep="first")).any():
        line = table.index[int(np.argmax(same))]
        yield _finding(
            "warning", "", "duplicates", f"{int(same.sum())} row(s) are copies of others, first in line {line}; remove them"
        )
    answers: dict[tuple[object, ...], set[float]] = {}
    for record, true in zip(records, target.tolist(), strict=True):
        answers.setdefault(tuple(record.values()), set()).add(true)
    if several := sum(len(one) > 1 for one in answers.values()):
        detail = f"{several} group(s) of rows are equal in every field and differ in the target: no model can tell them apart"
        yield _finding("note", spec.target.column, "ambiguous", detail)


def _target(spec: ModelSpec, target: Vector, is_test: Sides) -> Iterator[Finding]:
    column = spec.target.column
    if is_test.sum() < _LEAST_TEST_ROWS:
        detail = f"{int(is_test.sum())} test rows are too few to measure by; add rows, or raise data.test_share"
        yield _finding("error", "", "test_rows", detail)
    if len(np.unique(target)) == 1:
        yield _finding("error", column, "target_constant", "every row has the same target; there is nothing to learn")
    if not spec.is_regression:
        for position, name in enumerate(spec.classes):
            if (rows := int((target == position).sum())) < _LEAST_OF_CLASS:
                detail = (
                    f"class '{name}' has {rows} row(s) of at least {_LEAST_OF_CLASS}; add rows, or drop it from target.classes"
                )
                yield _finding("error", column, "class_rare", detail)
        return
    scale = np.log(target) if spec.target.transform == "log" else target
    low, high = np.percentile(scale, [25, 75])
    far = (scale < low - _FAR * (high - low)) | (scale > high + _FAR * (high - low))
    if high > low and far.any():
        detail = (
            f"{int(far.sum())} row(s) lie far from the others, such as {target[int(np.argmax(far))]:g}; see if they are right"
        )
        yield _finding("note", column, "target_outliers", detail)


def _column(spec: ModelSpec, field: FieldTable, column: Vector) -> Iterator[Finding]:
    known = column[~np.isnan(column)]
    missing = 1 - len(known) / len(column)
    if missing > _MISSING:
        yield _finding(
            "warning", field.column, "missing", f"unknown in {missing:.0%} of the rows; drop the field, or find the values"
        )
    different = len(np.unique(known))
    if different <= 1:
        detail = "has one value in all rows, so the model learns nothing from it; drop the field"
        yield _finding("warning", field.column, "constant", detail)
    elif field.column in spec.data.identity:
        detail = "identifies a row, and is a field: the model would learn rows by heart; drop the field"
        yield _finding("error", field.column, "identifier", detail)
    elif field.kind in NUMERIC and different == len(known) and not (known % 1).any() and (np.diff(known) > 0).all():
        detail = "is a whole number that rises from row to row, as a running number does; drop the field"
        yield _finding("error", field.column, "identifier", detail)
    elif field.kind == "integer" and different >= _UNIQUE * len(known):
        detail = "differs in nearly every row, as an identifier does; drop the field unless it is a measurement"
        yield _finding("warning", field.column, "identifier", detail)


def _trained(field: FieldTable, column: Vector) -> Iterator[Finding]:
    """A range that only test rows show; answers are warned of by what the training rows show."""
    known = column[~np.isnan(column)]
    if field.trained and len(known) and (field.trained[0] < known.min() or field.trained[1] > known.max()):
        low, high = max(field.trained[0], known.min()), min(field.trained[1], known.max())
        detail = f"trained claims more than the training rows show; write trained = [{float(low)}, {float(high)}]"
        yield _finding("warning", field.column, "trained", detail)


def _suspicions(spec: ModelSpec, field: FieldTable, column: Vector, target: Vector, is_test: Sides) -> Iterator[Finding]:
    choices = len(field.choices) if field.kind == "category" else 0
    if separates(column, is_test) if choices else sides_differ(column, is_test):
        yield _finding("error", field.column, "sides_differ", _SIDES)
        return
    strength, measure = leakage(column, target, is_test, numbers=spec.is_regression)
    if strength > 0.98:
        detail = (
            f"predicts the target alone ({measure} {strength:.3f} on held-out rows), as what is known only later does; drop it"
        )
        yield _finding("error", field.column, "leakage", detail)
