"""The rules of ``model.toml`` across its tables; each yields every fault that it finds, with its key.

A rule that is new must not refuse a spec that was released before it: put it into ``_RULES_OF_NEW_SPECS``.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ml_model.acceptance import BehaviourTable, GatesTable, SliceTable
from ml_model.days import day_of
from ml_model.errors import ExpressionError, nearest
from ml_model.expression_types import check_types
from ml_model.expressions import FUNCTIONS, Vocabulary, parse
from ml_model.metrics import METRICS
from ml_model.tables import NUMERIC, DerivedTable, FieldTable, ModelTable, SectionTable, TargetTable
from ml_model.texts import plain, visible

Fault = tuple[str, str]
"""A key of ``model.toml`` and what is wrong with it."""
ANY = "*"
"""Stands for a name that is not known."""
_FORM_WORDS = frozenset({"csrfmiddlewaretoken", "id"})
MOST_FIELDS = 900
"""Most fields of a model: a form or a JSON object of the site has 1,000 values at most, and some of a form are not fields."""
_JSON_WORDS = frozenset({"true", "false", "null"})
RESERVED = frozenset(word.lower() for word in keyword.kwlist) | frozenset(FUNCTIONS) | _FORM_WORDS | _JSON_WORDS
"""Words of expressions, Python, JSON and forms, which no field can have as its name."""


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The tables of a ``model.toml`` that can be read each by itself; a fault in one hides no fault in another."""

    model: ModelTable | None
    target: TargetTable | None
    section: tuple[SectionTable, ...]
    field: tuple[FieldTable, ...]
    derived: tuple[DerivedTable, ...]
    slice: tuple[SliceTable, ...]
    behaviour: tuple[BehaviourTable, ...]
    gates: GatesTable | None
    unreadable: frozenset[tuple[str, str]] = frozenset()
    """Key and name of each table of a list that cannot be read; the name is ``ANY`` if it cannot be read either."""

    @property
    def fields(self) -> dict[str, FieldTable]:
        """Readable fields by name."""
        return {field.name: field for field in self.field}

    def may_be(self, key: str, name: str) -> bool:
        """Return whether a table of the list ``key`` that cannot be read may have the name."""
        return not self.unreadable.isdisjoint({(key, name), (key, ANY)})


def vocabulary_of(fields: Iterable[FieldTable]) -> Vocabulary:
    """Return what expressions may name."""
    return {field.name: {str(choice): code for choice, code in field.codes.items()} or None for field in fields}


def faults_across(tables: Tables, *, released: bool) -> Iterator[Fault]:
    """Yield the faults of tables together; a ``released`` spec is held to the rules that are as old as it may be."""
    for rule in _RULES if released else (*_RULES, *_RULES_OF_NEW_SPECS):
        yield from rule(tables)


def _count(tables: Tables) -> Iterator[Fault]:
    if len(tables.field) > MOST_FIELDS:
        yield "field", f"there are {len(tables.field)} fields; at most {MOST_FIELDS} can be asked, so leave some out"


def _names(tables: Tables) -> Iterator[Fault]:
    named = [*(("field", field.name) for field in tables.field), *(("derived", one.name) for one in tables.derived)]
    yield from _twice("name", [(f"{table}[{name}].name", name) for table, name in named])
    yield from _twice("column", [(f"field[{field.name}].column", field.column) for field in tables.field])
    yield from _twice("section name", [(f"section[{section.name}].name", section.name) for section in tables.section])


def _twice(what: str, words: list[Fault]) -> Iterator[Fault]:
    counts = Counter(word for _, word in words)
    for word, key in {word: key for key, word in words}.items():
        if counts[word] > 1:
            yield key, f"{what} '{word}' is used twice; write another"


def _sections(tables: Tables) -> Iterator[Fault]:
    names = [section.name for section in tables.section]
    for field in tables.field:
        if field.section not in names and not tables.may_be("section", field.section):
            yield f"field[{field.name}].section", f"there is no section '{field.section}'.{nearest(field.section, names)}"


