"""Typed readers of environment variables. A bad value stops the start and names its key."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})
_HOST = re.compile(r"\.?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\]", re.ASCII | re.IGNORECASE)
_ORIGIN = re.compile(r"https?://(?:\*\.)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+", re.ASCII)
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


def hosts(key: str, default: str) -> list[str]:
    """Return ``key`` as names of hosts, without scheme and port; ``.example.com`` also means its sub-domains."""
    names = words(key, default)
    if not names:
        raise EnvironmentProblem(key, "names no host; write for example houses.example.com")
    for name in names:
        if name == "*":
            raise EnvironmentProblem(key, "is '*', which admits forged hosts; list the names of the site")
        if not _HOST.fullmatch(name):
            problem = f"has '{name}'; write the name of a host without scheme, port and path, for example houses.example.com"
            raise EnvironmentProblem(key, problem)
    return names


def origins(key: str) -> list[str]:
    """Return ``key`` as origins: a scheme and a host, and nothing behind them."""
    values = words(key)
    for value in values:
        if not _ORIGIN.fullmatch(value):
            problem = f"has '{value}'; write scheme and host without a path, for example https://houses.example.com"
            raise EnvironmentProblem(key, problem)
    return values


def address(key: str, default: str) -> str:
    """Return ``key`` as an address on which this machine can listen; one of IPv6 is in brackets."""
    value = text(key, default).removeprefix("[").removesuffix("]")
    is_v6 = ":" in value
    try:
        socket.create_server((value, 0), family=socket.AF_INET6 if is_v6 else socket.AF_INET).close()
    except (OSError, UnicodeError) as error:
        problem = (
            f"is '{value}', and this machine cannot listen there ({error}); write an address such as 127.0.0.1, 0.0.0.0 or ::"
        )
        raise EnvironmentProblem(key, problem) from None
    return f"[{value}]" if is_v6 else value


def path_prefix(key: str) -> str:
    """Return ``key`` as the path that the site is under, such as /houses; empty if it is not set or is /."""
    value = text(key, "/")
    if value == "/":
        return ""
    if not _PREFIX.fullmatch(value):
        raise EnvironmentProblem(
            key, f"is '{value}'; write a path that begins with / and does not end with it, for example /houses"
        )
    return value


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


def rate(key: str, default: str | None) -> str | None:
    """Return ``key`` as requests per time, such as 600/minute; None, which is no limit, if it is ``none``."""
    value = text(key, default or "none")
    if value == "none":
        return None
    if not _RATE.fullmatch(value):
        raise EnvironmentProblem(
            key, f"is '{value}'; write a number per second, minute, hour or day, such as 600/minute, or none"
        )
    return value


def writable_folder(key: str, folder: Path) -> None:
    """Make ``folder`` where it is missing; ``key`` is to blame where that, or a file in it, cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentProblem(key, f"needs the folder {folder}, which cannot be made: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EnvironmentProblem(key, f"needs the folder {folder}, in which nothing can be written")
