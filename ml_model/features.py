"""The feature layer: records to the model's matrix, by the same code in training and in serving."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ml_model.expressions import Column
from ml_model.records import Record
from ml_model.spec import ModelSpec
from ml_model.tables import FieldTable, Value

Matrix = npt.NDArray[np.float64]


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
        self.names: tuple[str, ...] = (*(field.name for field in spec.field if field.feature), *spec.expressions)
        """Names of the columns of the matrix, in order."""
        self.choices: dict[int, int] = {
            position: len(spec.fields[name].choices)
            for position, name in enumerate(self.names)
            if name in spec.fields and spec.fields[name].kind == "category"
        }
        """Position of each column that holds an unordered category, with the number of its choices."""

    def matrix(self, records: Sequence[Record]) -> Matrix:
        """Return the features of valid records, shape (len(records), len(self.names)), float64, NaN where unknown."""
        columns = {field.name: encode_column(field, [record[field.name] for record in records]) for field in self._fields}
        columns |= {name: expression.evaluate(columns) for name, expression in self._expressions.items()}
        return np.column_stack([columns[name] for name in self.names])


def encode_column(field: FieldTable, values: Sequence[Value]) -> Column:
    """Return the values of one field as float64, shape (len(values),), NaN where unknown."""
    encode = _encoder(field)
    return np.array([np.nan if value is None else encode(value) for value in values], dtype=np.float64)


def _encoder(field: FieldTable) -> Callable[[Value], float]:
    if field.choices:
        return field.codes.__getitem__  # type: ignore[return-value]  # a valid record holds only choices
    return _days if field.kind == "date" else _number


def _number(value: Value) -> float:
    # float() would also read text and bytes, and make a number of what the validator never let through.
    if not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def _days(day: Value) -> float:
    return float((dt.date.fromisoformat(str(day)) - dt.date(1970, 1, 1)).days)
