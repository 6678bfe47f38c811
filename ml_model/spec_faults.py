"""The faults that pydantic finds in a table, with the key as the user wrote it and the text to write instead."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ml_model.errors import nearest

Models = Mapping[str, type[BaseModel]]
LISTS = ("section", "field", "derived", "slice", "behaviour", "accept")
"""Tables that stand any number of times, as ``[[field]]``."""
_EXAMPLES = {
    "example": '5, "text" or true',
    "amount": '5, "text" or true',
    "earliest": '"2020-01-31"',
    "latest": '"2020-01-31"',
    "name": '"living_area"',
}
"""How the values of keys are written for which the example of their type would say too little."""
_LISTS_OF_VALUES = {
    "range": "[0, 100]",
    "trained": "[10, 90]",
    "choices": '[["a", "Meaning of a"], ["b", "Meaning of b"]]',
    "classes": '[["no", "Meaning of no"], ["yes", "Meaning of yes"]]',
    "identity": '["Id"]',
    "group": '["Patient"]',
    "limits": "{rmse = [0, 10]}",
}
"""How the values of keys are written that are no single value."""


def faults_of(error: ValidationError, tree: object, models: Models, root: type[BaseModel]) -> list[tuple[str, str]]:
    """Return each fault with its key, such as ``field[living_area].kind``; ``models`` are the tables by their keys."""
    found: dict[str, list[ErrorDetails]] = {}
    for fault in error.errors(include_url=False):
        found.setdefault(_key(fault, tree), []).append(fault)
    return [(key or "file", _problem(faults, models, root)) for key, faults in found.items()]


def _key(fault: ErrorDetails, tree: object) -> str:
    key, here = "", tree
    for step in fault["loc"]:
        if isinstance(step, int):
            here = here[step] if isinstance(here, list) and step < len(here) else None
            name = here.get("name") if isinstance(here, dict) else None
            key += f"[{name if isinstance(name, str) and name.isprintable() else step}]"
        elif isinstance(here, dict) and (step in here or fault["type"] == "missing"):
            here = here.get(step)
            key += f".{step}" if key else step
    return key


def _problem(faults: Sequence[ErrorDetails], models: Models, root: type[BaseModel]) -> str:
    first = faults[0]
    given, context = first["input"], first.get("ctx", {})
    words = [step for step in first["loc"] if isinstance(step, str)]
    table = next((models[word] for word in reversed(words[:-1]) if word in models), root)
    name = next((word for word in reversed(words) if word in table.model_fields), words[-1] if words else "")
    match first["type"]:
        case "extra_forbidden":
            return f"unknown key.{nearest(words[-1], table.model_fields) or ' Leave it out.'}"
        case "missing":
            return f"is missing: {_right(name, table, models)}"
        case "value_error":
            return str(context["error"])
        case "string_pattern_mismatch":
            return _badly_named(name, str(given), "-" if words[0] == "model" else "_")
        case "string_too_short" | "too_short":
            return f"must not be empty: {_right(name, table, models)}"
        case "string_too_long":
            return f"is longer than {context['max_length']} characters; write it shorter"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            words_of = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
            limit = next(f"{words_of[kind]} {value:g}" for kind, value in context.items() if kind in words_of)
            return f"must be {limit}; got {given}"
        case "literal_error":
            listed = context["expected"]
            hint = nearest(given, re.findall("'([^']*)'", listed)) if isinstance(given, str) else ""
            return f"must be one of {listed}; got {_shown(given)}.{hint}"
        case "finite_number":
            return f"must be a finite number; got {given}"
    if name == "choices" and len(faults) > 1:
        return f"a choice is text in quotes or a whole number; got {_shown(given)}"
    if table is root and name in models:
        return f"is not written as a table: {_right(name, table, models)}"
    return f"{_kind(first['type'])}; got {_shown(given)}: {_right(name, table, models)}"


def _kind(fault: str) -> str:
    kinds = {
        "string_type": "must be text in quotes",
        "bool_type": "must be true or false, without quotes",
        "int_type": "must be a whole number, without quotes",
        "int_from_float": "must be a whole number",
        "float_type": "must be a number, without quotes",
        "tuple_type": "must be a list in brackets",
        "dict_type": "must be a table",
        "model_type": "must be a table",
        "too_long": "has too many parts",
    }
    return kinds.get(fault, "cannot be read")


def _right(name: str, table: type[BaseModel], models: Models) -> str:
    """What to write for a key, with an example."""
    if name in models and name not in _written_keys(table):
        nested = f"estimator.{name}" if name in {"linear", "boosting", "forest"} else name
        return f"write a line {f'[[{nested}]]' if name in LISTS else f'[{nested}]'} and its keys below it"
    return f"write {name} = {_EXAMPLES.get(name) or _example(table.model_fields[name].annotation) or _LISTS_OF_VALUES[name]}"


def _written_keys(table: type[BaseModel]) -> Iterator[str]:
    """Keys of a table that a value is written for, not a table of their own."""
    return (name for name, field in table.model_fields.items() if _example(field.annotation))


def _example(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return f'"{get_args(annotation)[0]}"'
    examples: dict[Any, str] = {bool: "true", int: "1", float: "0.5", str: '"…"'}
    if annotation in examples:
        return examples[annotation]
    parts = [part for part in get_args(annotation) if part is not type(None)]
    return _example(parts[0]) if parts and get_origin(annotation) not in {tuple, dict} else ""


def _badly_named(name: str, given: str, joint: str) -> str:
    if name != "name":
        return f'has spaces at its ends or is empty; write "{given.strip() or "a"}"'
    ascii_only = unicodedata.normalize("NFKD", given[:200]).encode("ascii", "ignore").decode().lower()
    proposed = re.sub("[^a-z0-9]+", joint, ascii_only).strip(joint)[:60]
    proposed = proposed if proposed[:1].isalpha() else f"x{joint}{proposed}".strip(joint)
    rule = (
        f"has lower-case letters, digits and {'dashes' if joint == '-' else 'underscores'}, at most 63, and begins with a letter"
    )
    return f'{rule}; got {_shown(given)}: write name = "{proposed}"'


def _shown(given: object) -> str:
    text = "true" if given is True else "false" if given is False else f"'{given}'" if isinstance(given, str) else str(given)
    text = "a list" if isinstance(given, (list, tuple)) else "a table" if isinstance(given, dict) else text
    return "".join(character if character.isprintable() else "�" for character in text[:80])
