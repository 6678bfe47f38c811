"""Probes: is the process alive, and may it be sent requests?

Readiness needs what a prediction needs: it has the model loaded, opens a connection of its own and commits a write. So it sees a
full disk, a read-only or deleted file, a missing table and a lock. One look serves all probes of a second.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from ml_model.errors import FieldError
from predictions import embedded, sqlite, stopping
from predictions.api.errors import RETRY_AFTER_S
from predictions.api.problems import problem_response
from predictions.models import ProbeRow

logger = logging.getLogger(__name__)
_LOOK_S = 2
"""How long one look waits for the database; most probes give up after a few seconds."""
_FRESH_S = 1.0
"""How long the result of a look is used."""
_FILLER_BYTES = 16_384
"""More pages than a prediction writes, so that the last free block of a disk does not make a probe succeed."""
_NOT_LOADED = "No release of the model is loaded; the log and 'python manage.py check' say why."
_REASONS = {
    "SQLITE_FULL": "the disk is full",
    "SQLITE_READONLY": "its file is read-only",
    "SQLITE_CANTOPEN": "its file is missing or cannot be opened",
    "SQLITE_BUSY": "another process has locked it",
    "SQLITE_CORRUPT": "its file is damaged; restore a backup",
    "SQLITE_NOTADB": "its file is not a database; restore a backup",
}
_NO_STORE = {"Cache-Control": "no-store"}


@require_safe
def live(_request: HttpRequest) -> HttpResponse:
    """Answer 200 whenever the process can answer at all."""
    return JsonResponse({"status": "live"}, headers=_NO_STORE)


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 with the live release if a prediction could be made and stored, and otherwise 503 with what is missing."""
    stop = [_fault("server", "The server is about to stop.")] if stopping.has_begun() else []
    faults = [*stop, *probe.faults()]
    if faults:
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        detail = "This process must not be sent requests yet."
        return problem_response(request, "unavailable", detail, errors=faults, headers=headers)
    answer = {"status": "ready", "version": embedded.live().version, "live_by": embedded.live_by()}
    return JsonResponse(answer, headers=_NO_STORE)


# Also by the names that the Open Inference Protocol gives them.
_PROBES = {"/health/live": live, "/health/ready": ready, "/v2/health/live": live, "/v2/health/ready": ready}


class ProbeMiddleware:
    """Answers the probes before anything else may refuse them: a prober addresses a process by its number, not by its name."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = _PROBES.get(request.path_info)
        if probe is None:
            return self.get_response(request)
        response = probe(request)
        response.headers["Content-Length"] = str(len(response.content))
        return response


class Probe:
    """Looks at the model and the database, one look at a time, and keeps what it found for a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: list[FieldError] = []
        self._applied: set[tuple[str, str]] = set()
        self.forget()

    def forget(self) -> None:
        """Make the next probe look again."""
        self._looked_at = float("-inf")

    def faults(self) -> list[FieldError]:
        """Return what is missing."""
        if not self._lock.acquire(timeout=_LOOK_S):
            return [_fault("database", "The model or the database does not answer in time.")]
        try:
            if time.monotonic() - self._looked_at >= _FRESH_S:
                found = [*_faults_of_model(), *self._faults_of_database()]
                if found != self._found:
                    logger.warning("readiness: %s", " ".join(fault.detail for fault in found) or "nothing is missing any more")
                self._found, self._looked_at = found, time.monotonic()
            return self._found
        finally:
            self._lock.release()

    def _faults_of_database(self) -> list[FieldError]:
        try:
            with _own_connection() as connection:
                missing = _missing_tables(connection)
                pending = 0 if missing else self._pending_migrations(connection)
                if not missing:
                    _write(connection)
        except (DatabaseError, InterfaceError) as error:
            name = getattr(error.__cause__, "sqlite_errorname", "")
            reason = next((f": {text}" for code, text in _REASONS.items() if name.startswith(code)), "")
            return [_fault("database", f"The database does not take writes{reason}.")]
        if missing:
            detail = f"The table {missing[0]} is missing; restore a backup, or run 'python manage.py migrate' for a new database."
            return [_fault("migrations", detail)]
        if pending:
            return [_fault("migrations", f"{pending} migrations are not applied; run 'python manage.py migrate'.")]
        return []

    def _pending_migrations(self, connection: BaseDatabaseWrapper) -> int:
        """Return how many migrations are not applied; only a change of those that are makes it read the files again."""
        applied = set(MigrationRecorder(connection).applied_migrations())
        if applied == self._applied:
            return 0
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if not plan:
            self._applied = applied
        return len(plan)


probe = Probe()


def _fault(code: str, detail: str) -> FieldError:
    return FieldError(pointer=f"/{code}", code=code, detail=detail)


def _faults_of_model() -> list[FieldError]:
    try:
        embedded.live()
    except embedded.ModelUnavailable:
        return [_fault("model", _NOT_LOADED)]
    return []


@contextmanager
def _own_connection() -> Iterator[BaseDatabaseWrapper]:
    """Yield a new connection, as the next request of a new thread would get it, with little patience."""
    connection = sqlite.database().copy()
    waits = {"timeout": _LOOK_S} if connection.vendor == "sqlite" else {"connect_timeout": _LOOK_S}
    connection.settings_dict["OPTIONS"] |= waits
    try:
        yield connection
    finally:
        connection.close()


def _missing_tables(connection: BaseDatabaseWrapper) -> list[str]:
    expected = connection.introspection.django_table_names(include_views=False)
    return sorted(set(expected) - set(connection.introspection.table_names()))


def _write(connection: BaseDatabaseWrapper) -> None:
    """Commit a write; raise DatabaseError if that fails or takes too long."""
    table = ProbeRow._meta.db_table  # noqa: SLF001  # public in all but its name
    statement = f"INSERT INTO {table} VALUES (1, %s) ON CONFLICT (id) DO UPDATE SET filler = excluded.filler"  # noqa: S608
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            connection.set_autocommit(False)  # a pooler gives the session to others, so the limit ends with the transaction
            cursor.execute(f"SET LOCAL statement_timeout = '{_LOOK_S}s'")
        # Other bytes each time, because SQLite does not write a page whose content stays the same.
        cursor.execute(statement, [os.urandom(_FILLER_BYTES).hex()])
    connection.commit()
