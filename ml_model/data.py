"""The data layer: check the table of a file against the spec, split it so that a row never changes sides."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from ml_model.csv_files import has_decimal_commas, number_cells, read_table
from ml_model.errors import DataError, RecordsRefused, in_one_line, nearest
from ml_model.records import Record, RecordValidator, read_cell, read_choice, read_number
from ml_model.spec import ModelSpec
from ml_model.spec_faults import faults_of
from ml_model.split import are_copies, hold_out, number_units
from ml_model.tables import NUMERIC, FieldTable
from ml_model.texts import plain, toml_text

if TYPE_CHECKING:
    import pandas as pd

_LISTED = 5


class Provenance(BaseModel):
    """Where a data file comes from; lies beside it as ``provenance.toml``, one table per file name."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    origin: str
    """Who published it, where, and how it reached this project."""
    licence: str
    extraction: str = ""
    """The code that made the file out of what was published, with its version."""
    sha256: str
    """Digest of the file; a file that was changed is not the file that is described."""
    rows: int
    columns: int


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A training set that keeps to its spec."""

    table: pd.DataFrame
    """The raw rows as text, indexed by their lines."""
    records: list[Record]
    """One valid record per row."""
    target: npt.NDArray[np.float64]
    """Shape (rows,): the number to predict, or the position of the class in the spec."""
    is_test: npt.NDArray[np.bool_]
    """Shape (rows,): which rows are held out."""
    units: npt.NDArray[np.int64]
    """Shape (rows,): the number of the unit of each row; rows of one unit stay together in the split and in folds."""
    provenance: Provenance


def records_of(table: pd.DataFrame, spec: ModelSpec) -> list[dict[str, object]]:
    """Return the rows of a table as records, not yet validated; columns may bear raw names or names of fields.

    Raises DataError naming the columns that are missing: an optional answer may be left blank, but not forgotten.
    """
    columns = {field.name: name for field in spec.field for name in _possible_columns(spec, field, table) if name in table}
    missing = [field.column for field in spec.field if field.name not in columns]
    if missing:
        hint = nearest(missing[0], map(str, table.columns))
        raise DataError(
            f"{len(missing)} column(s) are missing: {', '.join(missing[:_LISTED])}{' …' if len(missing) > _LISTED else ''}.{hint}"
        )
    read = {field.name: [read_cell(field, cell) for cell in _cells(table, field, columns[field.name])] for field in spec.field}
    return [dict(zip(read, row, strict=True)) for row in zip(*read.values(), strict=True)]


def load_dataset(spec: ModelSpec, folder: Path) -> Dataset:
    """Read, check and split the data file of the spec, which lies relative to ``folder``; raise DataError for any fault."""
    path = folder / spec.data.file
    provenance = read_provenance(path)
    if file_digest(path) != provenance.sha256:
        raise DataError(f"{path.name}: its digest is not the one in provenance.toml; record the new origin and sha256 there")
    table = read_table(path)
    if (len(table), len(table.columns)) != (provenance.rows, provenance.columns):
        raise DataError(f"{path.name}: provenance.toml says {provenance.rows} × {provenance.columns}, the file has {table.shape}")
    if spec.target.column not in table:
        raise DataError(
            f"{path.name}: there is no target column '{spec.target.column}'.{nearest(spec.target.column, table.columns)}"
        )
    try:
        records = RecordValidator(spec).validate(records_of(table, spec))
    except RecordsRefused as refused:
        row, (fault, *_) = next(iter(refused.errors_by_row.items()))
        count, column = len(refused.errors_by_row), spec.fields[fault.field].column if fault.field in spec.fields else fault.field
        raise DataError(
            f"{path.name}: {count} row(s) break model.toml; line {table.index[row]}, column '{column}': {fault.detail}"
        ) from refused
    _check_trained_ranges(spec, records)
    target, units = read_target(spec, table), units_of(spec, table)
    is_test = _sides(spec, table, units)
    return Dataset(table=table, records=records, target=target, is_test=is_test, units=units, provenance=provenance)


def units_of(spec: ModelSpec, table: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the number of each row's unit, shape (rows,); rows of one unit stay together.

    A unit is a value of ``data.group``, else of ``data.identity``, else of all fields together if equal rows can be copies.
    """
    for key, names in (("group", spec.data.group), ("identity", spec.data.identity)):
        if unknown := [name for name in names if name not in table]:
            raise DataError(f"data.{key}: there is no column '{unknown[0]}'.{nearest(unknown[0], table.columns)}")
    if columns := list(spec.data.group or spec.data.identity):
        return number_units(tuple(map(str.strip, row)) for row in table[columns].itertuples(index=False, name=None))
    units = number_units(tuple(record.values()) for record in records_of(table, spec))
    return units if are_copies(units) else np.arange(len(units))


