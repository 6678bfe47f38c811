"""A SQLite file with millions of predictions in minutes: some are really made, and SQLite multiplies them."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import cycle
from pathlib import Path

from benchmarks import harness

SEEDS = 2000
"""Predictions that are really made; the files repeat their inputs and answers, and nothing of what an index orders by."""
_TABLE = "predictions_prediction"
_YEARS_MS = 2 * 365 * 24 * 3600 * 1000
_RANDOM_HEX = "lower(hex(randomblob(16)))"
# Time-ordered as UUIDv7 is: 48 bits of milliseconds, the version, random bits with the variant; 32 digits, as Django stores it.
_ID = (
    "printf('%012x', at_ms) || '7' || printf('%03x', random() & 4095)"
    " || printf('%x', 8 | (random() & 3)) || substr(lower(hex(randomblob(8))), 2)"
)
_TIME = "strftime('%Y-%m-%d %H:%M:%f', at_ms / 1000.0, 'unixepoch') || '000'"
_FRESH = {
    "id": _ID,
    "created_at": _TIME,
    "visitor": f"CASE WHEN visitor IS NULL THEN NULL ELSE {_RANDOM_HEX} END",
    "submission": f"CASE WHEN submission IS NULL THEN NULL ELSE {_RANDOM_HEX} || ':' || {_RANDOM_HEX} END",
    "model_version": "CASE WHEN at_ms < :released THEN '0.9.0' ELSE model_version END",
    "outcome_at": f"CASE WHEN outcome_at IS NULL THEN NULL ELSE {_TIME} END",
    "reviewed_at": f"CASE WHEN reviewed_at IS NULL THEN NULL ELSE {_TIME} END",
}


def make_seeds(file: Path) -> str:
    """Make a database with ``SEEDS`` predictions of every kind through the service; return a token of its API.

    Of a hundred, 40 come by the form (10 of them by users, the others by visitors), 35 by the API and 25 in bulk; 15 are
    reviewed, and of 5 the outcome is known. Sets Django up in this process.
    """
    harness.start_app(file)
    token = harness.prepare_database()
    from django.contrib.auth.models import User
    from django.db import connections, transaction

    from predictions.models import Prediction
    from predictions.services import predict_and_store, record_review

    users = cycle([User.objects.create_user(f"user{number}") for number in range(20)])
    reviewer = User.objects.create_user("reviewer")
    review = Prediction.Review
    reviews = cycle([review.APPROVED, review.APPROVED, review.CORRECTED, review.REJECTED])
    with transaction.atomic():
        for number, record in enumerate(harness.real_records(SEEDS)):
            place = number % 20
            if place < 8:
                visitor = f"{number:032x}"
                told = {"source": Prediction.Source.FORM, "visitor": visitor, "submission": f"{visitor}:{visitor}"}
            else:
                told = {"source": Prediction.Source.API if place < 15 else Prediction.Source.BULK}
            new = predict_and_store(record, user_id=next(users).pk if place not in range(2, 8) else None, **told)
            if place in (0, 8, 15):
                made = Prediction.objects.get(pk=new.id)
                made.review, made.note = next(reviews), "Looks right beside what was sold in that street."
                made.outcome_value = made.value if place == 8 else None
                record_review(made, reviewer)
                made.save()
    connections.close_all()
    return token


def multiply(seeds: Path, file: Path, rows: int) -> float:
    """Make ``file`` a database of so many predictions out of the seeds, with every index of the app; return the seconds."""
    started = time.perf_counter()
    with closing(sqlite3.connect(seeds)) as source:
        source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(seeds, file)
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        for line in _speed():
            database.execute(line)
        database.execute(f"DELETE FROM {_TABLE}")  # noqa: S608  # a constant
        database.execute("ATTACH ? AS seeds", [str(seeds)])
        indexes = database.execute(
            "SELECT name, sql FROM main.sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL", [_TABLE]
        ).fetchall()
        for name, _ in indexes:
            database.execute(f'DROP INDEX main."{name}"')
        columns = [name for _, name, *_ in database.execute(f"PRAGMA main.table_info({_TABLE})")]
        now = int(time.time() * 1000)
        told = {"rows": rows, "start": now - _YEARS_MS, "span": _YEARS_MS, "seeds": SEEDS, "released": now - _YEARS_MS // 2}
        database.execute(_insertion(columns), told)
        for _, sql in indexes:
            database.execute(sql)
        database.execute("DETACH seeds")
        database.execute("PRAGMA journal_mode=WAL")
    return time.perf_counter() - started


def _speed() -> Iterator[str]:
    """What a file that is thrown away after a crash can do without."""
    yield "PRAGMA journal_mode=OFF"
    yield "PRAGMA synchronous=OFF"
    yield "PRAGMA locking_mode=EXCLUSIVE"
    yield "PRAGMA cache_size=-1500000"


def _insertion(columns: list[str]) -> str:
    listed = ", ".join(f'"{name}"' for name in columns)
    chosen = ", ".join(_FRESH.get(name, f'"{name}"') for name in columns)
    # CROSS JOIN keeps SQLite to this order of its loops, so that the time rises from row to row.
    return f"""
        WITH RECURSIVE copies(number) AS (
            SELECT 0 UNION ALL SELECT number + 1 FROM copies WHERE (number + 1) * :seeds < :rows
        )
        INSERT INTO main.{_TABLE} ({listed})
        SELECT {chosen} FROM (
            SELECT seed.*, :start + (copies.number * :seeds + seed.rowid) * :span / :rows AS at_ms
            FROM copies CROSS JOIN seeds.{_TABLE} AS seed LIMIT :rows
        )
    """  # noqa: S608  # names of columns, out of the database itself
