"""What to be careful about in an answer: values that the model has not learnt from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml_model.artifacts import FieldProfile
from ml_model.expressions import Columns
from ml_model.features import encode_column, encode_days
from ml_model.records import Record, in_words, number_in_words
from ml_model.spec import ModelSpec
from ml_model.tables import FieldTable, Value

_FAR = 0.1
"""Share of the days from the first to the last of the training rows: a date is far outside if it lies beyond by more of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreWarning:
    """A reason to trust one answer less."""

    field: str
    """The field that it is about."""
    code: str
    """``outside_training``, ``unseen_choice`` or ``unseen_unknown``."""
    detail: str
    """One sentence for the reader of the answer."""


class Caution:
    """Finds the warnings of records, by the spec and the profile of the training data; KeyError where that lacks a field."""

    def __init__(self, spec: ModelSpec, profile: Mapping[str, FieldProfile]) -> None:
        self._noun = spec.model.noun
        self._fields = spec.fields
        self._numbers = [(field.name, *_learnt(field.trained, profile[field.name])) for field in spec.field if field.trained]
        self._days = [(name, *_near(held)) for name, held in profile.items() if name in spec.fields and held.first_day]
        self._profile = profile
        unseen = {field.name: _unseen(field, profile[field.name]) for field in spec.field}
        self._unseen = [(name, values, encode_column(spec.fields[name], [*values])) for name, values in unseen.items() if values]
        # A field that says what is done about a blank has a blank that is meant: it is no reason for a warning.
        self._always_known = [
            field.name for field in spec.field if not (field.required or field.blank or profile[field.name].unknown)
        ]
        self._order = {name: position for position, name in enumerate(spec.fields)}

    def rows(self, encoded: Columns) -> list[int]:
        """Return the rows that carry a warning; ``encoded`` are columns as the feature layer encodes them."""
        careful = np.zeros(len(next(iter(encoded.values()))), dtype=bool)
        for name, low, high in self._numbers:
            careful |= (encoded[name] < low) | (encoded[name] > high)
        for name, first, last in self._days:
            careful |= (encoded[name] < encode_days(first)) | (encoded[name] > encode_days(last))
        for name, _, codes in self._unseen:
            careful |= np.isin(encoded[name], codes)
        for name in self._always_known:
            careful |= np.isnan(encoded[name])
        return np.flatnonzero(careful).tolist()

    def warnings(self, record: Record) -> tuple[ScoreWarning, ...]:
        """Return the warnings of one record, in the order of its fields."""
        found = []
        for name, least, most in self._numbers:
            value = record[name]
            if value is not None and not least <= value <= most:  # type: ignore[operator]  # a valid number
                field = self._fields[name]
                low, high = (number_in_words(field, limit) for limit in (least, most))
                detail = f"{field.label}: the model has learnt from {low} to {high}; {in_words(field, value)} lies outside."
                found.append(ScoreWarning(field=name, code="outside_training", detail=detail))
        for name, first, last in self._days:
            value = record[name]
            if value is not None and not first <= value <= last:  # type: ignore[operator]  # days as text compare as days do
                held, label = self._profile[name], self._fields[name].label
                detail = f"{label}: the model has learnt from {held.first_day} to {held.last_day}; {value} lies far outside."
                found.append(ScoreWarning(field=name, code="outside_training", detail=detail))
        for name, unseen, _ in self._unseen:
            value = record[name]
            if value in unseen:
                field = self._fields[name]
                detail = f"{field.label}: the model has not seen one {self._noun} with '{in_words(field, value)}'."
                found.append(ScoreWarning(field=name, code="unseen_choice", detail=detail))
        for name in self._always_known:
            if record[name] is None:
                detail = f"{self._fields[name].label}: it was known of every {self._noun} that the model has learnt from."
                found.append(ScoreWarning(field=name, code="unseen_unknown", detail=detail))
        return tuple(sorted(found, key=lambda one: self._order[one.field])) if found else ()


def _learnt(trained: tuple[float, float], held: FieldProfile) -> tuple[float, float]:
    """The range of a number that the spec claims, no wider than the training rows show it."""
    low = trained[0] if held.least is None else max(trained[0], held.least)
    high = trained[1] if held.greatest is None else min(trained[1], held.greatest)
    return low, high


def _unseen(field: FieldTable, held: FieldProfile) -> frozenset[Value]:
    """Choices of a field, or truth values, that no training row has."""
    possible: tuple[Value, ...] = (False, True) if field.kind == "boolean" and held.choices else tuple(field.codes)
    return frozenset(value for value in possible if not held.choices[str(value)])


def _near(held: FieldProfile) -> tuple[str, str]:
    """The first and the last day that are not far from those of the training rows."""
    first, last = (dt.date.fromisoformat(day).toordinal() for day in (held.first_day, held.last_day))
    margin = int(_FAR * (last - first))
    earliest, latest = max(first - margin, dt.date.min.toordinal()), min(last + margin, dt.date.max.toordinal())
    return dt.date.fromordinal(earliest).isoformat(), dt.date.fromordinal(latest).isoformat()
