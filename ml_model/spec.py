"""``model.toml`` as a typed, frozen ``ModelSpec``: the one contract behind every door."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from ml_model.acceptance import ACCEPTANCE, AcceptTable, BehaviourTable, GatesTable, SliceTable
from ml_model.errors import SpecError
from ml_model.expressions import Expression, Vocabulary, parse
from ml_model.spec_faults import LISTS, faults_of
from ml_model.spec_rules import ANY, Fault, Tables, faults_across, vocabulary_of
from ml_model.tables import (
    NAME,
    TABLES,
    DataTable,
    DerivedTable,
    EstimatorTable,
    FieldTable,
    IntervalTable,
    ModelTable,
    SectionTable,
    Table,
    TargetTable,
    Value,
)
from ml_model.texts import toml_text


class ModelSpec(Table):
    """The whole of ``model.toml``."""

    model: ModelTable
    target: TargetTable
    data: DataTable
    section: tuple[SectionTable, ...]
    field: Annotated[tuple[FieldTable, ...], Field(min_length=1)]
    derived: tuple[DerivedTable, ...] = ()
    estimator: EstimatorTable
    interval: IntervalTable = IntervalTable()
    slice: tuple[SliceTable, ...] = ()
    behaviour: tuple[BehaviourTable, ...] = ()
    accept: tuple[AcceptTable, ...] = ()
    gates: GatesTable | None = None

    @cached_property
    def fields(self) -> dict[str, FieldTable]:
        """Fields by name, in the order of the file."""
        return {field.name: field for field in self.field}

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What expressions may name."""
        return vocabulary_of(self.field)

    @cached_property
    def expressions(self) -> dict[str, Expression]:
        """Derived features by name, parsed."""
        return {derived.name: parse(derived.expression, self.vocabulary) for derived in self.derived}

    @cached_property
    def slices(self) -> dict[str, Expression]:
        """Conditions of the slices by name, parsed."""
        return {one.name: parse(one.where, self.vocabulary) for one in self.slice}

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The classes of a classification, in the order of the file."""
        return tuple(value for value, _ in self.target.classes)

    @property
    def is_regression(self) -> bool:
        """Whether a number is predicted, rather than a class."""
        return self.model.task == "regression"

    def example(self) -> dict[str, Value]:
        """A typical record."""
        return {field.name: field.example for field in self.field}

    @property
    def task_is_multiclass(self) -> bool:
        """Whether one of several classes is predicted."""
        return self.model.task == "multiclass"


def read_spec_text(path: Path) -> str:
    """Return the text of a ``model.toml``, see ``toml_text``; raise SpecError if it cannot be read."""
    try:
        return toml_text(path.read_bytes())
    except OSError as error:
        raise SpecError("file", f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SpecError("file", f"cannot be read: {error}") from error


def load_spec(path: Path, *, released: bool = False) -> ModelSpec:
    """Read and parse a ``model.toml``; raise SpecError if it is missing or wrong."""
    return parse_spec(read_spec_text(path), released=released)


def parse_spec(text: str, *, released: bool = False) -> ModelSpec:
    """Parse the text of a ``model.toml``; raise SpecError that names the key of every fault.

    A ``released`` spec was accepted once, and is not held to rules that came later.
    """
    try:
        tree = tomllib.loads(text)
    except ValueError as error:
        raise SpecError("file", f"is not valid TOML: {error}{_advice(text, str(error))}") from error
    faults: list[Fault] = []
    try:
        spec = ModelSpec.model_validate(_frozen(tree))
        tables = Tables(**{name: getattr(spec, name) for name in _ACROSS})
    except ValidationError as error:
        faults = faults_of(error, tree, _MODELS, ModelSpec)
        tables = _readable(tree)
    faults += [fault for fault in faults_across(tables, released=released) if fault not in faults]
    if faults:
        raise SpecError(*faults[0], *faults[1:])
    return spec


_MODELS = TABLES | ACCEPTANCE
_ACROSS = ("model", "target", "section", "field", "derived", "slice", "behaviour", "gates")
"""Tables that have rules together."""


def _readable(tree: Mapping[str, object]) -> Tables:
    """The tables of a faulty spec that are right each by itself."""
    found: dict[str, Any] = {}
    unreadable: set[tuple[str, str]] = set()
    for key in _ACROSS:
        given = tree.get(key)
        tables = []
        for table in given if isinstance(given, list) else [given]:
            try:
                tables.append(_MODELS[key].model_validate(_frozen(table)))
            except ValidationError:
                if key in LISTS and key in tree:
                    name = table.get("name") if isinstance(table, dict) else None
                    unreadable.add((key, name if isinstance(name, str) and re.fullmatch(NAME, name) else ANY))
        if key in {"section", "field"} and not tables:
            unreadable.add((key, ANY))
        found[key] = tuple(tables) if key in LISTS else next(iter(tables), None)
    return Tables(**found, unreadable=frozenset(unreadable))


def _advice(text: str, problem: str) -> str:
    """What to write where the words of the parser do not say it."""
    line = int(found[1]) if (found := re.search(r"line (\d{1,9})", problem)) else 0
    written = next(islice(text.split("\n"), line - 1, None), "") if line else ""
    value = written.partition("=")[2].strip()
    advice = ""
    if re.search("[\u201c\u201d\u201e\u201f\u2018\u2019\u00ab\u00bb]", written):
        advice = ' Write straight quotes: "…".'
    elif "\\" in value:
        advice = " Write paths with /."
    elif value in {"True", "False", "TRUE", "FALSE", "yes", "no"}:
        advice = " Write true or false."
    elif re.fullmatch(r"[+-]?\d{1,20},\d{1,20}", value):
        advice = " Write a point for decimals."
    elif re.match("[^\\W\\d]", value):
        advice = ' Write text in quotes: "…".'
    elif "overwrite" in problem:
        advice = " A key stands twice; leave one out."
    return f" {written.strip()[:80]!r}.{advice}" if written.strip() else advice


def _frozen(value: object) -> object:
    """TOML arrays as tuples, all the way down."""
    if isinstance(value, dict):
        return {key: _frozen(inner) for key, inner in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
