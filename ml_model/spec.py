"""``model.toml`` as a typed, frozen ``ModelSpec``: the one contract behind every door."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from ml_model.acceptance import ACCEPTANCE, BehaviourTable, GatesTable, SliceTable
from ml_model.errors import ExpressionError, SpecError, nearest
from ml_model.expressions import Expression, Vocabulary, parse
from ml_model.metrics import METRICS, MetricKind
from ml_model.tables import (
    NUMERIC,
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

MOST_FIELDS = 900
"""Most fields of a model: a form or a JSON object of the site has 1,000 values at most, and some of a form are not fields."""


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
    gates: GatesTable | None = None

    @cached_property
    def fields(self) -> dict[str, FieldTable]:
        """Fields by name, in the order of the file."""
        return {field.name: field for field in self.field}

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What expressions may name."""
        return {field.name: {str(choice): code for choice, code in field.codes.items()} or None for field in self.field}

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

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.field) > MOST_FIELDS:
            raise ValueError(f"there are {len(self.field)} fields; at most {MOST_FIELDS} can be asked, so leave some out")
        names = [field.name for field in self.field] + [derived.name for derived in self.derived]
        columns = [field.column for field in self.field]
        sections = [section.name for section in self.section]
        for what, words in (("name", names), ("column", columns), ("section name", sections)):
            for word in words:
                if words.count(word) > 1:
                    raise ValueError(f"{what} '{word}' is used twice")
        for field in self.field:
            if field.section not in sections:
                raise ValueError(
                    f"field '{field.name}': there is no section '{field.section}'.{nearest(field.section, sections)}"
                )
        if not self.derived and not any(field.feature for field in self.field):
            raise ValueError("no field is a feature and no feature is derived: the model would see nothing")
        if self.target.column in columns:
            raise ValueError(f"the target column '{self.target.column}' is also a field: the model would be told the answer")
        wanted = {"regression": range(1), "binary": range(2, 3), "multiclass": range(3, 1000)}[self.model.task]
        if len(self.target.classes) not in wanted:
            raise ValueError(
                f"target.classes has {len(self.target.classes)} classes, which does not fit task '{self.model.task}'"
            )
        if self.target.classes and self.target.transform != "none":
            raise ValueError("target.transform is for numbers; leave it out for classes")
        self._check_acceptance()
        return self

    def _check_acceptance(self) -> None:
        known = {name: kind for name, kind in METRICS.items() if kind.numbers == self.is_regression}
        if self.gates:
            for name in (self.gates.metric, *self.gates.limits):
                if name not in known:
                    raise ValueError(f"gates: there is no metric '{name}' for this task.{nearest(name, known)}")
            if not known[self.gates.metric].is_loss:
                raise ValueError(f"gates.metric '{self.gates.metric}' is no loss; use one of {_losses(known)}")
        for one in self.behaviour:
            if one.field not in self.fields:
                raise ValueError(f"behaviour '{one.name}': there is no field '{one.field}'.{nearest(one.field, self.fields)}")
            number = isinstance(one.amount, (int, float)) and not isinstance(one.amount, bool)
            if one.change != "set" and not (number and self.fields[one.field].kind in NUMERIC):
                raise ValueError(f"behaviour '{one.name}': '{one.change}' needs a field that is a number, and a number as amount")
            if one.change == "set" and self.fields[one.field].choices and one.amount not in self.fields[one.field].codes:
                raise ValueError(f"behaviour '{one.name}': field '{one.field}' has no choice {one.amount!r}")
            if one.change == "set" and not self.fields[one.field].choices and not _fits(self.fields[one.field], one.amount):
                raise ValueError(f"behaviour '{one.name}': field '{one.field}' cannot be {one.amount!r}")
        if self.task_is_multiclass and self.behaviour:
            raise ValueError("behaviour needs a number or two classes: with several there is no direction")

    @property
    def task_is_multiclass(self) -> bool:
        """Whether one of several classes is predicted."""
        return self.model.task == "multiclass"


def parse_spec(text: str) -> ModelSpec:
    """Parse the text of a ``model.toml``; raise SpecError that names the key."""
    try:
        tree = tomllib.loads(text)
    except ValueError as error:
        raise SpecError("file", f"is not valid TOML: {error}") from error
    try:
        spec = ModelSpec.model_validate(_frozen(tree))
    except ValidationError as error:
        raise _named(error, tree) from error
    written = [(f"derived[{one.name}].expression", one.expression) for one in spec.derived]
    written += [(f"slice[{one.name}].where", one.where) for one in spec.slice]
    for key, expression in written:
        try:
            parse(expression, spec.vocabulary)
        except ExpressionError as error:
            raise SpecError(key, str(error)) from error
    return spec


def load_spec(path: Path) -> ModelSpec:
    """Read and parse a ``model.toml``; raise SpecError where it is missing or wrong."""
    try:
        return parse_spec(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError("file", f"cannot be read: {error}") from error


def _fits(field: FieldTable, amount: object) -> bool:
    if field.kind == "date":
        return isinstance(amount, str) and field.earliest <= amount <= field.latest
    if field.kind == "boolean" or isinstance(amount, bool):
        return field.kind == "boolean" and isinstance(amount, bool)
    return isinstance(amount, (int, float)) and field.range is not None and field.range[0] <= amount <= field.range[1]


def _losses(known: Mapping[str, MetricKind]) -> str:
    return ", ".join(name for name, kind in known.items() if kind.is_loss)


def _frozen(value: object) -> object:
    """TOML arrays as tuples, all the way down."""
    if isinstance(value, dict):
        return {key: _frozen(inner) for key, inner in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _named(error: ValidationError, tree: object) -> SpecError:
    """The first fault, with its key as the user wrote it: ``field[living_area].kind``."""
    first = error.errors(include_url=False)[0]
    key, here = "", tree
    for step in first["loc"]:
        if isinstance(step, int):
            here = here[step] if isinstance(here, list) and step < len(here) else None
            name = here.get("name") if isinstance(here, dict) else None
            key += f"[{name if isinstance(name, str) and name.isprintable() else step}]"
        elif isinstance(here, dict) and (step in here or first["type"] == "missing"):
            here = here.get(step)
            key += f".{step}" if key else step
    match first["type"]:
        case "extra_forbidden":
            tables = TABLES | ACCEPTANCE
            parents = [tables[str(step)] for step in first["loc"][:-1] if str(step) in tables]
            problem = f"unknown key.{nearest(str(first['loc'][-1]), (parents or [ModelSpec])[-1].model_fields)}"
        case "missing":
            problem = "is missing"
        case "value_error":
            problem = str(first["ctx"]["error"])
        case _:
            problem = f"{first['msg']}; got {first['input']!r:.80}"
    return SpecError(key or "file", problem)
