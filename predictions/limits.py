"""Limits on requests, counted in the database, so that all workers and machines count together.

A limit such as 60/minute lets 60 requests through at once and then one each second (the generic cell rate algorithm). All that it
needs is one instant for each client: until when what was asked is used up.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from predictions import sqlite
from predictions.models import Allowance

MOST_COST = 10_000
"""Rows of the largest request."""
_PERIODS_S = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_TABLE = Allowance._meta.db_table  # noqa: SLF001  # public in all but its name
_READ = f"SELECT used_until FROM {_TABLE} WHERE key = %s"  # noqa: S608
_COUNT = f"""
    INSERT INTO {_TABLE} (key, used_until) VALUES (%s, %s) ON CONFLICT (key) DO UPDATE
    SET used_until = %s + CASE WHEN {_TABLE}.used_until BETWEEN %s AND %s THEN {_TABLE}.used_until ELSE %s END
    WHERE {_TABLE}.used_until <= %s OR {_TABLE}.used_until > %s RETURNING used_until
"""  # noqa: S608
_FORGET = f"DELETE FROM {_TABLE} WHERE used_until < %s"  # noqa: S608
_FORGET_EACH_S = 60


@dataclass
class _Cleaning:
    """When this process next deletes what does not count any more."""

    due_at: float = 0.0


_cleaning = _Cleaning()


def count(scope: str, who: object, rate: str | None, cost: int = 1, *, always: bool = False) -> float:
    """Count a request and return 0, or return the seconds until there is room for it and count nothing.

    ``rate`` is a number per second, minute, hour or day; None is no limit. A request of many rows passes if there is room for one
    row, and its ``cost`` counts against those that follow. With ``always`` it is counted whether there is room or not.
    """
    if rate is None:
        return 0
    number, _, period = rate.partition("/")
    period_s = _PERIODS_S[period]
    each_s = period_s / int(number)
    key, now = f"{scope}:{who}", time.time()
    # An instant that no request can have led to was written before the clock was put back.
    latest = now + period_s + MOST_COST * each_s
    full = latest if always else now + period_s - each_s
    connection = sqlite.database()
    used_until = next((found for (found,) in sqlite.run(connection, _READ, [key])), now)
    if full < used_until <= latest:  # without a lock, so that a flood of refused requests delays no writer
        return used_until - full
    cost_s = cost * each_s
    with sqlite.Turn(connection):
        counted = sqlite.run(connection, _COUNT, [key, now + cost_s, cost_s, now, latest, now, full, latest])
        if time.monotonic() > _cleaning.due_at:
            _cleaning.due_at = time.monotonic() + _FORGET_EACH_S
            sqlite.run(connection, _FORGET, [now])
    return 0 if counted else each_s
