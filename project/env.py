"""Typed readers of environment variables. A bad value stops the start and names its key."""

from __future__ import annotations

import os
import re
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})
_RATE = re.compile(r"[1-9]\d{0,8}/(second|minute|hour|day)", re.ASCII)


class EnvironmentProblem(ImproperlyConfigured):
    """An environment variable is missing or cannot be used."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"environment variable {key}: {problem}")


def text(key: str, default: str | None = None) -> str:
    """Return the value of ``key``; without a default it must be set and not empty."""
    value = os.environ.get(key, "").strip() or default
    if value is None:
        raise EnvironmentProblem(key, "is not set")
    return value


def boolean(key: str, *, default: bool) -> bool:
    """Return whether ``key`` is 1, true, yes or on; 0, false, no and off are the contrary."""
    value = text(key, str(default)).casefold()
    if value not in _YES | _NO:
        raise EnvironmentProblem(key, f"is '{value}'; write 1 or 0")
    return value in _YES


def integer(key: str, *, default: int, least: int, most: int) -> int:
    """Return ``key`` as a whole number between two bounds."""
    value = text(key, str(default))
    try:
        number = int(value)
    except ValueError:
        raise EnvironmentProblem(key, f"is '{value}'; write a whole number") from None
    if not least <= number <= most:
        raise EnvironmentProblem(key, f"is {number}; it must be from {least} to {most}")
    return number


def words(key: str, default: str = "") -> list[str]:
    """Return the comma-separated parts of ``key``."""
    return [word for part in text(key, default).split(",") if (word := part.strip())]


def choice(key: str, default: str, allowed: list[str]) -> str:
    """Return ``key`` in upper case, which must be one of ``allowed``."""
    value = text(key, default).upper()
    if value not in allowed:
        raise EnvironmentProblem(key, f"is '{value}'; write one of {', '.join(allowed)}")
    return value


def time_zone(key: str, default: str) -> str:
    """Return ``key`` as the name of a time zone, such as Europe/Berlin."""
    value = text(key, default)
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise EnvironmentProblem(key, f"is '{value}', which is no time zone; write for example Europe/Berlin") from None
    return value


def database(key: str, default: str, *, conn_max_age_s: int) -> dj_database_url.DBConfig:
    """Return the database that the URL ``key`` names."""
    value = text(key, default)
    try:
        parsed = dj_database_url.parse(value, conn_max_age=conn_max_age_s)
    except ValueError:
        problem = "is no URL of a database; write postgres://user:password@host/name or sqlite:////path/to/file"
        raise EnvironmentProblem(key, problem) from None
    if parsed.get("ENGINE") == "django.db.backends.sqlite3" and Path(str(parsed.get("NAME"))).is_dir():
        raise EnvironmentProblem(key, "names a folder; name a file in it")
    return parsed


def rate(key: str) -> str | None:
    """Return ``key`` as requests per time, such as 600/minute; None, which is no limit, where it is not set."""
    value = text(key, "none")
    if value == "none":
        return None
    if not _RATE.fullmatch(value):
        raise EnvironmentProblem(key, f"is '{value}'; write a number per second, minute, hour or day: 600/minute")
    return value


def writable_folder(key: str, folder: Path) -> None:
    """Make ``folder`` where it is missing; ``key`` is to blame where that, or a file in it, cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentProblem(key, f"needs the folder {folder}, which cannot be made: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EnvironmentProblem(key, f"needs the folder {folder}, in which nothing can be written")
