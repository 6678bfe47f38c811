"""The check of the data before anything is learnt: what stops the training, what a person should weigh, what is noted.

Types, ranges and choices are the validator's; here is what only the whole file shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from ml_model.artifacts import Finding
from ml_model.data import units_of
from ml_model.features import MOST_INDICATORS, encode_column
from ml_model.records import Record
from ml_model.spec import ModelSpec
from ml_model.split import FOLDS, Integers, number_units
from ml_model.suspicion import intraclass_correlation, leakage, names_entities, separates, sides_differ
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
_ALIKE = 0.9
"""Intraclass correlation from which rows are nearly equal."""
_LISTED = 5


def check_data(spec: ModelSpec, table: pd.DataFrame, records: list[Record], target: Vector, is_test: Sides) -> list[Finding]:
    """Return what is odd about a training set: raw ``table``, ``records`` (n), ``target`` (n,), ``is_test`` (n,).

    A finding of severity ``error`` that is not accepted must stop the training; its detail says how to fix the file or the spec.
    """
    units = units_of(spec, table)
    found = [*_repeated_rows(spec, table, records, target), *_target(spec, target, is_test)]
    found += _groups(spec, table, target, units, is_test)
    if any(finding.stops for finding in found):
        return found
    # Rows of one unit are no independent draws, which the tests of two samples need.
    alone = np.unique(units, return_index=True)[1]
    columns = {field.name: encode_column(field, [record[field.name] for record in records]) for field in spec.field}
    for field in spec.field:
        found += _column(spec, field, columns[field.name])
        found += _trained(field, columns[field.name][~is_test])
        differ = separates if field.kind == "category" else sides_differ
        if differ(columns[field.name][alone], is_test[alone]):
            found.append(_finding("error", field.column, "sides_differ", _SIDES))
        else:
            found += _leakage(spec, field, columns[field.name], target, is_test)
    if spec.is_regression and sides_differ(target[alone], is_test[alone]):
        found.append(_finding("error", spec.target.column, "sides_differ", _SIDES))
    if not spec.data.group:
        found += _entities(spec, table, columns, target)
    return _accepted(spec, found)


def _accepted(spec: ModelSpec, found: list[Finding]) -> list[Finding]:
    reasons: dict[tuple[str, str], str] = {(accept.finding, accept.column): accept.reason for accept in spec.accept}
    unused = reasons.keys() - {(finding.code, finding.column) for finding in found}
    return [
        *(finding.model_copy(update={"accepted": reasons.get((finding.code, finding.column), "")}) for finding in found),
        *(
            _finding("warning", column, "accept_unused", f"no finding '{code}' to accept; remove the table")
            for code, column in unused
        ),
    ]


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


def _groups(spec: ModelSpec, table: pd.DataFrame, target: Vector, units: Integers, is_test: Sides) -> Iterator[Finding]:
    """What is wrong with the groups that the spec names, which must be known and enough for the folds."""
    columns = list(spec.data.group)
    if not columns:
        return
    names = ", ".join(columns)
    empty = table[columns].apply(lambda cells: cells.str.strip() == "").any(axis=1).to_numpy()
    if empty.any():
        line = table.index[int(np.argmax(empty))]
        yield _finding(
            "error", names, "group_unknown", f"{int(empty.sum())} row(s) name no group, first in line {line}; fill it in"
        )
    folds = spec.interval.folds if spec.is_regression else FOLDS
    if (groups := len(np.unique(units[~is_test]))) < folds:
        detail = f"{groups} group(s) in the training rows are too few for {folds} folds; add groups"
        yield _finding("error", names, "group_few", detail)
    for position, name in enumerate(spec.classes):
        if len(np.unique(units[~is_test & (target == position)])) == 1:
            detail = f"all training rows of class '{name}' are of one group; add groups with this class"
            yield _finding("error", names, "class_rare", detail)


def _entities(spec: ModelSpec, table: pd.DataFrame, columns: dict[str, Vector], target: Vector) -> Iterator[Finding]:
    """Columns that are no fields and that seem to name the entity of a row, such as a patient with several visits."""
    numbers = {field.column: columns[field.name] for field in spec.field if field.kind in NUMERIC}
    truth = target[:, None] if spec.is_regression else np.eye(len(spec.classes))[target.astype(int)]
    known = {spec.target.column, *(field.column for field in spec.field)}
    for name in (str(name) for name in table if name not in known):
        units = number_units(table[name].str.strip())
        if not names_entities(units):
            continue
        alike = [column for column, values in numbers.items() if intraclass_correlation(values[:, None], units) > _ALIKE]
        if 2 * len(alike) > len(numbers):
            same = ", ".join(alike[:_LISTED])
        elif intraclass_correlation(truth, units) > _ALIKE:
            same = f"the target '{spec.target.column}'"
        else:
            continue
        detail = (
            f"rows with the same value are nearly equal in {same}, as rows of one entity are, and fall on both sides of the split"
        )
        yield _finding("warning", name, "grouped", f'{detail}; write data.group = "{name}", or the test rows say too much')


def _target(spec: ModelSpec, target: Vector, is_test: Sides) -> Iterator[Finding]:
    column = spec.target.column
    if is_test.sum() < _LEAST_TEST_ROWS:
        detail = f"{int(is_test.sum())} test rows are too few to measure by; add rows, or raise data.test_share"
        yield _finding("error", "", "test_rows", detail)
    if len(np.unique(target)) == 1:
        yield _finding("error", column, "target_constant", "every row has the same target; there is nothing to learn")
    if not spec.is_regression:
        for position, name in enumerate(spec.classes):
            advice = "add rows of it, or remove its rows and its entry in target.classes"
            if (rows := int((target[~is_test] == position).sum())) < _LEAST_OF_CLASS:
                detail = f"class '{name}' has {rows} training row(s) and needs at least {_LEAST_OF_CLASS}; {advice}"
                yield _finding("error", column, "class_rare", detail)
            elif not (target[is_test] == position).any():
                detail = f"class '{name}' has no test row, so that nothing can be measured for it; {advice}"
                yield _finding("error", column, "class_untested", detail)
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
    if field.kind == "category" and len(field.choices) > MOST_INDICATORS:
        detail = (
            f"has {len(field.choices):,} choices, which trees cannot tell apart well; join rare choices, or use a coarser field"
        )
        yield _finding("warning", field.column, "many_choices", detail)
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


def _leakage(spec: ModelSpec, field: FieldTable, column: Vector, target: Vector, is_test: Sides) -> Iterator[Finding]:
    strength, measure = leakage(column, target, is_test, numbers=spec.is_regression)
    if strength > 0.98:
        detail = f"predicts the target alone ({measure} {strength:.3f} on held-out rows), as what is known only later does"
        advice = f'drop the field, or accept it: [[accept]] finding = "leakage", column = "{field.column}", reason = "…"'
        yield _finding("error", field.column, "leakage", f"{detail}; {advice}")
