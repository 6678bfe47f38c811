"""The feature layer: records to the model's matrix, by the same code in training and in serving."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from operator import call
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_model.expressions import Column, Columns
from ml_model.records import Record
from ml_model.spec import ModelSpec
from ml_model.tables import FieldTable, Value

Matrix = npt.NDArray[np.float64]
MOST_INDICATORS = 255
"""Most choices of a field that get an indicator each in a dense matrix."""
_PLAIN = frozenset({int, float, bool, type(None)})
"""Types of what numpy makes the same number of as ``_number`` does."""
_EPOCH = dt.date(1970, 1, 1).toordinal()


class FeatureEncoder:
    """Turns valid records into a matrix with one column per feature of the spec.

    A number stands as it is, a boolean as 0 or 1, a date as days since 1970-01-01, a choice as its position in the
    spec (so the positions of an ordered field are its ranks), anything unknown as NaN; derived features follow.

    >>> from ml_model.tables import FieldTable
    >>> rooms = FieldTable(name="rooms", column="Rooms", kind="integer", section="main", label="Rooms",
    ...                    range=(0, 9), trained=(1, 8), example=3, required=False)
    >>> encode_column(rooms, [3, None])
    array([ 3., nan])
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._fields = spec.field
        self._expressions = spec.expressions
        plain = [field for field in spec.field if field.feature]
        self.names: tuple[str, ...] = (*(field.name for field in plain), *spec.expressions)
        """Names of the columns of the matrix, in order."""
        self.choices: dict[int, int] = {
            position: len(spec.fields[name].choices)
            for position, name in enumerate(self.names)
            if name in spec.fields and spec.fields[name].kind == "category"
        }
        """Position of each column that holds an unordered category, with the number of its choices."""
        numbers = [field for field in plain if _is_number(field)]
        coded = [field for field in plain if not _is_number(field)]
        self._numbers = [field.name for field in numbers]
        self._coded, self._coders = [field.name for field in coded], [_coder(field) for field in coded]
        places = {name: place for place, name in enumerate((*self._numbers, *self._coded, *spec.expressions))}
        self._order = [places[name] for name in self.names]
        self._derived = [expression.evaluate_one for expression in spec.expressions.values()]
        read = [spec.fields[name] for name in sorted({name for one in spec.expressions.values() for name in one.names})]
        self._numbers_read = [field.name for field in read if _is_number(field)]
        self._codes_read = [(field.name, _coder(field)) for field in read if not _is_number(field)]

    def matrix(self, records: Sequence[Record]) -> Matrix:
        """Return the features of valid records, shape (len(records), len(self.names)), float64, NaN where unknown."""
        if len(records) == 1:
            return self._single(records[0])
        return self.derive(
            {field.name: encode_column(field, [record[field.name] for record in records]) for field in self._fields}
        )

    def derive(self, columns: Columns) -> Matrix:
        """Return the matrix of records that are encoded already: ``columns`` by field name, each of shape (n,)."""
        known = dict(columns)
        for name, expression in self._expressions.items():
            known[name] = expression.evaluate(columns)
        return np.column_stack([known[name] for name in self.names])

    def _single(self, record: Record) -> Matrix:
        # An array per field and step would take ten times as long as the numbers of one record do.
        read = {name: math.nan if (value := record[name]) is None else value + 0.0 for name in self._numbers_read}  # type: ignore[operator]  # as in _number
        read |= {name: encode(record[name]) for name, encode in self._codes_read}
        codes = map(call, self._coders, map(record.__getitem__, self._coded))
        derived = [derive(read) for derive in self._derived]
        numbers = list(map(record.__getitem__, self._numbers))
        if not _PLAIN.issuperset(map(type, numbers)):
            numbers = list(map(_number, numbers))
        values = [*numbers, *codes, *derived]
        # Numbers stand as they are, and numpy makes NaN of an unknown one's None.
        return np.array([[*map(values.__getitem__, self._order)]], dtype=np.float64)


def encode_column(field: FieldTable, values: Sequence[Value]) -> Column:
    """Return the values of one field as float64, shape (len(values),), NaN where unknown."""
    return np.array(list(map(_coder(field), values)), dtype=np.float64)


def _is_number(field: FieldTable) -> bool:
    return not field.choices and field.kind != "date"


def _coder(field: FieldTable) -> Callable[[Value], float]:
    if field.choices:
        codes: dict[Any, float] = {None: math.nan} | {choice: float(code) for choice, code in field.codes.items()}
        return codes.__getitem__
    return _number if _is_number(field) else _days


def _number(value: Value) -> float:
    # float() would also read text and bytes, and make a number of what the validator never let through.
    return math.nan if value is None else value + 0.0  # type: ignore[operator]


def _days(day: Value) -> float:
    return math.nan if day is None else encode_days(day)


def encode_days(day: Value) -> float:
    """Return a date's text as days since 1970-01-01."""
    return float(dt.date.fromisoformat(str(day)).toordinal() - _EPOCH)
