"""Probes: is the process alive, and may it be sent requests?"""

from __future__ import annotations

from collections.abc import Callable

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from ml_model.errors import FieldError
from predictions import embedded
from predictions.api.errors import RETRY_AFTER_S
from predictions.api.problems import problem_response

_LOCK_WAIT_MS = 2000
"""How long a probe waits for a writer of SQLite; most probes give up after a few seconds."""
_NOT_LOADED = "No release of the model is loaded; the log and 'python manage.py check' say why."
_NO_STORE = {"Cache-Control": "no-store"}


@require_safe
def live(_request: HttpRequest) -> HttpResponse:
    """Answer 200 whenever the process can answer at all."""
    return JsonResponse({"status": "live"}, headers=_NO_STORE)


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 with the live release where a prediction could be made and stored, and otherwise 503 with what is missing."""
    faults = _faults()
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


class _Migrations:
    """Whether all migrations are applied; once they are, that is not asked again."""

    applied = False

    @classmethod
    def pending(cls) -> int:
        if cls.applied:
            return 0
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        cls.applied = not plan
        return len(plan)


def _faults() -> list[FieldError]:
    faults = []
    if not embedded.is_loaded():
        faults.append(FieldError(pointer="/model", code="model", detail=_NOT_LOADED))
    try:
        _ask_database()
        pending = _Migrations.pending()
    except DatabaseError:
        faults.append(FieldError(pointer="/database", code="database", detail="The database does not take writes."))
    else:
        if pending:
            detail = f"{pending} migrations are not applied; run 'python manage.py migrate'."
            faults.append(FieldError(pointer="/migrations", code="migrations", detail=detail))
    return faults


def _ask_database() -> None:
    """Raise DatabaseError where the database does not answer or, on SQLite, does not let anybody write."""
    with connection.cursor() as cursor:
        if connection.vendor != "sqlite":
            cursor.execute("SELECT 1")
            return
        waits_ms = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {_LOCK_WAIT_MS}")
        try:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {waits_ms}")
