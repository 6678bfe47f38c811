"""Records against the spec: one validator for every door, and the way from text (a form, a CSV cell) to values."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, Strict, TypeAdapter, ValidationError, with_config
from pydantic_core import ErrorDetails, PydanticCustomError
from typing_extensions import TypedDict

from ml_model.errors import FieldError, RecordsRefused, SpecError, nearest
from ml_model.expressions import NONE_CHOICE
from ml_model.spec import ModelSpec
from ml_model.tables import NUMERIC, UNKNOWN_CELL, FieldTable, Value
from ml_model.texts import plain

T = TypeVar("T")
Record = dict[str, Value]
"""One value per field of the spec, in its order; None where unknown."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_DAY = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
_YES = frozenset({"y", "yes", "true", "t", "1"})
_NO = frozenset({"n", "no", "false", "f", "0"})
_NOT_AVAILABLE = "NA"
_LISTED = 12
_HINTED = 20


class RecordValidator:
    """Checks records against a spec; every fault of every record at once."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self._adapter = TypeAdapter(_record_type(spec))
        self._check = self._adapter.validator.validate_python
        self._unknown: Record = dict.fromkeys(spec.fields)
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
        refused: dict[int, Sequence[FieldError]] = {}
        for row, record in enumerate(records):
            try:
                given = self._check(record)
            except ValidationError as error:
                # Looking for the nearest name is slow, and a body of nothing but unknown names would take minutes.
                refused[row] = self._faults(error, record, hints=_HINTED if len(refused) < _HINTED else 0)
            else:
                answered = self._unknown | given
                for name in self._decimals:
                    # -0.0 compares equal to 0.0; it is also to be stored and hashed as that.
                    if answered[name] == 0:
                        answered[name] = 0.0
                valid.append(answered)
        if refused:
            raise RecordsRefused(refused)
        return valid

    def json_schema(self) -> dict[str, Any]:
        """The contract as JSON Schema (draft 2020-12), each property with its words, unit and example."""
        schema = self._adapter.json_schema()
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        return schema

    def _faults(self, error: ValidationError, record: object, *, hints: int) -> list[FieldError]:
        if not isinstance(record, dict):
            return [FieldError(pointer="", code="record", detail="Send one object of field names and values.")]
        found: dict[str, FieldError] = {}
        for fault in error.errors(include_url=False):
            name = _printable(str(fault["loc"][0])) if fault["loc"] else ""
            found.setdefault(name, self._fault(name, fault, hint=len(found) < hints))
        order = {name: position for position, name in enumerate(self.spec.fields)}
        return sorted(found.values(), key=lambda one: order.get(one.field, len(order)))

    def _fault(self, name: str, fault: ErrorDetails, *, hint: bool) -> FieldError:
        pointer = f"/{name.replace('~', '~0').replace('/', '~1')}"
        if fault["type"] == "extra_forbidden":
            detail = f"There is no field '{name}'.{nearest(name, self.spec.fields) if hint else ''}"
            return FieldError(pointer=pointer, code="unknown_field", detail=detail)
        if name not in self.spec.fields:
            return FieldError(pointer="", code="text", detail="The name of a field is not valid text.")
        code, detail = _explain(self.spec.fields[name], fault)
        return FieldError(pointer=pointer, code=code, detail=detail)


def read_text(field: FieldTable, text: str) -> Value:
    """Return what a person or a file wrote as the value that JSON would have carried.

    Text that is no such value is handed on as it is, so that the validator says what is wrong with it.
    """
    text = text.strip()
    if not text:
        return None
    if field.kind in NUMERIC:
        return read_number(text)
    if field.kind == "boolean":
        return True if text.casefold() in _YES else False if text.casefold() in _NO else text
    number = read_number(text) if any(isinstance(choice, int) for choice in field.codes) else text
    return number if isinstance(number, int) else text


def read_cell(field: FieldTable, text: str) -> Value:
    """Return the value of a cell of a data file, where an empty cell, also written ``NA``, may mean "has none"."""
    text = plain(text)
    if text == _NOT_AVAILABLE and _NOT_AVAILABLE not in field.codes:
        text = ""
    if field.empty_cell == "none" and not text:
        return NONE_CHOICE
    if text == UNKNOWN_CELL and UNKNOWN_CELL not in field.codes:
        return None
    if field.choices and (choice := read_choice(field.spellings, text)) is not None:
        return choice
    if field.kind == "boolean" and (number := read_number(text)) in (0, 1):
        return bool(number)  # programs of statistics write true as 1.0
    return read_text(field, text)


def read_choice(spellings: Mapping[str, T], text: str) -> T | None:
    """Return what plain ``text`` stands for, or None; a whole number may be written with decimals that are zero."""
    if text in spellings:
        return spellings[text]
    number = read_number(text)
    return spellings.get(str(number)) if isinstance(number, int) else None


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
    text = f"{value:,.6f}".rstrip("0").rstrip(".")
    return f"{text} {field.unit}" if field.unit else text.replace(",", "")


def read_number(text: str) -> str | int | float:
    """Return the number that ``text`` writes in plain digits, or the text as it is where it writes none."""
    if not _NUMBER.fullmatch(text):
        return text
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _record_type(spec: ModelSpec) -> Any:
    members: dict[str, Any] = {}
    for field in spec.field:
        annotation = _annotation(field)
        extra: dict[str, Any] = {} if field.required else {"default": None}
        extra |= {"examples": [field.example]} | ({"x-unit": field.unit} if field.unit else {})
        described = Field(title=field.label, description=_description(field), json_schema_extra=extra)
        members[field.name] = (
            Annotated[annotation, described] if field.required else NotRequired[Annotated[annotation | None, described]]
        )
    # A dictionary, and no class: fields may be called as a method is, and what is asked for is a dictionary.
    return with_config(ConfigDict(extra="forbid", strict=True))(TypedDict(spec.model.noun, members))  # type: ignore[operator]


def _annotation(field: FieldTable) -> Any:
    match field.kind:
        case "number" | "integer":
            low, high = field.range or (None, None)
            number = Annotated[float, Field(ge=low, le=high, allow_inf_nan=False)]
            if field.kind == "number":
                return number
            return Annotated[number, AfterValidator(_whole), Field(json_schema_extra={"type": "integer"})]
        case "boolean":
            return bool
        case "date":
            days = Annotated[str, Strict(), BeforeValidator(day_between(field.earliest, field.latest))]
            return Annotated[days, Field(json_schema_extra={"format": "date", "pattern": _DAY.pattern})]
    choice: Any = Literal[tuple(field.codes)]
    # Of text nothing equals a boolean, and the validator is quicker where it need not ask Python.
    return Annotated[choice, BeforeValidator(_no_boolean)] if any(isinstance(one, int) for one in field.codes) else choice


def _whole(value: float) -> int:
    """An integer is a number without a fraction, as in JSON Schema: 2.0 is one, 2.5 is not."""
    if not value.is_integer():
        raise PydanticCustomError("not_whole", "not a whole number")
    return int(value)


def _no_boolean(value: object) -> object:
    """In JSON true is not 1, and Python, by whose equality a Literal goes, holds them equal."""
    if isinstance(value, bool):
        raise PydanticCustomError("literal_error", "not a choice")
    return value


def day_between(earliest: str, latest: str) -> Callable[[object], object]:
    """Return the check of a date's text, which returns it or raises PydanticCustomError."""

    def check(value: object) -> object:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            raise PydanticCustomError("date_type", "not a date")
        try:
            dt.date.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("date_type", "not a date") from None
        if not earliest <= value <= latest:
            raise PydanticCustomError("date_range", "out of range")
        return value

    return check


def _description(field: FieldTable) -> str:
    parts = [field.help, f"In {field.unit}." if field.unit else ""]
    parts += [f"A day from {field.earliest} to {field.latest}."] if field.kind == "date" else []
    parts += [f"One of {'; '.join(f'{choice}: {word}' for choice, word in field.choices)}."] if field.choices else []
    parts += [f"Null or left out where not known{': ' + field.blank if field.blank else '.'}"] if not field.required else []
    return " ".join(filter(None, parts))


def _explain(field: FieldTable, fault: ErrorDetails) -> tuple[str, str]:
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
        listed = [str(choice) for choice in field.codes]
        choices = ", ".join(listed[:_LISTED]) + (f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else "")
        written = given[:80] if isinstance(given, str) else _shown(given)
        hint = nearest(written, listed) if isinstance(given, str) else ""
        if written in listed:
            hint = f" Send it as {'a number' if isinstance(given, str) else 'text'}."
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
