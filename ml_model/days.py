"""Days in ``model.toml``: text as YYYY-MM-DD, with each zero, so that days compare as their text does."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Annotated

from pydantic import BeforeValidator

_LONGEST = 10


def day_of(text: str) -> dt.date:
    """Return the day that ``YYYY-MM-DD`` names; raise ValueError if there is none.

    >>> day_of("2020-1-5").isoformat()
    '2020-01-05'
    """
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  # a day has no time zone
    except ValueError:
        raise ValueError(f"got '{text[:40]}'") from None


def text_of_day(value: object) -> object:
    """Return a date of TOML as text, and any other value as it is."""
    return value.isoformat() if type(value) is dt.date else value


def _padded(value: object) -> object:
    value = text_of_day(value)
    if isinstance(value, str) and len(value) <= _LONGEST:
        with contextlib.suppress(ValueError):
            return day_of(value).isoformat()
    return value


Day = Annotated[str, BeforeValidator(_padded)]
"""A day that may be written without its zeros, or as a date of TOML; text that is no day stays as it is."""
