"""The INSERT behind every door: answers go to the table as rows, without an instance of the model for each.

Instances, their field machinery and ``bulk_create`` took several times as long as the database itself (``docs/performance.md``).
What Django knows of the table stays in use: the names of its columns, the defaults of what a new row does not tell, the
connection, its transactions and its errors.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import chain, repeat
from typing import Any

import orjson
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from predictions import sqlite
from predictions.models import Prediction


@dataclass(slots=True, kw_only=True)
class NewPrediction:
    """An answer as it is stored; the attributes are those of ``Prediction``."""

    id: str
    """As a UUID is written."""
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
    values: Sequence[float | None]
    lows: Sequence[float | None]
    highs: Sequence[float | None]
    labels: Sequence[str]
    probabilities: Sequence[dict[str, float] | None]
    warnings: Mapping[int, list[dict[str, str]]]
    """By row, of those rows that have any."""


_COMMON = ("created_at", "source", "user_id", "visitor", "submission", "model_name", "model_version", "level")
"""Columns that rows which are stored together have in common."""
_OWN = ("id", "inputs", "value", "low", "high", "label", "probabilities", "warnings", "has_warnings")
"""Columns that each row has of its own; all others begin with their defaults."""
_ROWS = 100
"""Rows of one statement: with nine parameters each, fewer than the 999 that every build of SQLite takes."""


def insert(new: NewPrediction) -> None:
    """Store a new prediction; raise IntegrityError where its submission or its id is stored already."""
    common = (new.source, new.user_id, new.visitor, new.submission, new.model_name, new.model_version, new.level)
    own = (
        orjson.dumps(new.inputs).decode(),
        new.value,
        new.low,
        new.high,
        new.label,
        _text_of_shares(new.probabilities),
        _text_of_warnings(new.warnings),
        bool(new.warnings),
    )
    connection = sqlite.database()
    on_sqlite = connection.vendor == "sqlite"
    # As Django writes them to SQLite: an id as 32 hexadecimal digits, an instant as text in UTC.
    created_at, key = (sqlite.text_of(new.created_at), new.id.replace("-", "")) if on_sqlite else (new.created_at, new.id)
    # One statement is a transaction of its own; inside of another one a refusal must leave that one usable.
    with transaction.atomic() if connection.in_atomic_block else sqlite.Turn(connection):
        sqlite.run(connection, _statement(connection.alias), (created_at, *common, key, *own))


def insert_many(parts: Sequence[NewPredictions]) -> None:
    """Store new predictions, all or none; raise IntegrityError if an id is stored already."""
    connection = sqlite.database()
    # A few rows are stored before the settings for many are made and taken back.
    at_length = sqlite.at_length(connection) if parts and len(parts[0].ids) > _ROWS else nullcontext()
    with sqlite.Turn(connection), at_length, transaction.atomic():
        for part in parts:
            _insert_part(connection, part)


def _insert_part(connection: BaseDatabaseWrapper, new: NewPredictions) -> None:
    on_sqlite = connection.vendor == "sqlite"
    created_at = sqlite.text_of(new.created_at) if on_sqlite else new.created_at
    common = (created_at, new.source, new.user_id, None, None, new.model_name, new.model_version, new.level)
    warnings, has_warnings = ["[]"] * len(new.ids), [False] * len(new.ids)
    for row, found in new.warnings.items():
        warnings[row], has_warnings[row] = _text_of_warnings(found), True
    own = list(
        zip(
            [one.replace("-", "") for one in new.ids] if on_sqlite else new.ids,
            new.inputs,
            new.values,
            new.lows,
            new.highs,
            new.labels,
            map(_text_of_shares, new.probabilities),
            warnings,
            has_warnings,
            strict=True,
        )
    )
    if sqlite.is_watched(connection):
        with connection.cursor() as cursor:
            cursor.executemany(_statement(connection.alias), [common + row for row in own])
    elif on_sqlite:
        for start in range(0, len(own), _ROWS):
            some = own[start : start + _ROWS]
            sqlite.run(connection, _statement_of_many(connection.alias, len(some)), [*common, *chain.from_iterable(some)])
    else:
        _copy(connection, (common + row for row in own))


def _copy(connection: BaseDatabaseWrapper, rows: Iterable[tuple[Any, ...]]) -> None:
    """Store rows by the COPY of PostgreSQL, in a fifth of the time of ``executemany``."""
    table, begun = _into(connection.alias)
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copying:
        for row in rows:
            copying.write_row((*row, *begun))


def stored_as_new(prediction: Prediction) -> NewPrediction:
    """Return what a stored prediction was when it was new."""
    told = {field.name: getattr(prediction, field.name) for field in fields(NewPrediction)}
    return NewPrediction(**told | {"id": str(prediction.id)})


@lru_cache
def _statement(alias: str) -> str:
    table, begun = _into(alias)
    return f"INSERT INTO {table} VALUES ({', '.join([*repeat('%s', len(_COMMON + _OWN)), *map(_quoted, begun)])})"  # noqa: S608  # names and defaults of the model


@lru_cache(maxsize=2 * _ROWS)
def _statement_of_many(alias: str, rows: int) -> str:
    """Return the statement for so many rows in SQLite, with the parameters of ``_COMMON`` once and before those of the rows.

    It takes less than half of the time of ``executemany``, which gives all parameters again and begins anew for each row. With
    ``OR FAIL`` the transaction takes back the rows before one that fails, so SQLite keeps no second journal for that.
    """
    table, begun = _into(alias)
    common = range(1, len(_COMMON) + 1)
    values = []
    for row in range(rows):
        own = range(len(_COMMON) + row * len(_OWN) + 1, len(_COMMON) + (row + 1) * len(_OWN) + 1)
        values.append(f"({', '.join([*(f'?{number}' for number in chain(common, own)), *map(_quoted, begun)])})")
    return f"INSERT OR FAIL INTO {table} VALUES {', '.join(values)}"  # noqa: S608  # names and defaults of the model


def _into(alias: str) -> tuple[str, Sequence[object]]:
    """Return where a row goes, with the names of its columns, and what those that are not told begin with."""
    database = connections[alias]
    by_name = {field.attname: field for field in Prediction._meta.concrete_fields}  # noqa: SLF001  # public in all but its name
    told = _COMMON + _OWN
    begun = {
        name: default
        for name, field in by_name.items()
        if name not in told and (default := field.get_db_prep_save(field.get_default(), database)) is not None
    }
    columns = ", ".join(database.ops.quote_name(str(by_name[name].column)) for name in (*told, *begun))
    table = database.ops.quote_name(Prediction._meta.db_table)  # noqa: SLF001
    return f"{table} ({columns})", list(begun.values())


def _quoted(begun: object) -> str:
    # Nothing of a caller is in the text: names and defaults are those of the model.
    return f"'{begun}'"


def _text_of_shares(shares: dict[str, float] | None) -> str | None:
    return None if shares is None else orjson.dumps(shares).decode()


def _text_of_warnings(warnings: list[dict[str, str]]) -> str:
    return orjson.dumps(warnings).decode() if warnings else "[]"