def _features(tables: Tables) -> Iterator[Fault]:
    if not tables.unreadable and tables.field and not tables.derived and not any(field.feature for field in tables.field):
        yield "field", "no field is a feature and no feature is derived: the model would see nothing; leave out feature = false"


def _target(tables: Tables) -> Iterator[Fault]:
    target, model = tables.target, tables.model
    if not target:
        return
    if any(field.column == target.column for field in tables.field):
        yield "target.column", f"the target column '{target.column}' is also a field: the model would be given the answer"
    if not model:
        return
    wanted = {"regression": range(1), "binary": range(2, 3), "multiclass": range(3, 1000)}[model.task]
    if len(target.classes) not in wanted:
        needed = {"regression": "none", "binary": "two", "multiclass": "three or more"}[model.task]
        yield "target.classes", f"{len(target.classes)} classes do not fit task '{model.task}', which has {needed}"
    if target.classes and target.transform != "none":
        yield "target.transform", "is for numbers; leave it out for classes"


def _gates(tables: Tables) -> Iterator[Fault]:
    if not tables.gates or not tables.model:
        return
    known = {name: kind for name, kind in METRICS.items() if kind.numbers == (tables.model.task == "regression")}
    losses = ", ".join(name for name, kind in known.items() if kind.is_loss)
    for key, name in (("gates.metric", tables.gates.metric), *((f"gates.limits.{name}", name) for name in tables.gates.limits)):
        if name not in known:
            yield key, f"there is no metric '{name}' for this task.{nearest(name, known)}"
        elif key == "gates.metric" and not known[name].is_loss:
            yield key, f"'{name}' is no loss; use one of {losses}"


def _behaviours(tables: Tables) -> Iterator[Fault]:
    if tables.behaviour and tables.model and tables.model.task == "multiclass":
        yield "behaviour", "needs a number or two classes: with several there is no direction"
    for one in tables.behaviour:
        field, key = tables.fields.get(one.field), f"behaviour[{one.name}]"
        number = isinstance(one.amount, (int, float)) and not isinstance(one.amount, bool)
        if not field:
            if not tables.may_be("field", one.field):
                yield f"{key}.field", f"there is no field '{one.field}'.{nearest(one.field, tables.fields)}"
        elif one.change != "set" and not (number and field.kind in NUMERIC):
            yield key, f"'{one.change}' needs a field that is a number, and a number as amount"
        elif one.change == "set" and (problem := _misfit(field, one.amount)):
            yield f"{key}.amount", f"field '{one.field}' {problem}"


def _expressions(tables: Tables) -> Iterator[Fault]:
    vocabulary = vocabulary_of(tables.field)
    for key, expression in _written(tables):
        try:
            parse(expression, vocabulary)
        except ExpressionError as error:
            hidden = any(tables.may_be("field", name) for name in re.findall(r"\w+", expression))
            if not (hidden and "is not a field" in str(error)):
                yield key, str(error)


def _written(tables: Tables) -> Iterator[Fault]:
    """Key and text of each expression."""
    yield from ((f"derived[{one.name}].expression", one.expression) for one in tables.derived)
    yield from ((f"slice[{one.name}].where", one.where) for one in tables.slice)


def _expression_types(tables: Tables) -> Iterator[Fault]:
    vocabulary = vocabulary_of(tables.field)
    for key, expression in _written(tables):
        try:
            parse(expression, vocabulary)
        except ExpressionError:
            continue  # is reported by its own rule
        try:
            check_types(expression, tables.fields)
        except ExpressionError as error:
            yield key, str(error)


def _examples(tables: Tables) -> Iterator[Fault]:
    for field in tables.field:
        if problem := _misfit(field, field.example):
            yield f"field[{field.name}].example", problem


