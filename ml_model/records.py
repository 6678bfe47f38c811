"""Records against the spec: one validator for every door, and the way from text (a form, a CSV cell) to values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ml_model.errors import FieldError, Hints, RecordsRefused, SpecError
from ml_model.expressions import NONE_CHOICE
from ml_model.number_format import shortest
from ml_model.record_type import record_type
from ml_model.spec import ModelSpec
from ml_model.tables import NUMERIC, UNKNOWN_CELL, FieldTable, Value
from ml_model.texts import plain, plain_number
from ml_model.typed_numbers import in_digits

T = TypeVar("T")
Record = dict[str, Value]
"""One value per field of the spec, in its order; None where unknown."""

_NUMBER = re.compile(r"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST_NUMBER = 10_000
"""Most characters of a number; longer text is no number."""
_LONGEST_CHOICE = 1_000
"""Most characters of a text that is brought into another Unicode form, which takes quadratic time."""
_YES = frozenset({"y", "yes", "true", "t", "1"})
_NO = frozenset({"n", "no", "false", "f", "0"})
_TRUTH = frozenset({"TRUE", "FALSE"})
_NOT_AVAILABLE = "NA"
_LISTED = 12


class RecordValidator:
    """Checks records against a spec; every fault of every record at once."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self._adapter = TypeAdapter(record_type(spec))
        self._check = self._adapter.validator.validate_python
        self._unknown: Record = dict.fromkeys(spec.fields)
        self._order = {name: position for position, name in enumerate(spec.fields)}
        self._decimals = tuple(field.name for field in spec.field if field.kind == "number")
        try:
            self.validate([spec.example()])
        except RecordsRefused as refused:
            fault = refused.errors_by_row[0][0]
            raise SpecError(f"field[{fault.field}].example", fault.detail) from refused

    def validate(self, records: Sequence[object]) -> list[Record]:
        """Return the records in the order of the spec's fields, each number in its own type.

        Raises RecordsRefused with the faults of all records, each with its pointer, code and sentence.
        """
        valid: list[Record] = []
        refused: dict[int, int] = {}
        for row, record in enumerate(records):
            try:
                given = self._check(record)
            except ValidationError as error:
                respelled = self._respelled(record)
                if respelled is None:
                    refused[row] = error.error_count()
                    continue
                given = respelled
            answered = self._unknown | given
            for name in self._decimals:
                # -0.0 compares equal to 0.0; it is also to be stored and hashed as that.
                if answered[name] == 0:
                    answered[name] = 0.0
            valid.append(answered)
        if refused:
            raise RecordsRefused(_Faults(self, records, refused), count=sum(refused.values()))
        return valid

    def json_schema(self) -> dict[str, Any]:
        """The contract as JSON Schema (draft 2020-12), each property with its words, unit and example."""
        schema = self._adapter.json_schema()
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        return schema

    def faults(self, record: object, hints: Hints) -> list[FieldError]:
        """Return the faults of a record in the order of the spec's fields; ``hints`` finds the nearest names and choices."""
        if not isinstance(record, dict):
            return [FieldError(pointer="", code="record", detail="Send one object of field names and values.")]
        found: dict[str, FieldError] = {}
        try:
            self._check(record)
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                name = _printable(str(fault["loc"][0])) if fault["loc"] else ""
                if name not in found:
                    found[name] = self._fault(name, fault, hints)
        return sorted(found.values(), key=lambda one: self._order.get(one.field, len(self._order)))

    def _respelled(self, record: object) -> Record | None:
        """Return a record that is valid once its choices are written in the Unicode form of the spec, or None."""
        if not isinstance(record, dict):
            return None
        choices = {}
        for name, field in self.spec.fields.items():
            given = record.get(name)
            if field.choices and isinstance(given, str) and not given.isascii() and len(given) <= _LONGEST_CHOICE:
                choices[name] = field.spellings.get(unicodedata.normalize("NFC", given), given)
        try:
            return self._check(record | choices) if choices else None
        except ValidationError:
            return None

    def _fault(self, name: str, fault: ErrorDetails, hints: Hints) -> FieldError:
        pointer = f"/{name.replace('~', '~0').replace('/', '~1')}"
        if fault["type"] == "extra_forbidden":
            detail = f"There is no field '{name}'.{hints.nearest(name, self.spec.fields)}"
            return FieldError(pointer=pointer, code="unknown_field", detail=detail)
        if name not in self.spec.fields:
            return FieldError(pointer="", code="text", detail="The name of a field is not valid text.")
        code, detail = _explain(self.spec.fields[name], fault, hints)
        return FieldError(pointer=pointer, code=code, detail=detail)


class _Faults(Mapping[int, Sequence[FieldError]]):
    """Faults by row. They are described only when they are read, because a body of a few megabytes can hold millions."""

    def __init__(self, validator: RecordValidator, records: Sequence[object], rows: Mapping[int, int]) -> None:
        self._validator, self._records, self._rows, self._hints = validator, records, rows, Hints()

    def __getitem__(self, row: int) -> Sequence[FieldError]:
        if row not in self._rows:
            raise KeyError(row)
        return self._validator.faults(self._records[row], self._hints)

    def __contains__(self, row: object) -> bool:
        return row in self._rows

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def read_text(field: FieldTable, text: str) -> Value:
    """Return what a person or a file wrote as the value that JSON would have carried.

    Text that is no such value is handed on as it is, so that the validator says what is wrong with it.
    """
    text = plain(text)
    if not text:
        return None
    if field.kind in NUMERIC:
        return read_number(plain_number(text))
    if field.kind == "boolean":
        return True if text.casefold() in _YES else False if text.casefold() in _NO else text
    if field.kind == "date":
        return plain_number(text)
    if (choice := read_choice(field.spellings, text)) is not None:
        return choice
    number = read_number(text) if any(isinstance(choice, int) for choice in field.codes) else text
    return number if isinstance(number, int) else text


