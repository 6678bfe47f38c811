"""What to be careful about in an answer: values that the model has not learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml_model.artifacts import FieldProfile
from ml_model.expressions import Columns
from ml_model.records import Record, in_words, number_in_words
from ml_model.spec import ModelSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreWarning:
    """A reason to trust one answer less."""

    field: str
    """The field that it is about."""
    code: str
    """``outside_training`` or ``unseen_choice``."""
    detail: str
    """One sentence for the reader of the answer."""


class Caution:
    """Finds the warnings of records, by the spec and the profile of the training data; KeyError where that lacks a field."""

    def __init__(self, spec: ModelSpec, profile: Mapping[str, FieldProfile]) -> None:
        self._noun = spec.model.noun
        self._fields = spec.fields
        self._numbers = [(field.name, *_learnt(field.trained, profile[field.name])) for field in spec.field if field.trained]
        unseen = {
            field.name: frozenset(choice for choice in field.codes if not profile[field.name].choices[str(choice)])
            for field in spec.field
        }
        self._choices = [(name, choices) for name, choices in unseen.items() if choices]
        self._order = {name: position for position, name in enumerate(spec.fields)}

    def rows(self, encoded: Columns) -> list[int]:
        """Return the rows that carry a warning; ``encoded`` are columns as the feature layer encodes them."""
        careful = np.zeros(len(next(iter(encoded.values()))), dtype=bool)
        for name, low, high in self._numbers:
            careful |= (encoded[name] < low) | (encoded[name] > high)
        for name, unseen in self._choices:
            careful |= np.isin(encoded[name], [self._fields[name].codes[choice] for choice in unseen])
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
        for name, unseen in self._choices:
            value = record[name]
            if value in unseen:
                field = self._fields[name]
                detail = f"{field.label}: the model has not seen one {self._noun} with '{in_words(field, value)}'."
                found.append(ScoreWarning(field=name, code="unseen_choice", detail=detail))
        return tuple(sorted(found, key=lambda one: self._order[one.field])) if found else ()


def _learnt(trained: tuple[float, float], held: FieldProfile) -> tuple[float, float]:
    """The range of a number that the spec claims, no wider than the training rows show it."""
    low = trained[0] if held.least is None else max(trained[0], held.least)
    high = trained[1] if held.greatest is None else min(trained[1], held.greatest)
    return low, high
