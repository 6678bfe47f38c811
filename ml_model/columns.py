"""Many records at once, by column: what is valid beyond doubt is taken as it is, at a tenth of the cost of one by one.

The rules are those of ``records``, which alone refuses: wherever this room is not sure, it returns None, and the validator of
single records looks at each of them and names its faults. So a fault of this room can only be that it lets something pass; a test
draws records of every kind and compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from operator import itemgetter
from typing import Any

import numpy as np
from pydantic_core import PydanticCustomError

from ml_model.expressions import Column
from ml_model.features import encode_column, encode_days
from ml_model.record_type import day_between
from ml_model.records import Record
from ml_model.spec import ModelSpec
from ml_model.tables import NUMERIC, FieldTable, Value

Values = Sequence[Value]
_LARGEST = 2.0**62
"""Beyond it an integer of 64 bits ends."""
_EXACT = 2.0**53
"""From here on not each whole number is one of double precision, which is what the validator makes of it."""


@dataclass(frozen=True, slots=True)
class Block:
    """Valid records by column."""

    values: dict[str, Values]
    """Field name to one value per record, each in its own type."""
    encoded: dict[str, Column]
    """Field name to the same values as the feature layer encodes them, shape (n,)."""
    given: Sequence[Record] | None = None
    """The very records that were read, where each is complete and none of its values is written otherwise than it is understood;
    their fields come in the order of whoever sent them. Not to be changed."""

    def records(self) -> Iterator[Record]:
        """Return the same, record by record; who needs each for a moment alone pays for one at a time."""
        rows = zip(*self.values.values(), strict=True)
        return map(dict, map(zip, repeat(tuple(self.values)), rows))

    def record(self, row: int) -> Record:
        """Return one record."""
        return {name: column[row] for name, column in self.values.items()}


class ColumnReader:
    """Takes columns that are valid beyond doubt."""

    def __init__(self, spec: ModelSpec) -> None:
        self._fields = spec.field
        self._names = tuple(field.name for field in spec.field)
        self._optional: dict[str, object] = {field.name: None for field in spec.field if not field.required}
        self._row = itemgetter(*self._names) if len(self._names) > 1 else lambda record: (record[self._names[0]],)

    def of_valid(self, records: Sequence[Record]) -> Block:
        """Return records that the validator has let pass, by column."""
        values: dict[str, Values] = {field.name: [record[field.name] for record in records] for field in self._fields}
        return Block(values, {field.name: encode_column(field, values[field.name]) for field in self._fields})

    def read_records(self, records: Sequence[object]) -> Block | None:
        """Return records by column, or None where one of them needs a closer look."""
        width, rows, is_complete = len(self._names), [], True
        for record in records:
            if type(record) is not dict:
                return None
            whole = record
            if len(record) != width:
                whole, is_complete = self._optional | record, False
                if len(whole) != width:
                    return None
            try:
                rows.append(self._row(whole))
            except KeyError:
                return None
        columns = dict(zip(self._names, zip(*rows, strict=True), strict=True))
        block = self.read(columns)
        if block and is_complete and all(block.values[name] is column for name, column in columns.items()):
            return replace(block, given=records)  # type: ignore[arg-type]  # by now they are
        return block

    def read(self, columns: Mapping[str, Sequence[object]]) -> Block | None:
        """Return columns of one length, by field name, or None where one of their values needs a closer look."""
        if not columns.keys() <= set(self._names):
            return None
        lengths = set(map(len, columns.values()))
        if len(lengths) != 1 or 0 in lengths:
            return None
        block = Block({}, {})
        for field in self._fields:
            given = columns.get(field.name, tuple(repeat(None, max(lengths))))
            taken = _taken(field, given)
            if taken is None:
                return None
            block.values[field.name], block.encoded[field.name] = taken
        return block


def _taken(field: FieldTable, values: Sequence[object]) -> tuple[Values, Column] | None:
    kinds = set(map(type, values))
    if type(None) in kinds:
        if field.required:
            return None
        kinds.remove(type(None))
    if field.kind in NUMERIC:
        return _numbers(field, values, kinds) if kinds <= {int, float} else None
    if field.kind == "boolean":
        return (values, np.array(values, dtype=np.float64)) if kinds <= {bool} else None  # type: ignore[return-value]
    if field.kind == "date":
        return _days(field, values) if kinds <= {str} else None  # type: ignore[arg-type]
    # By type as well, because True equals 1 and 1.0 does.
    if not kinds <= {type(choice) for choice in field.codes}:
        return None
    codes: dict[Any, float] = {None: np.nan, **field.codes}
    return _coded(values, codes)


def _numbers(field: FieldTable, values: Sequence[Any], kinds: set[type]) -> tuple[Values, Column] | None:
    try:
        column = np.array(values, dtype=np.float64)
    except OverflowError:
        return None
    is_negative_zero = np.signbit(column) & (column == 0)
    column += 0.0  # -0.0 is stored and hashed as 0.0
    unknown = values.count(None)
    low, high = field.range or (-np.inf, np.inf)
    if np.count_nonzero((column >= low) & (column <= high)) != len(values) - unknown:
        return None
    if field.kind == "number":
        if kinds <= {float} and not is_negative_zero.any():
            return values, column
        numbers: list[float] | list[int] = column.tolist()
    else:
        whole = np.nan_to_num(column)
        largest = np.abs(whole).max()
        if (whole != np.floor(whole)).any() or largest > _LARGEST:
            return None
        if kinds <= {int} and largest < _EXACT:
            return values, column
        numbers = whole.astype(np.int64).tolist()
    if not unknown:
        return numbers, column
    return [None if given is None else number for given, number in zip(values, numbers, strict=True)], column


def _days(field: FieldTable, values: Sequence[str | None]) -> tuple[Values, Column] | None:
    check = day_between(field.earliest, field.latest)
    codes: dict[Any, float] = {None: np.nan}
    for day in set(values) - {None}:
        try:
            check(day)
        except PydanticCustomError:
            return None
        codes[day] = encode_days(day)
    return _coded(values, codes)


def _coded(values: Sequence[object], codes: Mapping[Any, float]) -> tuple[Values, Column] | None:
    try:
        return values, np.array(list(map(codes.__getitem__, values)), dtype=np.float64)  # type: ignore[return-value]
    except KeyError:
        return None
