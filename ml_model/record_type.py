"""The type of a record, made from the spec: what pydantic checks and what the JSON Schema describes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, Strict, with_config
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from ml_model.spec import ModelSpec
from ml_model.tables import FieldTable

_DAY = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
_LARGEST = 2.0**62
"""Beyond it an integer of 64 bits ends, which is what JSON parsers and databases hold."""


def record_type(spec: ModelSpec) -> Any:
    """Return the type of a record, a TypedDict whose members are the fields of the spec."""
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


def _whole(value: float) -> float:
    """An integer is a number without a fraction, as in JSON Schema: 2.0 is one, 2.5 is not. A very large one stays a float."""
    if not value.is_integer():
        raise PydanticCustomError("not_whole", "not a whole number")
    return int(value) if abs(value) <= _LARGEST else value


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