def read_typed(field: FieldTable, text: str) -> Value:
    """Return what a person typed: as ``read_text`` does, and numbers also with thousands marks, a decimal comma or their unit."""
    value = read_text(field, text)
    if field.kind not in NUMERIC or not isinstance(value, str):
        return value
    number = read_number(in_digits(value.removesuffix(field.unit).rstrip()))
    return value if isinstance(number, str) else number


def read_cell(field: FieldTable, text: str) -> Value:
    """Return the value of a cell of a data file, where an empty cell, also written ``NA``, may mean "has none"."""
    text = plain(text)
    if text == _NOT_AVAILABLE and _NOT_AVAILABLE not in field.codes:
        text = ""
    if field.empty_cell == "none" and not text:
        return NONE_CHOICE
    if text == UNKNOWN_CELL and UNKNOWN_CELL not in field.codes:
        return None
    if field.kind == "boolean" and (number := read_number(text)) in (0, 1):
        return bool(number)  # programs of statistics write true as 1.0
    return read_text(field, text)


def read_choice(spellings: Mapping[str, T], text: str) -> T | None:
    """Return what plain ``text`` stands for, or None.

    As spreadsheets write them, a whole number may have decimals that are zero, and ``True`` or ``true`` capital letters.
    """
    if text in spellings:
        return spellings[text]
    number = read_number(text)
    if isinstance(number, int):
        return spellings.get(str(number))
    words = (text.capitalize(), text.lower()) if text in _TRUTH else ()
    return next((spellings[word] for word in words if word in spellings), None)


def write_cell(field: FieldTable, value: Value) -> str:
    """Return the cell of a data file that ``read_cell`` reads as ``value``."""
    return UNKNOWN_CELL if value is None and field.empty_cell == "none" else write_text(value)


def write_text(value: Value) -> str:
    """Return a value as a person types it, so that ``read_text`` reads it back."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def in_words(field: FieldTable, value: Value) -> str:
    """Return a value as a person reads it: ``1,656 sq ft``, ``Typical``, ``not known``."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) or (isinstance(value, int) and not field.choices):
        return number_in_words(field, value)
    return field.words.get(value, str(value))


def number_in_words(field: FieldTable, value: float) -> str:
    """Return a number with no more decimals than it has and its unit; thousands are set apart only where there is a unit."""
    text = shortest(value)
    return f"{text} {field.unit}" if field.unit else text.replace(",", "")


def read_number(text: str) -> str | int | float:
    """Return the number that ``text`` writes in plain digits, or the text as it is where it writes none."""
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return text
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _explain(field: FieldTable, fault: ErrorDetails, hints: Hints) -> tuple[str, str]:
    """Code and sentence for one fault of one field."""
    given = fault["input"]
    if fault["type"] == "missing" or given is None or (given == "" and field.required):
        return "required", f"{field.label} is needed."
    if fault["type"] == "finite_number":
        return "finite", f"{field.label} must be a finite number."
    if fault["type"] == "string_unicode":
        return "text", f"{field.label} holds characters that are not valid text."
    if field.kind == "date":
        if fault["type"] == "date_range":
            return "range", f"{field.label} must be a day from {field.earliest} to {field.latest}."
        return "date", f"{field.label} must be a date written as YYYY-MM-DD; got {_shown(given)}."
    if field.choices:
        choices, more = ", ".join(map(str, islice(field.codes, _LISTED))), len(field.codes) - _LISTED
        choices += f" and {more} more" if more > 0 else ""
        written = given[:80] if isinstance(given, str) else _shown(given)
        if written in field.spellings:
            hint = f" Send it as {'a number' if isinstance(given, str) else 'text'}."
        else:
            hint = hints.nearest(written, field.spellings) if isinstance(given, str) else ""
        return "choice", f"{field.label} must be one of {choices}; got {_shown(given)}.{hint}"
    if field.kind == "boolean":
        return "type", f"{field.label} must be true or false (yes or no in a form or a file); got {_shown(given)}."
    number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if fault["type"] == "not_whole":
        return "integer", f"{field.label} must be a whole number; got {_shown(given)}."
    if number and field.range:
        low, high = (number_in_words(field, limit) for limit in field.range)
        return "range", f"{field.label} must be from {low} to {high}; got {_shown(given)}."
    kind = "whole number" if field.kind == "integer" else "number"
    return "type", f"{field.label} must be a {kind}, digits only with a point for decimals; got {_shown(given)}."


def _shown(value: object) -> str:
    """A value in a sentence: short, and free of what cannot be printed or stored."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if abs(value) < 2**63 else "a longer number"
    if isinstance(value, float):
        if value.is_integer() and abs(value) >= 2**63:
            return "a longer number"  # some readers of JSON make a float of such a number, and others do not
        return f"{value:.12g}"
    if isinstance(value, str):
        text = _printable(value)
        return f"'{text[:40]}…'" if len(text) > 40 else f"'{text}'"
    return "a list" if isinstance(value, list) else "an object"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:80])
