"""The INSERT behind every door: answers go to the table as rows, without an instance of the model for each.

Instances, their field machinery and ``bulk_create`` took several times as long as the database itself (``docs/performance.md``).
What Django knows of the table stays in use: the names of its columns, the defaults of what a new row does not tell, the
connection, its transactions and its errors.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import repeat
from typing import Any
from uuid import UUID

import orjson
from django.db import DatabaseError, connection, connections, transaction
from django.db.backends.utils import CursorWrapper

from predictions.models import Prediction

logger = logging.getLogger(__name__)


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


@dataclass(slots=True, kw_only=True)
class NewPredictions:
    """Answers that are stored together; what they do not have in common is by column, in the order of the rows."""

    created_at: dt.datetime
    source: str
    user_id: int | None
    model_name: str
    model_version: str
    level: float | None
    ids: list[str]
    """As UUIDs are written."""
    inputs: list[str]
    """JSON."""
    values: list[float | None]
    lows: list[float | None]
    highs: list[float | None]
    labels: list[str]
    probabilities: list[dict[str, float] | None]
    warnings: list[list[dict[str, str]]]


def insert(new: NewPrediction) -> None:
    """Store a new prediction; raise IntegrityError where its submission or its id is stored already."""
    row = _sqlite_row(new) if connection.vendor == "sqlite" else _row(new)
    # One statement is a transaction of its own; inside of another one a refusal must leave that one usable.
    inside = transaction.atomic() if connection.in_atomic_block else nullcontext()
    with _turn(), inside, connection.cursor() as cursor:
        cursor.execute(_statement(connection.alias), row)


def insert_many(new: NewPredictions) -> None:
    """Store new predictions, all or none; raise IntegrityError where an id is stored already."""
    on_sqlite = connection.vendor == "sqlite"
    rows = zip(
        [one.replace("-", "") for one in new.ids] if on_sqlite else new.ids,
        repeat(_text_of(new.created_at) if on_sqlite else new.created_at),
        repeat(new.source),
        repeat(new.user_id),
        repeat(None),
        repeat(None),
        repeat(new.model_name),
        repeat(new.model_version),
        new.inputs,
        new.values,
        new.lows,
        new.highs,
        repeat(new.level),
        new.labels,
        map(_text_of_shares, new.probabilities),
        map(_text_of_warnings, new.warnings),
        map(bool, new.warnings),
        strict=False,  # what is repeated has no end
    )
    checkpoint()
    with _turn(), connection.cursor() as cursor, _at_length(cursor), transaction.atomic():
        cursor.executemany(_statement(connection.alias), rows)  # type: ignore[arg-type]  # it takes any iterable


_AT_LENGTH = {
    # What is stored as JSON was written as JSON a moment ago; to check it takes a seventh of the time.
    "ignore_check_constraints": 1,
    # The rows of one body and their indexes, which would otherwise be written, read and written again.
    "cache_size": -16_000,
    # To copy the log into the database takes as long as to write it, and can wait for the answer: see ``checkpoint``.
    "wal_autocheckpoint": 0,
}


@contextmanager
def _at_length(cursor: CursorWrapper) -> Iterator[None]:
    """Have SQLite write thousands of rows at half of their cost, and then be as it was."""
    if connection.vendor != "sqlite":
        yield
        return
    before = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in _AT_LENGTH}
    try:
        for name, value in _AT_LENGTH.items():
            cursor.execute(f"PRAGMA {name} = {value}")
        yield
    finally:
        for name, value in before.items():
            cursor.execute(f"PRAGMA {name} = {value}")
        _log.is_long = True


class _Log(threading.local):
    """Whether this thread has left a long log of writes behind."""

    is_long = False


_log = _Log()


def checkpoint(**_: object) -> None:
    """Copy the log that many rows have left behind into the database, where the database is SQLite; else do nothing.

    Called when an answer is on its way, and before more rows come where none was.
    """
    if not _log.is_long or connection.in_atomic_block:
        return
    _log.is_long = False
    try:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
    except DatabaseError:
        # What is in the log is stored; the next writer copies it.
        logger.warning("the log of the database could not be copied into it", exc_info=True)


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
        _text_of_shares(one.probabilities),
        _text_of_warnings(one.warnings),
        bool(one.warnings),
    )


def _text_of_shares(shares: dict[str, float] | None) -> str | None:
    return None if shares is None else orjson.dumps(shares).decode()


def _text_of_warnings(warnings: list[dict[str, str]]) -> str:
    return orjson.dumps(warnings).decode() if warnings else "[]"
