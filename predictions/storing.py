"""The INSERT behind every door: answers go to the table as rows, without an instance of the model for each.

Instances, their field machinery and ``bulk_create`` took several times as long as the database itself (``docs/performance.md``).
What Django knows of the table stays in use: the names of its columns, the defaults of what a new row does not tell, the
connection, its transactions and its errors.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, connections, transaction

from predictions.models import Prediction


@dataclass(slots=True, kw_only=True)
class NewPrediction:
    """An answer as it is stored; the attributes are those of ``Prediction``."""

    id: UUID
    created_at: dt.datetime
    source: str
    user_id: int | None
    visitor: str | None
    submission: str | None
    model_name: str
    model_version: str
    inputs: dict[str, Any]
    value: float | None
    low: float | None
    high: float | None
    level: float | None
    label: str
    probabilities: dict[str, float] | None
    warnings: list[dict[str, str]]


def insert(predictions: Sequence[NewPrediction]) -> None:
    """Store new predictions, all or none; raise IntegrityError where a submission or an id is stored already."""
    statement = _statement(connection.alias)
    rows = list(map(_sqlite_row if connection.vendor == "sqlite" else _row, predictions))
    # One statement is a transaction of its own; inside of another one a refusal must leave that one usable.
    alone = len(rows) == 1 and not connection.in_atomic_block
    with _turn(), nullcontext() if alone else transaction.atomic(), connection.cursor() as cursor:
        if len(rows) == 1:
            cursor.execute(statement, rows[0])
        else:
            cursor.executemany(statement, rows)


@contextmanager
def _turn() -> Iterator[None]:
    """Wait until no other thread or process of this machine is storing, where the database is SQLite.

    SQLite lets one write at a time and has the others ask again after 1, 2, 5, 10 … 100 ms, in no order: under load the last
    of a hundred waited for half a second. The lock of a file wakes the next one at once, and ends with its process.
    """
    alone = connection.vendor != "sqlite" or connection.in_atomic_block
    if alone or connection.is_in_memory_db():  # type: ignore[attr-defined]  # SQLite has it
        yield
        return
    try:
        queue = os.open(f"{connection.settings_dict['NAME']}-queue", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        # Another user's file, say. The queue is for speed alone: SQLite has writers wait as well, only longer.
        yield
        return
    try:
        fcntl.flock(queue, fcntl.LOCK_EX)
        yield
    finally:
        os.close(queue)


def stored_as_new(prediction: Prediction) -> NewPrediction:
    """Return what a stored prediction was when it was new."""
    return NewPrediction(**{field.name: getattr(prediction, field.name) for field in fields(NewPrediction)})


_TOLD = (*(field.name for field in fields(NewPrediction)), "has_warnings")
"""Columns that a new row tells, in the order of a row; all others begin with their defaults."""


@lru_cache
def _statement(alias: str) -> str:
    database = connections[alias]
    by_name = {field.attname: field for field in Prediction._meta.concrete_fields}  # noqa: SLF001  # public in all but its name
    defaults = {
        name: field.get_db_prep_save(field.get_default(), database) for name, field in by_name.items() if name not in _TOLD
    }
    begun = {name: default for name, default in defaults.items() if default is not None}
    columns = ", ".join(database.ops.quote_name(str(by_name[name].column)) for name in (*_TOLD, *begun))
    values = ", ".join([*["%s"] * len(_TOLD), *(f"'{default}'" for default in begun.values())])
    # Nothing of a caller is in the text: names and defaults are those of the model.
    table = database.ops.quote_name(Prediction._meta.db_table)  # noqa: SLF001
    return f"INSERT INTO {table} ({columns}) VALUES ({values})"  # noqa: S608


def _row(one: NewPrediction) -> tuple[Any, ...]:
    return (one.id, one.created_at, *_rest(one))


def _sqlite_row(one: NewPrediction) -> tuple[Any, ...]:
    # As Django writes them there: an id as 32 hexadecimal digits, an instant as text in UTC.
    return (one.id.hex, _text_of(one.created_at), *_rest(one))


@lru_cache(maxsize=8)
def _text_of(instant: dt.datetime) -> str:
    # All rows of one request have the same.
    return str(instant.replace(tzinfo=None))


def _rest(one: NewPrediction) -> tuple[Any, ...]:
    return (
        one.source,
        one.user_id,
        one.visitor,
        one.submission,
        one.model_name,
        one.model_version,
        orjson.dumps(one.inputs).decode(),
        one.value,
        one.low,
        one.high,
        one.level,
        one.label,
        None if one.probabilities is None else orjson.dumps(one.probabilities).decode(),
        orjson.dumps(one.warnings).decode() if one.warnings else "[]",
        bool(one.warnings),
    )
