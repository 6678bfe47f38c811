"""The browser's form, drawn from the spec. It reads and keeps what was typed; whether it is right, the validator says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.forms import BoundField

from ml_model.errors import FieldError
from ml_model.records import Record, number_in_words, read_typed, write_text
from ml_model.spec import ModelSpec
from ml_model.tables import NUMERIC, FieldTable, SectionTable, Value

_NOT_KNOWN = "Not known"
_BUTTONS = 4
_BUTTONS_CHARACTERS = 32


def texts_of(record: Mapping[str, Value]) -> dict[str, str]:
    """Return a record as a person types it; what is not known is left out."""
    return {name: write_text(value) for name, value in record.items() if value is not None}


class Question(forms.Field):
    """One field of the spec. Its cleaned value is what the validator is to judge, and never refused here."""

    def __init__(self, field: FieldTable) -> None:
        self.asked = field
        super().__init__(required=False, label=field.label, widget=_widget(field), help_text=_hint(field))

    @property
    def unit(self) -> str:
        """Unit to show beside the box."""
        return self.asked.unit

    @property
    def optional(self) -> bool:
        """Whether it may stay blank."""
        return not self.asked.required

    @property
    def shape(self) -> str:
        """How the template lays it out: ``buttons``, ``list`` or ``box``."""
        if isinstance(self.widget, forms.RadioSelect):
            return "buttons"
        return "list" if isinstance(self.widget, forms.Select) else "box"

    def to_python(self, value: Any) -> Value:
        """Return the typed text as the value that JSON would have carried."""
        return read_typed(self.asked, value or "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A group of questions: those that need an answer first, the others folded away."""

    table: SectionTable
    needed: list[BoundField]
    optional: list[BoundField]

    @property
    def answered(self) -> int:
        """How many of the optional questions hold an answer."""
        return sum(bool(question.value()) for question in self.optional)

    @property
    def is_open(self) -> bool:
        """Whether an optional question has to be mended, and so must be seen."""
        return any(question.errors for question in self.optional)


class RecordForm(forms.Form):
    """All questions of a spec. ``data`` and ``initial`` are texts by the name of the field."""

    def __init__(
        self, spec: ModelSpec, data: Mapping[str, str] | None = None, *, initial: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        self.spec = spec
        for field in spec.field:
            self.fields[field.name] = Question(field)

    def record(self) -> Record:
        """Return what was typed as one record for the validator."""
        self.full_clean()
        return {name: self.cleaned_data[name] for name in self.spec.fields}

    def filled(self) -> Record:
        """Return what stands in the form now, sent or prefilled, without what is blank."""
        texts = {name: str(self[name].value() or "") for name in self.spec.fields}
        values = {name: read_typed(self.spec.fields[name], text) for name, text in texts.items()}
        return {name: value for name, value in values.items() if value is not None}

    def refuse(self, faults: Iterable[FieldError]) -> None:
        """Put the validator's faults on the questions that they are about."""
        for fault in faults:
            name = fault.field if fault.field in self.fields else None
            self.add_error(name, ValidationError(fault.detail, code=fault.code))

    def sections(self) -> list[Section]:
        """Return the sections in the order of the spec, without those that ask nothing."""
        found = []
        for table in self.spec.section:
            questions = [self[field.name] for field in self.spec.field if field.section == table.name]
            needed = [question for question in questions if not _question(question).optional]
            optional = [question for question in questions if _question(question).optional]
            if questions:
                found.append(Section(table=table, needed=needed, optional=optional))
        return found

    def faults(self) -> list[tuple[str, str]]:
        """Return each message with the id of the control that it is about; the id is empty where it is about none."""
        return [
            (_anchor(self[name]) if name in self.fields else "", str(message))
            for name in [*self.fields, NON_FIELD_ERRORS]
            for message in self.errors.get(name, [])
        ]


def _question(bound: BoundField) -> Question:
    return cast(Question, bound.field)


def _anchor(bound: BoundField) -> str:
    return f"{bound.auto_id}_0" if _question(bound).shape == "buttons" else bound.auto_id


def _widget(field: FieldTable) -> forms.Widget:
    attributes: dict[str, Any] = {"required": True} if field.required else {}
    if field.kind == "boolean" or field.choices:
        options = [(str(choice), words) for choice, words in field.choices] or [("yes", "Yes"), ("no", "No")]
        if _fits_buttons(field, options):
            blank = [] if field.required else [("", _NOT_KNOWN)]
            return forms.RadioSelect(attributes, choices=[*options, *blank])
        blank = [("", "Choose…" if field.required else _NOT_KNOWN)]
        return forms.Select(attributes, choices=[*blank, *options])
    if field.kind == "date":
        return forms.DateInput({**attributes, "type": "date", "min": field.earliest, "max": field.latest})
    # The keypad for digits has no minus sign on some phones.
    signed = field.range is not None and field.range[0] < 0
    keypad = "text" if signed else "numeric" if field.kind == "integer" else "decimal"
    return forms.TextInput({**attributes, "inputmode": keypad})


def _fits_buttons(field: FieldTable, options: list[tuple[str, str]]) -> bool:
    words = [word for _, word in options] + ([] if field.required else [_NOT_KNOWN])
    return len(words) <= _BUTTONS and sum(map(len, words)) <= _BUTTONS_CHARACTERS


def _hint(field: FieldTable) -> str:
    parts = [field.help]
    if field.kind in NUMERIC and field.range:
        low, high = (number_in_words(field, limit) for limit in field.range)
        parts.append(f"From {low.removesuffix(field.unit).strip()} to {high}.")
    if field.kind == "date":
        parts.append(f"From {field.earliest} to {field.latest}.")
    if not field.required:
        parts.append(f"If not known, {field.blank or 'leave it blank.'}")
    return " ".join(filter(None, parts))