def _misfit(field: FieldTable, value: object) -> str:
    """What keeps a value from being an answer to a field; empty if nothing does."""
    if value is None:
        return "" if not field.required else "must have an answer, as the field is required"
    if field.choices:
        fits = value in field.codes and not isinstance(value, bool)
        return "" if fits else f"has no choice {value!r}; write one of {_listed(field.codes)}"
    if field.kind == "boolean":
        return "" if isinstance(value, bool) else f"cannot be {value!r}; write true or false"
    if field.kind == "date":
        try:
            fits = isinstance(value, str) and value == day_of(value).isoformat() and field.earliest <= value <= field.latest
        except ValueError:
            fits = False
        return "" if fits else f'cannot be {value!r}; write a day from "{field.earliest}" to "{field.latest}", in quotes'
    least, most = field.range or (0.0, 0.0)
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most
    if number and (field.kind == "number" or float(value).is_integer()):  # type: ignore[arg-type]  # it is a number
        return ""
    return f"cannot be {value!r}; write a {'whole number' if field.kind == 'integer' else 'number'} from {least:g} to {most:g}"


def _listed(values: Iterable[object]) -> str:
    shown = [f'"{value}"' if isinstance(value, str) else str(value) for value in values]
    return ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")


def _field_names(tables: Tables) -> Iterator[Fault]:
    columns = {field.column: field for field in tables.field}
    slugs: dict[str, str] = {}
    for field in tables.field:
        key = f"field[{field.name}].name"
        if field.name in RESERVED:
            reason = "is a word of expressions, forms, JSON or Python"
            yield key, f"'{field.name}' {reason}; write for example name = \"{field.name}_value\""
        other = columns.get(field.name, field)
        if other is not field:
            advice = f'write another name, for example name = "{field.name}_value"'
            yield key, f"'{field.name}' is also the column of field '{other.name}', so a CSV file could be misread; {advice}"
        if tables.target and tables.target.column == field.name:
            advice = f'write another name, for example name = "{field.name}_value"'
            yield key, f"'{field.name}' is also the target column, so a CSV file could be misread; {advice}"
        first = slugs.setdefault(_slug(field.name), field.name)
        if first != field.name:
            yield key, f"'{field.name}' and '{first}' differ in underscores only; write another name"
        if not field.column:
            yield f"field[{field.name}].column", "must not be blank; write the name of the column as it is in the header"


def _table_names(tables: Tables) -> Iterator[Fault]:
    yield from _twice("name", [(f"slice[{one.name}].name", one.name) for one in tables.slice])
    yield from _twice("name", [(f"behaviour[{one.name}].name", one.name) for one in tables.behaviour])


def _spellings(tables: Tables) -> Iterator[Fault]:
    for field in tables.field:
        for choice in field.codes:
            if isinstance(choice, str):
                yield from _unprintable(f"field[{field.name}].choices", choice)
            if field.spellings[plain(str(choice))] != choice:
                yield f"field[{field.name}].choices", f"'{choice}' stands twice, in two spellings that look alike; leave one out"


def _classes(tables: Tables) -> Iterator[Fault]:
    names = [name for name, _ in tables.target.classes] if tables.target else []
    for position, name in enumerate(names):
        yield from _unprintable("target.classes", name)
        if first := next((other for other in names[:position] if _slug(plain(other)) == _slug(plain(name))), None):
            advice = "write it alike in the data, and list it once"
            yield "target.classes", f"'{first}' and '{name}' differ in case, spaces, dashes or underscores at most; {advice}"


def _unprintable(key: str, word: str) -> Iterator[Fault]:
    if not plain(word):
        yield key, f"{word!r} is blank; write a name"
    elif word != visible(word).strip():
        yield key, f'{word!r} has spaces at its ends or characters that are not seen; write "{plain(word)}"'
    elif not word.isprintable():
        yield key, f"{word!r} has characters that cannot be shown; write a name without them"


def _slug(name: str) -> str:
    """A name as programs that allow only letters, digits and underscores write it, and those that do not look at case."""
    return re.sub(r"(?<=\w)[\s_-]+(?=\w)", "_", name).strip("_").casefold()


_Rule = Callable[[Tables], Iterator[Fault]]
_RULES: tuple[_Rule, ...] = (_names, _sections, _features, _target, _gates, _behaviours, _expressions)
_RULES_OF_NEW_SPECS: tuple[_Rule, ...] = (_count, _expression_types, _examples, _field_names, _table_names, _spellings, _classes)