def held_out(spec: ModelSpec, table: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return which rows are test rows, shape (rows,)."""
    return _sides(spec, table, units_of(spec, table))


def _sides(spec: ModelSpec, table: pd.DataFrame, units: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    # The target never identifies a row: a corrected target would move the row to the other side.
    columns = list(spec.data.group or spec.data.identity) or [str(name) for name in table if name != spec.target.column]
    texts = ["\x1f".join(row) for row in table[columns].itertuples(index=False, name=None)]
    classes = None if spec.is_regression else read_target(spec, table).astype(np.int64)
    return hold_out(units, texts, share=spec.data.test_share, salt=spec.data.split_salt, classes=classes)


def read_provenance(path: Path) -> Provenance:
    """Return the origin of a data file from ``provenance.toml`` in its folder; raise DataError if it is not there."""
    provenance = path.with_name("provenance.toml")
    wanted = f'a table ["{path.name}"] with origin, licence, sha256, rows and columns'
    needed = f"{path.name}: {provenance.name} in its folder needs {wanted}"
    try:
        table = tomllib.loads(toml_text(provenance.read_bytes()))[plain(path.name)]
        return Provenance.model_validate(table)
    except ValidationError as error:
        faults = "; ".join(": ".join(fault) for fault in faults_of(error, table, {}, Provenance))
        raise DataError(f"{needed}: {faults}") from error
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{needed}: {in_one_line(error)}") from error


def file_digest(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits; raises DataError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def read_target(spec: ModelSpec, table: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return the column to predict, shape (rows,): a number, or the position of the class; raise DataError naming the line."""
    cells = number_cells(table, spec.target.column) if spec.is_regression else [plain(cell) for cell in table[spec.target.column]]
    known = _numbers(cells) if spec.is_regression else _positions(spec.classes, cells)
    wrong = next((row for row, cell in enumerate(cells) if cell not in known), None)
    if wrong is not None:
        line = table.index[wrong]
        wanted = "a finite number" if spec.is_regression else f"one of {', '.join(spec.classes)}"
        raise DataError(f"line {line}: target '{spec.target.column}' is '{cells[wrong]}', not {wanted}")
    target = np.array([known[cell] for cell in cells], dtype=np.float64)
    if spec.target.transform == "log" and (target <= 0).any():
        line = table.index[int(np.argmax(target <= 0))]
        raise DataError(f"line {line}: target '{spec.target.column}' is not positive, which transform = 'log' needs")
    return target


def writes_decimal_commas(spec: ModelSpec, table: pd.DataFrame) -> bool:
    """Return whether a table that ``records_of`` has read writes numbers with a decimal comma."""
    return has_decimal_commas(
        table, (name for field in spec.field if _holds_numbers(field) for name in (field.column, field.name))
    )


def _possible_columns(spec: ModelSpec, field: FieldTable, table: pd.DataFrame) -> tuple[str, str]:
    """Names of the column of a field, the last of which is preferred.

    A column that has the name of another field is that field's, unless the table has the other field's raw column as well.
    """
    other = spec.fields.get(field.column, field)
    is_others = other is not field and other.column not in table
    return (field.column, field.name) if is_others else (field.name, field.column)


def _cells(table: pd.DataFrame, field: FieldTable, column: str) -> Iterable[str]:
    return number_cells(table, column) if _holds_numbers(field) else table[column]


def _holds_numbers(field: FieldTable) -> bool:
    return field.kind in NUMERIC or field.kind == "boolean" or any(isinstance(choice, int) for choice in field.codes)


def _positions(classes: Sequence[str], cells: list[str]) -> Mapping[str, float]:
    spellings = {plain(name): position for position, name in enumerate(classes)}
    read = {cell: read_choice(spellings, cell) for cell in set(cells)}
    return {cell: position for cell, position in read.items() if position is not None}


def _numbers(cells: list[str]) -> Mapping[str, float]:
    read = {cell: read_number(cell) for cell in cells}
    return {cell: number for cell, number in read.items() if not isinstance(number, str) and np.isfinite(number)}


def _check_trained_ranges(spec: ModelSpec, records: list[Record]) -> None:
    for field in spec.field:
        if field.kind not in NUMERIC or field.trained is None:
            continue
        values = [float(value) for record in records if isinstance(value := record[field.name], (int, float))]
        if not values or field.trained[0] < min(values) or field.trained[1] > max(values):
            seen = f"{min(values):g} to {max(values):g}" if values else "nothing"
            raise DataError(f"field[{field.name}].trained claims more than the data shows, which is {seen}")
